//! Windows of time: what they are, for whom, how far each has been read. How one is read is `extract`'s business.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Number of a window of its resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WindowId(pub i64);

/// What the records of a window are ordered and cut by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Key {
    /// Time of the last change.
    Modified,
    /// Time of creation.
    Created,
}

impl Key {
    /// The word in the ledger.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Modified => "modified",
            Self::Created => "created",
        }
    }

    /// The key that is called so in the ledger.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Modified, Self::Created].into_iter().find(|key| key.word() == word)
    }
}

/// Whose windows they are. One never reads the other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Those that the bookmark waits for.
    Sync,
    /// Those of explicit ranges, for which no bookmark waits.
    Backfill,
}

impl Purpose {
    /// The word in the ledger.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Backfill => "backfill",
        }
    }

    /// The purpose that is called so in the ledger.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Sync, Self::Backfill].into_iter().find(|purpose| purpose.word() == word)
    }

    /// What a run of `resources` holds alone while it runs: a warehouse has one sync at a time, and one backfill of each
    /// resource beside it.
    pub fn claims<'a>(self, resources: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        match self {
            Self::Sync => vec![self.word().to_owned()],
            Self::Backfill => {
                let mut claims: Vec<_> =
                    resources.into_iter().map(|resource| format!("{} {resource}", self.word())).collect();
                // Two runs that take them in the same order cannot each hold what the other wants.
                claims.sort();
                claims
            }
        }
    }
}

/// A closed range of time, in whole milliseconds.
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

    /// What is left of the range without `covered`, newest part first.
    pub fn without(self, covered: &[Self]) -> Vec<Self> {
        let mut covered: Vec<_> = covered.iter().filter(|part| part.from <= self.to && part.to >= self.from).collect();
        covered.sort_by_key(|part| std::cmp::Reverse(part.to));
        let (mut parts, mut to) = (Vec::new(), self.to);
        for part in covered {
            if part.to < to {
                parts.push(Self { from: (part.to + TimeDelta::milliseconds(1)).max(self.from), to });
            }
            to = to.min(part.from - TimeDelta::milliseconds(1));
        }
        if to >= self.from {
            parts.push(Self { from: self.from, to });
        }
        parts
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
    /// Which time it is a range of.
    pub key: Key,
    /// What it covers. `from` is fixed when the window is made; `to` only ever moves back, to just before a window that is
    /// made in the same transaction and covers what was given away.
    pub range: Range,
    /// How far it has been read.
    pub progress: Progress,
    /// Whether it was made of a part of another one that held records.
    pub is_part: bool,
}

impl Window {
    /// A window that is in no ledger, and not begun.
    pub fn of(key: Key, range: Range) -> Self {
        let progress = Progress { at: range.from, position: None, done: false };
        Self { id: WindowId(0), key, range, progress, is_part: false }
    }

    /// Whether reading it was begun.
    pub fn is_begun(&self) -> bool {
        self.progress.at != self.range.from || self.progress.position.is_some()
    }

    /// What is still to be read of it.
    pub fn rest(&self) -> Range {
        Range { from: self.progress.at, to: self.range.to }
    }

    /// Whether it holds a part of `range`, which is one of `key`.
    pub fn meets(&self, key: Key, range: Range) -> bool {
        self.key == key && self.range.to >= range.from && self.range.from <= range.to
    }
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
        fn what_is_covered_and_what_is_left_tile_the_range(
            length in 0i64..60, covered in prop::collection::vec((-10i64..70, 0i64..30), 0..5),
        ) {
            let millisecond = |n: i64| DateTime::from_timestamp_millis(n).expect("a time in range");
            let range = Range::new(millisecond(0), millisecond(length));
            let covered: Vec<_> =
                covered.into_iter().map(|(from, length)| Range::new(millisecond(from), millisecond(from + length))).collect();
            let parts = range.without(&covered);
            for instant in 0..=length {
                let instant = millisecond(instant);
                let holds = |part: &&Range| part.from <= instant && instant <= part.to;
                let is_covered = covered.iter().any(|part| holds(&part));
                prop_assert_eq!(parts.iter().filter(holds).count(), usize::from(!is_covered));
            }
            for part in &parts {
                prop_assert!(range.from <= part.from && part.from <= part.to && part.to <= range.to);
            }
        }

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
