//! The walk against a portal of a few lines: every record is read, whatever ties, caps and readings of bounds.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::frame::Drain;
use super::*;
use crate::ledger::WindowId;

/// A portal with records that change only when a test says so.
struct Portal {
    /// Modified and created second, department; the index is the id.
    records: Vec<(i64, i64, usize)>,
    cap: u32,
    limit: u32,
    inclusive: bool,
    counts: bool,
    requests: u32,
}

const DEPARTMENTS: usize = 3;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).expect("a time in range")
}

fn window(from: i64, to: i64) -> Window {
    Window { id: WindowId(1), ..Window::of(Key::Modified, Range::new(at(from), at(to))) }
}

impl Portal {
    fn new(records: Vec<(i64, i64, usize)>) -> Self {
        Self { records, cap: 4999, limit: 10, inclusive: true, counts: true, requests: 0 }
    }

    fn within(&self, range: &Range, time: DateTime<Utc>) -> bool {
        if self.inclusive { range.from <= time && time <= range.to } else { range.from < time && time < range.to }
    }

    fn answer(&mut self, ask: &PageAsk) -> Result<(Vec<Keys>, Option<u64>), Problem> {
        self.requests += 1;
        let over = |field: &str, largest| Err(Problem::Range { field: field.into(), largest });
        if ask.limit > self.limit {
            return over("limit", self.limit);
        }
        if ask.from > self.cap {
            return over("from", self.cap);
        }
        if ask.from + ask.limit > self.cap + 1 {
            return Err(Problem::Depth(self.cap + 1));
        }
        let mut found: Vec<_> = self
            .records
            .iter()
            .enumerate()
            .filter(|(_, (modified, created, department))| {
                ask.modified.as_ref().is_none_or(|range| self.within(range, at(*modified)))
                    && ask.created.as_ref().is_none_or(|range| self.within(range, at(*created)))
                    && ask.cut_by.iter().all(|(split, wanted)| match split {
                        Split::Department => *wanted == department.to_string(),
                        _ => true,
                    })
            })
            .map(|(id, (modified, created, _))| {
                let key = if ask.order == Key::Modified { modified } else { created };
                (*key, id, *modified, *created)
            })
            .collect();
        found.sort_unstable();
        if ask.is_descending {
            found.reverse();
        }
        let count = self.counts.then_some(found.len() as u64);
        let page = found.into_iter().skip(ask.from as usize).take(ask.limit as usize);
        let keys = page.map(|(_, id, modified, created)| Keys {
            id: Some(id.to_string()),
            modified: Some(at(modified)),
            created: Some(at(created)),
        });
        Ok((keys.collect(), count))
    }

    /// Believes a doubted answer as far as the counts of wider ranges bear it out.
    fn settle(&mut self, walk: &mut Walk, from: u32, rows: usize) -> Result<(), Stuck> {
        let passed = u64::from(from) + rows as u64;
        if !self.counts {
            return walk.believe(passed);
        }
        let asks = walk.counts().expect("a page was asked for");
        let [all, before] = asks.map(|ask| self.answer(&ask).expect("a page of one row").1.expect("a count"));
        assert!(all - before <= passed, "{} records are hidden", all - before - passed);
        walk.believe(all - before)
    }

    /// Reads a window to its end, saving and taking up the position after each page; gives the ids that came.
    fn read(&mut self, rules: Rules, mut window: Window) -> Result<BTreeSet<usize>, Stuck> {
        let mut seen = BTreeSet::new();
        let mut walk = Walk::new(rules, &window);
        for _ in 0..10_000 {
            match walk.ask() {
                None => return Ok(seen),
                Some(Ask::Values(_)) => walk.values((0..DEPARTMENTS).map(|id| id.to_string()).collect())?,
                Some(Ask::Page(ask)) => match self.answer(&ask) {
                    Err(problem) => walk.refused(&problem)?,
                    Ok((keys, count)) => {
                        seen.extend(keys.iter().filter_map(|keys| keys.id.as_ref()?.parse::<usize>().ok()));
                        if walk.learn(&keys.iter().collect::<Vec<_>>(), count)?.is_some() {
                            self.settle(&mut walk, ask.from, keys.len())?;
                        }
                        window.progress = walk.progress();
                        if window.progress.done {
                            return Ok(seen);
                        }
                        walk = Walk::new(walk.rules(), &window);
                    }
                },
            }
        }
        panic!("the walk does not end");
    }
}

fn rules() -> Rules {
    Rules { limit: 10, reach: None, first_row: 0, splits: &[Split::CreatedTime, Split::Department] }
}

/// Records of one instant.
fn tie(ids: std::ops::Range<usize>) -> Vec<Keys> {
    ids.map(|id| Keys { id: Some(id.to_string()), modified: Some(at(50)), created: None }).collect()
}

fn all(count: usize) -> BTreeSet<usize> {
    (0..count).collect()
}

#[test]
fn an_empty_window_is_not_believed_at_once() {
    let mut walk = Walk::new(rules(), &window(0, 100));
    assert_eq!(walk.learn(&[], None), Ok(Some(Doubt::Empty)));
    walk.believe(0).expect("an end");
    assert_eq!(walk.ask(), None);
}

#[test]
fn a_short_page_that_the_count_confirms_ends_the_window() {
    let mut portal = Portal::new((0..7).map(|second| (second, 0, 0)).collect());
    assert_eq!(portal.read(rules(), window(0, 100)), Ok(all(7)));
    assert_eq!(portal.requests, 1);
}

#[test]
fn a_short_page_without_a_count_is_asked_for_what_lies_behind_it() {
    let mut portal = Portal::new((0..7).map(|second| (second, 0, 0)).collect());
    portal.counts = false;
    assert_eq!(portal.read(rules(), window(0, 100)), Ok(all(7)));
    // From the last key on, and then behind the row that has it.
    assert_eq!(portal.requests, 3);
}

#[test]
fn a_portal_that_gives_smaller_pages_than_asked_loses_nothing() {
    let mut portal = Portal::new((0..57).map(|second| (second / 3, 0, 0)).collect());
    portal.limit = 4;
    assert_eq!(portal.read(rules(), window(0, 100)), Ok(all(57)));
}

#[test]
fn a_tie_beyond_every_offset_is_cut_by_created_time_and_department() {
    // 90 records of one instant behind a cap of 30: 60 of them created at different times, 30 at once.
    let records = || (0..90).map(|id| (50, if id < 60 { id } else { 65 }, id as usize % DEPARTMENTS)).collect();
    for inclusive in [true, false] {
        let mut portal = Portal::new(records());
        (portal.cap, portal.inclusive) = (29, inclusive);
        assert_eq!(portal.read(rules(), window(0, 100)), Ok(all(90)), "inclusive: {inclusive}");
    }
}

#[test]
fn an_instant_that_nothing_cuts_is_an_error_and_not_a_gap() {
    let mut portal = Portal::new(vec![(50, 40, 1); 90]);
    portal.cap = 29;
    assert_eq!(portal.read(rules(), window(0, 100)), Err(Stuck::TooManyAtOnce { instant: at(40), reach: 30 }));
    // From both ends, twice as many can be reached.
    let mut portal = Portal::new(vec![(50, 40, 1); 55]);
    portal.cap = 29;
    assert_eq!(portal.read(rules(), window(0, 100)), Ok(all(55)));
}

#[test]
fn keys_that_go_back_end_the_walk() {
    let keys = |second| Keys { id: Some("1".into()), modified: Some(at(second)), created: None };
    let mut walk = Walk::new(rules(), &window(0, 100));
    let stuck = walk.learn(&[&keys(7), &keys(6)], None);
    assert_eq!(stuck, Err(Stuck::Unsorted { before: at(7), found: at(6) }));
}

#[test]
fn an_instant_that_moves_while_it_is_drained_is_read_again() {
    let mut walk = Walk::new(rules(), &window(50, 100));
    walk.learn(&tie(0..10).iter().collect::<Vec<_>>(), Some(30)).expect("a first page");
    assert!(matches!(walk.ask(), Some(Ask::Page(PageAsk { from: 9, .. }))));
    // Record 3 was edited: what was row 10 is row 9 now.
    walk.learn(&tie(10..20).iter().collect::<Vec<_>>(), Some(29)).expect("a second page");
    assert!(matches!(walk.ask(), Some(Ask::Page(PageAsk { from: 0, .. }))));
}

/// Seed 2916527653 of the simulation.
#[test]
fn an_instant_that_never_came_to_rest_is_tried_again_by_the_next_run() {
    let (first, moved) = (tie(0..10), tie(10..20));
    let (first, moved): (Vec<_>, Vec<_>) = (first.iter().collect(), moved.iter().collect());
    let mut walk = Walk::new(rules(), &window(50, 100));
    let end = (0..10_000).find_map(|_| {
        walk.learn(&first, Some(30)).expect("a first page is where it was");
        walk.learn(&moved, Some(30)).err()
    });
    assert!(matches!(end, Some(Stuck::Unsettled { .. })), "{end:?}");
    let mut next = Walk::new(rules(), &Window { progress: walk.progress(), ..window(50, 100) });
    next.learn(&moved, Some(30)).expect("it moves once more, and is read again");
    assert!(matches!(next.ask(), Some(Ask::Page(PageAsk { from: 0, .. }))));
}

#[test]
fn a_position_of_another_version_starts_at_the_saved_instant() {
    let mut saved = window(0, 100);
    saved.progress.at = at(42);
    saved.progress.position = Some(r#"{"v":9}"#.into());
    match Walk::new(rules(), &saved).ask() {
        Some(Ask::Page(ask)) => {
            assert_eq!(ask.modified.map(|range| range.from), Some(at(42) - TimeDelta::milliseconds(1)));
        }
        other => panic!("no page: {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Worlds with few seconds and many records, so that ties of all sizes occur at every place.
    #[test]
    fn every_record_of_the_window_is_read(
        records in prop::collection::vec((0i64..12, 0i64..6, 0..DEPARTMENTS), 0..160),
        cap in prop_oneof![Just(4999u32), 60u32..90],
        limit in 3u32..12,
        inclusive in any::<bool>(),
        counts in any::<bool>(),
    ) {
        let total = records.len();
        let mut portal = Portal { cap, limit, inclusive, counts, ..Portal::new(records) };
        match portal.read(rules(), window(0, 11)) {
            Ok(seen) => prop_assert_eq!(seen, all(total)),
            // Only where one second of change, creation and department really holds more than can be reached.
            Err(stuck) => prop_assert!(matches!(stuck, Stuck::TooManyAtOnce { .. }), "{:?}", stuck),
        }
        prop_assert!(portal.requests as usize <= 40 + 12 * total.div_ceil(limit as usize - 1));
    }

    /// Windows that tile a range read, together, what one window over it reads.
    #[test]
    fn windows_that_tile_a_range_read_all_of_it(
        seconds in prop::collection::vec(0i64..1000, 0..200), cuts in prop::collection::vec(1i64..1000, 0..4),
        inclusive in any::<bool>(),
    ) {
        let records: Vec<_> = seconds.iter().map(|second| (*second, 0, 0)).collect();
        let total = records.len();
        let mut portal = Portal { inclusive, ..Portal::new(records) };
        let mut ages: Vec<_> = cuts.into_iter().map(TimeDelta::seconds).collect();
        ages.sort();
        let mut seen = BTreeSet::new();
        for range in Range::new(at(0), at(1000)).newest_first(&ages) {
            seen.extend(portal.read(rules(), Window::of(Key::Modified, range)).expect("a walk to the end"));
        }
        prop_assert_eq!(seen, all(total));
    }
}

#[test]
fn what_is_given_away_and_what_is_kept_tile_the_window() {
    let rules = Rules { limit: 10, reach: None, first_row: 0, splits: &[] };
    assert_eq!([99, 100, 149, 150].map(|records| rules.parts(records)), [1, 2, 2, 3]);
    let mut walk = Walk::new(rules, &window(0, 1_000));
    assert_eq!(walk.newest_of(1), None);
    let given = walk.newest_of(4).expect("a part");
    assert_eq!(given, Range { from: at(750), to: at(1_000) });
    walk.give_away(given);
    let Some(Ask::Page(page)) = walk.ask() else { panic!("a page") };
    // A millisecond late, as every end is sent.
    assert_eq!(page.modified.map(|range| range.to), Some(given.from));
    assert_eq!(walk.newest_of(3), Some(Range { from: at(499), to: at(750) - TimeDelta::milliseconds(1) }));
}

#[test]
fn a_window_of_one_second_is_not_split() {
    let rules = Rules { limit: 10, reach: None, first_row: 0, splits: &[] };
    assert_eq!(Walk::new(rules, &window(7, 8)).newest_of(2), None);
}

#[test]
fn an_end_that_shows_fewer_records_than_were_counted_is_doubted() {
    let keys = |second: i64| Keys { id: Some(second.to_string()), modified: Some(at(second)), created: None };
    let pages: Vec<Keys> = (0..20).map(keys).collect();
    let page = |range: std::ops::Range<usize>| pages[range].iter().collect::<Vec<_>>();
    let begun = || {
        let mut walk = Walk::new(rules(), &window(0, 100));
        assert_eq!(walk.learn(&page(0..10), Some(15)), Ok(None));
        walk
    };
    let mut walk = begun();
    // Row 9 comes again, and five behind it.
    assert_eq!(walk.learn(&page(9..15), Some(6)), Ok(None));
    assert_eq!(walk.ask(), None);
    assert_eq!(begun().learn(&[], None), Ok(Some(Doubt::WithoutFirst)));
    assert_eq!(begun().learn(&page(10..15), Some(5)), Ok(Some(Doubt::WithoutFirst)));
    assert_eq!(begun().learn(&page(9..12), Some(3)), Ok(Some(Doubt::Fewer)));
    let mut given_away = begun();
    given_away.give_away(given_away.newest_of(2).expect("a part"));
    assert_eq!(given_away.learn(&page(9..12), Some(3)), Ok(Some(Doubt::Unproven)));
    assert_eq!(given_away.rest(), Range { from: at(9), to: at(54) - TimeDelta::milliseconds(1) });
}

#[test]
fn what_lies_before_a_window_is_not_left_to_read() {
    let mut held = Walk::new(rules(), &window(100, 200)).from_held(at(0), vec!["a".into()]);
    assert_eq!(held.rest(), Range { from: at(100), to: at(200) });
    assert_eq!(held.newest_of(2).map(|part| part.from), Some(at(150)));
    // In the instant of the row that is held, which is no part of the window.
    held.frames[0].drain = Some(Drain { offset: 1, anchor: "a".into(), restarts: 0 });
    assert_eq!(held.beyond(), Some(Range { from: at(101), to: at(200) }));
}

#[test]
fn a_page_that_gives_less_than_it_counts_is_read_on_by_its_rows() {
    let mut walk = Walk::new(rules(), &window(50, 100));
    let keys = tie(0..6);
    let records: Vec<_> = keys.iter().collect();
    assert_eq!(walk.learn(&records[..4], Some(6)), Ok(None));
    assert!(matches!(walk.ask(), Some(Ask::Page(PageAsk { from: 3, .. }))));
    assert_eq!(walk.learn(&records[3..4], Some(6)), Ok(Some(Doubt::Fewer)), "it gives nothing new");
    assert_eq!(walk.learn(&records[3..], Some(6)), Ok(None));
    assert_eq!(walk.ask(), None);
}

#[test]
fn a_position_that_is_older_than_a_split_does_not_reach_into_what_was_given_away() {
    let rules = Rules { limit: 2, reach: None, first_row: 0, splits: &[] };
    let mut walk = Walk::new(rules, &window(0, 1_000));
    let keys = |id: &str| Keys { id: Some(id.into()), modified: Some(at(7)), created: Some(at(7)) };
    let (one, two) = (keys("1"), keys("2"));
    // The first page leads to the second 7; the second shows that it is full of ties, so offsets are noted.
    for _ in 0..2 {
        walk.learn(&[&one, &two], Some(100)).expect("it goes on");
    }
    let noted = walk.progress();
    assert!(noted.position.is_some());
    let shortened = Window { range: Range::new(at(0), at(499)), progress: noted, ..window(0, 1_000) };
    let Some(Ask::Page(page)) = Walk::new(rules, &shortened).ask() else { panic!("a page") };
    assert_eq!(page.modified.map(|range| range.to), Some(at(499) + TimeDelta::milliseconds(1)));
}
