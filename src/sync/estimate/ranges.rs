//! Ranges that are counted for an estimate: what a stopped run left can be dozens of windows, and each count is a request.
//! Pure.

use chrono::TimeDelta;

use crate::ledger::Range;

/// Ranges that are counted for one resource.
const MOST_COUNTS: usize = 4;

/// A range that is counted in one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) range: Range,
    /// How much of it is to be read.
    pub(super) meant: TimeDelta,
}

/// The ranges without the joints between them, and no more than may be counted: those that lie closest together are then
/// counted as one, with what lies between them.
pub(super) fn few(ranges: &[Range]) -> Vec<Counted> {
    let gap = |newer: &Counted, older: &Range| newer.range.from - older.to;
    let mut ranges = ranges.to_vec();
    ranges.sort_by_key(|range| std::cmp::Reverse(range.to));
    let mut few: Vec<Counted> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match few.last_mut() {
            Some(newer) if gap(newer, &range) <= TimeDelta::milliseconds(1) => {
                newer.range.from = newer.range.from.min(range.from);
                newer.meant = newer.range.to - newer.range.from;
            }
            _ => few.push(Counted { range, meant: range.to - range.from }),
        }
    }
    while few.len() > MOST_COUNTS
        && let Some(place) = (1..few.len()).min_by_key(|place| gap(&few[place - 1], &few[*place].range))
    {
        let older = few.remove(place);
        few[place - 1].range.from = older.range.from;
        few[place - 1].meant += older.meant;
    }
    few
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn range(from: i64, to: i64) -> Range {
        let at = |minutes| DateTime::from_timestamp(minutes * 60, 0).expect("a time in range");
        Range::new(at(from), at(to))
    }

    fn whole(from: i64, to: i64) -> Counted {
        Counted { range: range(from, to), meant: TimeDelta::minutes(to - from) }
    }

    #[test]
    fn ranges_that_touch_or_overlap_are_counted_once() {
        assert_eq!(few(&[range(20, 30), range(0, 10), range(10, 20)]), [whole(0, 30)]);
        assert_eq!(few(&[range(5, 30), range(0, 10)]), [whole(0, 30)]);
        assert_eq!(few(&[range(0, 10), range(20, 30)]), [whole(20, 30), whole(0, 10)]);
    }

    #[test]
    fn many_windows_are_counted_in_a_few_requests_and_none_is_left_out() {
        let windows: Vec<_> = (0..20).map(|number| range(number * 100, number * 100 + 50 + number)).collect();
        let few = few(&windows);
        assert_eq!(few.len(), MOST_COUNTS);
        let within =
            |window: &Range, counted: &Counted| counted.range.from <= window.from && window.to <= counted.range.to;
        assert!(windows.iter().all(|window| few.iter().any(|counted| within(window, counted))));
        let meant: TimeDelta = few.iter().map(|counted| counted.meant).sum();
        assert_eq!(meant, windows.iter().map(|window| window.to - window.from).sum());
    }
}
