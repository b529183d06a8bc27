//! What reading takes, as named parts: how many requests a run needs for so many records. Pure; how many there are is asked
//! by `sizes`, what they cost together is added up by `mod`.

use crate::http;
use crate::ledger::Usage;
use crate::resource::CREDITS_OF_ONE;

/// Pages that each walk has to have, and those that have to be left of a window for it to be split, as `extract::Rules` has
/// it.
const PAGES_OF_A_PART: u64 = 5;
const FEWEST_TO_SPLIT: u64 = 2 * PAGES_OF_A_PART;

/// Counts about more than a range that say what the range holds.
const COUNTS_OF_A_DOUBT: u64 = 2;

/// A part of what reading a resource takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is for.
    pub name: &'static str,
    /// Requests and credits.
    pub usage: Usage,
}

/// What requests of a resource cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prices {
    /// A page of a list or a search, where it begins among the first rows.
    pub(super) page: u64,
}

impl Default for Prices {
    /// As documented, where nothing was asked.
    fn default() -> Self {
        Self { page: http::documented_price(0) }
    }
}

impl Prices {
    pub(super) fn pages(self, name: &'static str, requests: u64) -> Part {
        Part { name, usage: Usage { requests, credits: requests * self.page } }
    }

    /// Records read alone.
    pub(super) fn singles(self, name: &'static str, requests: u64) -> Part {
        Part { name, usage: Usage { requests, credits: requests * CREDITS_OF_ONE.min(self.page) } }
    }

    /// Pages of a list by offset, `limit` rows each: what lies deep costs more.
    pub(super) fn offsets(self, name: &'static str, requests: u64, limit: u32) -> Part {
        let price = |page: u64| http::documented_price(page * new_rows(limit)) * self.page / http::documented_price(0);
        let credits = (0..requests).map(price).sum();
        Part { name, usage: Usage { requests, credits } }
    }
}

impl Part {
    /// So many of it.
    #[must_use]
    pub(super) fn times(self, times: u64) -> Self {
        let Usage { requests, credits } = self.usage;
        Self { usage: Usage { requests: requests * times, credits: credits * times }, ..self }
    }

    /// Both together, under the name of the first.
    #[must_use]
    pub(super) fn and(mut self, other: &Self) -> Self {
        self.usage += other.usage;
        self
    }
}

/// New rows of a page, which begins with the last one of the page before.
fn new_rows(limit: u32) -> u64 {
    u64::from(limit.max(2) - 1)
}

/// Pages of a window of a search. The last one is not full, which the count that it tells proves; an empty answer is asked
/// for once more.
pub(super) fn of_window(records: u64, limit: u32) -> u64 {
    match records {
        0 => 2,
        _ => records.div_ceil(new_rows(limit)),
    }
}

/// Pages of a window of a search that is cut, behind its first page, into parts by age, the newest first, each of which is
/// read by as many walks as there are seats. The last page of a part is half full, on average. One that fits a page is
/// counted: nothing else tells that it is all.
pub(super) fn of_walks(mut ages: Vec<u64>, limit: u32, at_once: u32) -> u64 {
    let mut first = new_rows(limit);
    while let Some(oldest) = ages.pop() {
        if oldest > first {
            ages.push(oldest - first);
            break;
        }
        first -= oldest;
    }
    let seats = u64::from(at_once + at_once / 4);
    let of_age = |records: u64| match of_window(records.max(1), limit) {
        1 => 1 + COUNTS_OF_A_DOUBT,
        pages if pages <= FEWEST_TO_SPLIT => pages,
        pages => pages + seats.min(pages / PAGES_OF_A_PART) / 2,
    };
    1 + ages.into_iter().map(of_age).sum::<u64>()
}

/// Whether a window of so many records is cut into parts behind its first page.
pub(super) fn is_cut(records: u64, limit: u32) -> bool {
    records / u64::from(limit.max(1)) > FEWEST_TO_SPLIT
}

/// Pages of a window of a list that is not counted: behind those that show something new come one from the last record on
/// and one behind it.
pub(super) fn of_uncounted(records: u64, limit: u32) -> u64 {
    match records {
        0 => 2,
        _ => (records - 1).div_ceil(new_rows(limit)).max(1) + 2,
    }
}

/// Pages of a list that is read until one is not full.
pub(super) fn of_list(rows: u64, limit: u32) -> u64 {
    if limit == 0 { 1 } else { rows.div_ceil(new_rows(limit)).max(1) }
}

/// Pages of a list that show something new, and those that prove its end: one with nothing new, and for an empty list the
/// same answer again.
pub(super) fn of_proven_list(rows: u64, limit: u32) -> (u64, u64) {
    match (rows, limit) {
        (_, 0) => (1, 0),
        (0 | 1, _) => (1, 1),
        _ => ((rows - 1).div_ceil(new_rows(limit)), 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_with_a_page_that_is_not_full() {
        assert_eq!([0, 1, 99, 100, 9_900].map(|records| of_window(records, 100)), [2, 1, 1, 2, 100]);
        assert_eq!([0, 1, 50, 51, 99].map(|records| of_uncounted(records, 50)), [2, 3, 3, 4, 4]);
    }

    #[test]
    fn a_long_window_is_cut_by_age_and_among_walks() {
        // The first page holds all that is oldest, and one record of the last year.
        assert_eq!(of_walks(vec![50, 990, 98], 100, 8), 1 + 3 + 10);
        assert_eq!(of_walks(vec![0, 99, 198], 100, 8), 1 + 3 + 3 + 3);
        assert_eq!(of_walks(vec![99_099], 100, 8), 1 + 1_000 + 5);
        assert!(is_cut(1_100, 100) && !is_cut(1_099, 100));
    }

    #[test]
    fn a_list_that_is_read_for_the_first_time_proves_its_end() {
        assert_eq!(
            [0, 1, 100, 101, 199].map(|rows| of_proven_list(rows, 100)),
            [(1, 1), (1, 1), (1, 1), (2, 1), (2, 1)]
        );
        assert_eq!(of_proven_list(700, 0), (1, 0));
        assert_eq!([0, 99, 100].map(|rows| of_list(rows, 100)), [1, 1, 2]);
    }

    #[test]
    fn what_lies_deep_costs_more() {
        let credits = |requests| Prices { page: 3 }.offsets("", requests, 101).usage.credits;
        assert_eq!([1, 21, 22].map(credits), [3, 63, 73]);
    }
}
