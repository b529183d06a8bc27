//! Windows of modified time: what they are, how far each has been read. How one is read is `extract`'s business.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// Number of a window of its resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WindowId(pub i64);

/// A closed range of modified time, in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// First instant.
    pub from: DateTime<Utc>,
    /// Last instant.
    pub to: DateTime<Utc>,
}

impl Range {
    /// The range from `from` to `to`, both cut to milliseconds; one instant long when `to` comes first.
    pub fn new(from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        let from = from.trunc_subsecs(3);
        Self { from, to: to.trunc_subsecs(3).max(from) }
    }

    /// Cuts the range at `ages` before its end, newest part first, without gap or overlap.
    ///
    /// A part needs a request of its own even when it is empty, so a first run uses few of them.
    pub fn newest_first(self, ages: &[TimeDelta]) -> Vec<Self> {
        let mut parts = Vec::with_capacity(ages.len() + 1);
        let mut rest = self;
        for age in ages {
            let cut = self.to - *age;
            if cut <= rest.from || cut > rest.to {
                continue;
            }
            parts.push(Self { from: cut, to: rest.to });
            rest.to = cut - TimeDelta::milliseconds(1);
        }
        parts.push(rest);
        parts
    }
}

/// How far a window has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Everything before this instant has been read.
    pub at: DateTime<Utc>,
    /// Where inside the instant `at` the walk stands; in `extract`'s own words, kept as it is.
    pub position: Option<String>,
    /// Read to its end.
    pub done: bool,
}

/// One window of one resource, as the ledger holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Its number.
    pub id: WindowId,
    /// What it covers; fixed when the window is made.
    pub range: Range,
    /// How far it has been read.
    pub progress: Progress,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).expect("a time in range")
    }

    #[test]
    fn the_newest_part_comes_first() {
        let parts = Range::new(at(0), at(1000)).newest_first(&[TimeDelta::seconds(10), TimeDelta::seconds(100)]);
        let starts: Vec<_> = parts.iter().map(|part| part.from.timestamp()).collect();
        assert_eq!(starts, [990, 900, 0]);
    }

    #[test]
    fn a_range_younger_than_the_first_age_stays_whole() {
        let range = Range::new(at(995), at(1000));
        assert_eq!(range.newest_first(&[TimeDelta::seconds(10)]), [range]);
    }

    proptest! {
        #[test]
        fn parts_tile_the_range_without_gap_or_overlap(
            from in 0i64..2_000_000_000, length in 0i64..1_000_000_000, ages in prop::collection::vec(1i64..500_000_000, 0..5),
        ) {
            let range = Range::new(at(from), at(from + length));
            let mut ages: Vec<_> = ages.into_iter().map(TimeDelta::seconds).collect();
            ages.sort();
            let parts = range.newest_first(&ages);
            prop_assert_eq!(parts.first().map(|part| part.to), Some(range.to));
            prop_assert_eq!(parts.last().map(|part| part.from), Some(range.from));
            for pair in parts.windows(2) {
                prop_assert_eq!(pair[1].to + TimeDelta::milliseconds(1), pair[0].from);
            }
            for part in parts {
                prop_assert!(part.from <= part.to);
            }
        }
    }
}
