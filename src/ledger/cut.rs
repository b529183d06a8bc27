//! Where to cut a range of created time so that a comparison by counts closes in on what differs. Pure; how many records lie
//! where, the warehouse is asked, and who counts on the other side is the business of `sync::verify`.

use chrono::{DateTime, TimeDelta, Utc};

use super::Range;

/// Milliseconds of a second.
const SECOND: i64 = 1_000;

impl Range {
    /// The range in two: what is before the second of a time, and the rest. `None` where that leaves nothing before.
    ///
    /// The cut is in the middle of the second before, where no record lies, since Zoho's times are whole seconds. A bound is
    /// then never a record's time, and it does not matter whether the portal includes its bounds.
    pub fn cut_before(self, time: DateTime<Utc>) -> Option<(Self, Self)> {
        let cut = time.timestamp_millis().div_euclid(SECOND) * SECOND - SECOND / 2;
        let cut = DateTime::from_timestamp_millis(cut).filter(|cut| self.from < *cut && *cut <= self.to)?;
        Some((Self { from: self.from, to: cut - TimeDelta::milliseconds(1) }, Self { from: cut, to: self.to }))
    }

    /// What is left of the range behind the second of a time.
    pub fn behind(self, time: DateTime<Utc>) -> Option<Self> {
        let next = (time.timestamp_millis().div_euclid(SECOND) + 1) * SECOND;
        let from = DateTime::from_timestamp_millis(next).filter(|from| *from <= self.to)?;
        Some(Self { from: from.max(self.from), to: self.to })
    }

    /// The range in two of about as many records, of which `middle` is the one in the middle; by time where nearly nothing
    /// is held, and none is. `None` inside one second.
    pub fn halve(self, middle: Option<DateTime<Utc>>) -> Option<(Self, Self)> {
        let next = |time| time + TimeDelta::milliseconds(SECOND);
        let by_records = middle.and_then(|time| self.cut_before(time).or_else(|| self.cut_before(next(time))));
        let half = self.from + (self.to - self.from) / 2;
        by_records.or_else(|| self.cut_before(half + TimeDelta::milliseconds(SECOND / 2)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).expect("a time in range")
    }

    fn tiles(parts: &[Range], range: Range) {
        assert_eq!((parts[0].from, parts[parts.len() - 1].to), (range.from, range.to));
        for pair in parts.windows(2) {
            assert_eq!(pair[0].to + TimeDelta::milliseconds(1), pair[1].from);
        }
        assert!(parts.iter().all(|part| part.from <= part.to));
    }

    #[test]
    fn a_second_is_never_cut() {
        assert_eq!(Range { from: at(5), to: at(5) }.halve(Some(at(5))), None);
        let (left, right) = Range { from: at(0), to: at(10) }.cut_before(at(5)).expect("two parts");
        assert_eq!((left.to.timestamp_millis(), right.from.timestamp_millis()), (4_499, 4_500));
        assert_eq!(Range { from: at(5), to: at(10) }.cut_before(at(5)), None);
        assert_eq!(Range { from: at(0), to: at(10) }.behind(at(5)), Some(Range { from: at(6), to: at(10) }));
        assert_eq!(Range { from: at(0), to: at(5) }.behind(at(5)), None);
    }

    #[test]
    fn a_range_without_records_is_halved_by_time() {
        let whole = Range { from: at(0), to: at(100_000) };
        let (left, right) = whole.halve(None).expect("two parts");
        tiles(&[left, right], whole);
        assert!((left.to - at(50_000)).num_seconds().abs() <= 1);
    }

    proptest! {
        /// Halving again and again ends, tiles the range and puts every record into one part.
        #[test]
        fn halving_ends_at_single_seconds(mut seconds in prop::collection::vec(0i64..400, 0..60), end in 0i64..400) {
            seconds.sort_unstable();
            let inside = |range: &Range| {
                let is_inside = |second: &&i64| range.from <= at(**second) && at(**second) <= range.to;
                seconds.iter().filter(is_inside).copied().collect::<Vec<_>>()
            };
            let range = Range { from: at(0), to: at(end) };
            let mut open = vec![range];
            let mut done = Vec::new();
            while let Some(range) = open.pop() {
                let held = inside(&range);
                let middle = held.get(held.len() / 2).filter(|_| held.len() > 1).map(|second| at(*second));
                match range.halve(middle) {
                    Some((left, right)) => open.extend([right, left]),
                    None => done.push(range),
                }
                prop_assert!(done.len() + open.len() <= 1_000);
            }
            tiles(&done, range);
            prop_assert_eq!(done.iter().map(|part| inside(part).len()).sum::<usize>(), inside(&range).len());
            for part in &done {
                prop_assert!(part.to - part.from <= TimeDelta::seconds(2));
            }
        }
    }
}
