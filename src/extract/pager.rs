//! Paging through a list by offset. Pure: what to ask next, and what an answer teaches. Asking is left to `list`.
//!
//! Zoho counts the rows of some lists from 0, of others from 1, and of some it does not say. So a list is begun without
//! `from`, and each later page begins with the last row that is held: it must come again, near the top, or the list has
//! moved under us and is read from its beginning. That is right whatever the base is, and no row is passed over when
//! another one vanishes between two pages.
//!
//! A page that is shorter than its limit is the last one. Where more depends on it, [`Pager::prove`] asks once more and
//! takes only a page with nothing new as the end: a portal may have a lower limit than it says. Behind a full page that is
//! no proof yet, since an answer that was cut off behind its first row looks the same: two answers have to say that it is
//! the end. A page that contradicts what is known, an empty one at the beginning or one without the row that it has to begin
//! with, is asked for again.

use crate::http::Problem;

/// Times that a list is begun again because it moved.
const MOST_RESTARTS: u32 = 3;

/// A list that is being read.
#[derive(Debug, Clone)]
pub(super) struct Pager {
    /// Rows to ask for; none where the path takes no limit and gives all.
    limit: Option<u32>,
    /// The last row that is held: its number, counted from 0, and its id.
    anchor: Option<(u32, String)>,
    restarts: u32,
    /// Pages that were doubted so far.
    doubts: u32,
    /// The page before was doubted.
    is_doubted: bool,
    may_be_empty: bool,
    proves: bool,
    /// The page before was short.
    was_short: bool,
    done: bool,
}

/// Parameters of the next page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    /// `from`; none for the first page.
    pub(super) from: Option<u32>,
    /// `limit`; none where the path takes none.
    pub(super) limit: Option<u32>,
}

/// Why a list cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// It moved again and again.
    Unsettled,
    /// The rows have no ids to go on from.
    NoKey,
    /// The same rows come whatever is asked for.
    Loop,
}

impl Pager {
    /// At the beginning of a list; `limit` 0 is none.
    pub(super) fn new(limit: u32) -> Self {
        let limit = Some(limit).filter(|limit| *limit > 0);
        Self {
            limit,
            anchor: None,
            restarts: 0,
            doubts: 0,
            is_doubted: false,
            may_be_empty: false,
            proves: false,
            was_short: false,
            done: false,
        }
    }

    /// Takes an empty list for what it is at once.
    pub(super) fn may_be_empty(&mut self) {
        self.may_be_empty = true;
    }

    /// Takes only a page with nothing new for the end. A list that was read already is read on from there.
    pub(super) fn prove(&mut self) {
        if self.limit.is_some() && !self.proves {
            self.proves = true;
            // An empty list has no row to go on from; that nobody believes it beside a table that is not is left to others.
            self.done = self.done && self.anchor.is_none();
        }
    }

    /// What to ask for, no more than `most` rows if that is given; `None` at the end.
    pub(super) fn ask(&self, most: Option<u32>) -> Option<Slice> {
        // A list that counts from 1 has no row 0, and one that is asked for without `from` begins with its first.
        let from = self.anchor.as_ref().map(|(number, _)| *number).filter(|number| *number > 0);
        let limit = self.limit.map(|limit| most.map_or(limit, |most| limit.min(most)));
        (!self.done).then_some(Slice { from, limit })
    }

    /// Takes in the ids of the page that was asked for. One that is doubted comes back as the number of doubts so
    /// far; what to ask next is known all the same.
    pub(super) fn learn(&mut self, ids: &[Option<&str>], asked: Slice) -> Result<Option<u32>, Lost> {
        let was_doubted = std::mem::take(&mut self.is_doubted);
        if ids.is_empty() && self.anchor.is_none() && !self.may_be_empty && !was_doubted {
            return Ok(self.doubt());
        }
        let Some(limit) = asked.limit else {
            self.done = true;
            return Ok(None);
        };
        // Rows up to `known` are held already; the first row of the page has the number `number`.
        let (known, number) = match &self.anchor {
            None => (0, 0),
            Some((number, id)) => match ids.iter().position(|found| *found == Some(id)) {
                Some(place) => (place + 1, number.saturating_sub(place as u32)),
                None if was_doubted => return self.restart(),
                None => return Ok(self.doubt()),
            },
        };
        let (is_short, is_new) = (ids.len() < limit as usize, known < ids.len());
        // A list that is empty at its beginning was doubted before.
        let is_proven = std::mem::replace(&mut self.was_short, is_short) || self.anchor.is_none();
        self.done = if self.proves { !is_new && is_proven } else { is_short };
        if !is_new {
            return match (is_short, self.done) {
                (true, true) => Ok(None),
                (true, false) => Ok(self.doubt()),
                (false, _) => Err(Lost::Loop),
            };
        }
        let last =
            ids.iter().enumerate().rev().find_map(|(place, id)| Some((number + place as u32, (*id)?.to_owned())));
        match last {
            // Behind the last row that tells its id come only rows that do not: no page can begin with one of them.
            Some(last) if self.anchor.as_ref() == Some(&last) && is_short => self.done = true,
            Some(last) if self.anchor.as_ref() == Some(&last) => return Err(Lost::NoKey),
            Some(last) => self.anchor = Some(last),
            None if self.done => {}
            None => return Err(Lost::NoKey),
        }
        Ok(None)
    }

    fn doubt(&mut self) -> Option<u32> {
        self.is_doubted = true;
        self.doubts += 1;
        Some(self.doubts)
    }

    /// Learns from a 422; false where there is nothing to learn.
    pub(super) fn refused(&mut self, problem: &Problem) -> bool {
        match (problem, self.limit) {
            (Problem::Range { field, largest }, Some(limit)) if field == "limit" && (1..limit).contains(largest) => {
                self.limit = Some(*largest);
                true
            }
            _ => false,
        }
    }

    fn restart(&mut self) -> Result<Option<u32>, Lost> {
        if self.restarts == MOST_RESTARTS {
            return Err(Lost::Unsettled);
        }
        self.restarts += 1;
        self.doubts += 1;
        self.anchor = None;
        Ok(Some(self.doubts))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// A list as a portal serves it.
    struct Portal {
        ids: Vec<String>,
        base: usize,
        /// Rows that it gives at most, whatever is asked for.
        cap: usize,
    }

    impl Portal {
        fn new(rows: usize, base: usize) -> Self {
            Self { ids: (0..rows).map(|row| row.to_string()).collect(), base, cap: usize::MAX }
        }

        fn page(&self, slice: Slice) -> Vec<Option<&str>> {
            let skip = slice.from.map_or(0, |from| (from as usize).checked_sub(self.base).expect("no such row"));
            let take = slice.limit.map_or(usize::MAX, |limit| limit as usize).min(self.cap);
            self.ids.iter().skip(skip).take(take).map(|id| Some(id.as_str())).collect()
        }

        /// Reads to the end, and gives the ids and the number of requests.
        fn read(&self, pager: &mut Pager) -> Result<(BTreeSet<String>, usize), Lost> {
            let (mut seen, mut requests) = (BTreeSet::new(), 0);
            while let Some(slice) = pager.ask(None) {
                let page = self.page(slice);
                seen.extend(page.iter().flatten().map(|id| (*id).to_owned()));
                pager.learn(&page, slice)?;
                requests += 1;
            }
            Ok((seen, requests))
        }
    }

    #[test]
    fn a_list_that_fits_a_page_takes_one_request_and_its_proof_another() {
        let (portal, mut pager) = (Portal::new(7, 0), Pager::new(200));
        assert_eq!(portal.read(&mut pager).expect("an end").1, 1);
        pager.prove();
        assert_eq!(portal.read(&mut pager).expect("an end").1, 1);
        pager.prove();
        assert_eq!(pager.ask(None), None);
    }

    #[test]
    fn a_list_without_limits_comes_whole() {
        let mut pager = Pager::new(0);
        assert_eq!(pager.ask(Some(5)), Some(Slice { from: None, limit: None }));
        assert_eq!(Portal::new(300, 0).read(&mut pager).expect("an end").0.len(), 300);
        pager.prove();
        assert_eq!(pager.ask(None), None);
    }

    #[test]
    fn a_lower_limit_than_the_portal_says_is_found_by_the_proof() {
        let portal = Portal { cap: 100, ..Portal::new(250, 0) };
        let mut pager = Pager::new(200);
        pager.prove();
        assert_eq!(portal.read(&mut pager).expect("an end").0.len(), 250);
    }

    #[test]
    fn a_row_that_vanishes_between_two_pages_hides_no_other_one() {
        let (mut portal, mut pager) = (Portal::new(25, 0), Pager::new(10));
        let slice = pager.ask(None).expect("a page");
        pager.learn(&portal.page(slice), slice).expect("a page");
        portal.ids.remove(3);
        let (seen, _) = portal.read(&mut pager).expect("an end");
        assert_eq!(seen.len(), 24);
    }

    #[test]
    fn a_list_that_never_stays_and_one_that_repeats_itself_end() {
        let slice = Slice { from: None, limit: Some(2) };
        let mut pager = Pager::new(2);
        let lost = (0..100).find_map(|round| {
            let (a, b) = (format!("a{round}"), format!("b{round}"));
            pager.learn(&[Some(&a), Some(&b)], slice).err()
        });
        assert_eq!(lost, Some(Lost::Unsettled));

        let mut pager = Pager::new(2);
        pager.learn(&[Some("a"), Some("b")], slice).expect("a page");
        assert_eq!(pager.learn(&[Some("a"), Some("b")], slice), Err(Lost::Loop));
        assert_eq!(Pager::new(2).learn(&[None, None], slice), Err(Lost::NoKey));
    }

    #[test]
    fn rows_without_an_id_at_the_end_do_not_come_for_ever() {
        let mut pager = Pager::new(3);
        pager.prove();
        let slice = Slice { from: None, limit: Some(3) };
        pager.learn(&[Some("a"), Some("b"), None], slice).expect("a page");
        let behind = pager.ask(None).expect("the page behind it");
        assert_eq!((pager.learn(&[Some("b"), None], behind), pager.ask(None)), (Ok(None), None));

        let mut pager = Pager::new(3);
        pager.learn(&[Some("a"), Some("b"), None], slice).expect("a page");
        assert_eq!(pager.learn(&[Some("b"), None, None], behind), Err(Lost::NoKey), "what is behind them is not known");
    }

    #[test]
    fn an_empty_page_is_asked_for_again_where_it_contradicts_what_is_known() {
        let slice = Slice { from: None, limit: Some(2) };
        let mut pager = Pager::new(2);
        assert_eq!(pager.learn(&[], slice), Ok(Some(1)), "an empty list");
        assert!(pager.ask(None).is_some());
        assert_eq!((pager.learn(&[], slice), pager.ask(None)), (Ok(None), None));

        let mut pager = Pager::new(2);
        pager.learn(&[Some("a"), Some("b")], slice).expect("a page");
        let behind = pager.ask(None).expect("the page behind it");
        assert_eq!(pager.learn(&[], behind), Ok(Some(1)), "it has to begin with `b`");
        assert_eq!(pager.ask(None), Some(behind));
        assert_eq!(pager.learn(&[], behind), Ok(Some(2)));
        assert_eq!(pager.ask(None), Some(slice), "from the top");

        let mut pager = Pager::new(2);
        pager.prove();
        assert_eq!((pager.learn(&[], slice), pager.learn(&[], slice), pager.ask(None)), (Ok(Some(1)), Ok(None), None));

        let mut pager = Pager::new(2);
        pager.may_be_empty();
        assert_eq!((pager.learn(&[], slice), pager.ask(None)), (Ok(None), None));
    }

    #[test]
    fn an_answer_that_is_cut_off_behind_its_first_row_proves_nothing() {
        let (portal, mut pager) = (Portal::new(5, 0), Pager::new(3));
        pager.prove();
        let slice = pager.ask(None).expect("a page");
        pager.learn(&portal.page(slice), slice).expect("a page");
        let behind = pager.ask(None).expect("the page behind it");
        assert_eq!(pager.learn(&[Some("2")], behind), Ok(Some(1)));
        assert_eq!(portal.read(&mut pager).expect("an end").0.len(), 3);

        // Where it is the end, two answers say so.
        let (portal, mut pager) = (Portal::new(3, 0), Pager::new(3));
        pager.prove();
        assert_eq!(portal.read(&mut pager).expect("an end").1, 3);
    }

    #[test]
    fn a_limit_is_learnt_from_its_refusal() {
        let mut pager = Pager::new(200);
        assert!(pager.refused(&Problem::Range { field: "limit".into(), largest: 50 }));
        assert_eq!(pager.ask(None), Some(Slice { from: None, limit: Some(50) }));
        assert_eq!(pager.ask(Some(20)), Some(Slice { from: None, limit: Some(20) }));
        assert!(!pager.refused(&Problem::Range { field: "limit".into(), largest: 50 }));
        assert!(!pager.refused(&Problem::Range { field: "from".into(), largest: 5_000 }));
    }

    proptest! {
        /// Whatever the base of the list, every row is read.
        #[test]
        fn no_row_is_passed_over(rows in 0usize..60, base in 0usize..2, limit in 3u32..20, proves in any::<bool>()) {
            let mut pager = Pager::new(limit);
            if proves {
                pager.prove();
            }
            let (seen, requests) = Portal::new(rows, base).read(&mut pager).expect("an end");
            prop_assert_eq!(seen.len(), rows);
            prop_assert!(requests <= rows / (limit as usize - 2) + 2 + usize::from(rows == 0));
        }
    }
}
