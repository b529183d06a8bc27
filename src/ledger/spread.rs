//! How the records of a table lie in created time, and where to cut a range of it so that a comparison by counts closes in
//! on what differs. Pure; who counts on the other side is the business of `sync::verify`.

use chrono::{DateTime, TimeDelta, Utc};

use super::Range;

/// Milliseconds of a second.
const SECOND: i64 = 1_000;

/// Created times of what is held.
#[derive(Debug, Clone, Default)]
pub struct Spread {
    /// In milliseconds, ascending.
    times: Vec<i64>,
}

impl Spread {
    /// The spread of these times.
    pub fn new(times: impl IntoIterator<Item = DateTime<Utc>>) -> Self {
        let mut times: Vec<i64> = times.into_iter().map(|time| time.timestamp_millis()).collect();
        times.sort_unstable();
        Self { times }
    }

    /// Records in a closed range.
    pub fn count(&self, range: &Range) -> u64 {
        self.inside(range).len() as u64
    }

    /// Cuts a range so that each part holds about `each` records, oldest part first, without gap or overlap. Two parts
    /// at least where the range can be cut at all.
    pub fn cut(&self, range: Range, each: u64) -> Vec<Range> {
        let inside = self.inside(&range);
        let parts = (inside.len() as u64).div_ceil(each.max(1)).max(1) as usize;
        let mut ranges = Vec::with_capacity(parts);
        let mut rest = range;
        for part in 1..parts {
            let Some(cut) = inside.get(part * inside.len() / parts).and_then(|time| before(*time, &rest)) else {
                continue;
            };
            let (left, right) = split(rest, cut);
            ranges.push(left);
            rest = right;
        }
        ranges.push(rest);
        ranges
    }

    /// Cuts a range in two of about as many records; by time where nearly nothing is held. `None` inside one second.
    pub fn halve(&self, range: Range) -> Option<(Range, Range)> {
        let inside = self.inside(&range);
        let middle = inside.get(inside.len() / 2).filter(|_| inside.len() > 1);
        let by_records = middle.and_then(|time| before(*time, &range).or_else(|| before(time + SECOND, &range)));
        let length = range.to.timestamp_millis() - range.from.timestamp_millis();
        let cut = by_records.or_else(|| before(range.from.timestamp_millis() + length / 2 + SECOND / 2, &range))?;
        Some(split(range, cut))
    }

    fn inside(&self, range: &Range) -> &[i64] {
        let start = self.times.partition_point(|time| *time < range.from.timestamp_millis());
        let end = self.times.partition_point(|time| *time <= range.to.timestamp_millis());
        &self.times[start..end.max(start)]
    }
}

/// The cut before the second of a time: in the middle of the second before, where no record lies, since Zoho's times are
/// whole seconds. A bound is then never a record's time, and it does not matter whether the portal includes its bounds.
fn before(time: i64, range: &Range) -> Option<i64> {
    let cut = time.div_euclid(SECOND) * SECOND - SECOND / 2;
    (range.from.timestamp_millis() < cut && cut <= range.to.timestamp_millis()).then_some(cut)
}

/// Both parts of a range; the second one begins at the cut.
fn split(range: Range, cut: i64) -> (Range, Range) {
    let cut = DateTime::from_timestamp_millis(cut).unwrap_or(range.to);
    (Range { from: range.from, to: cut - TimeDelta::milliseconds(1) }, Range { from: cut, to: range.to })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).expect("a time in range")
    }

    fn whole() -> Range {
        Range { from: at(0), to: at(100_000) }
    }

    fn tiles(parts: &[Range], range: Range) {
        assert_eq!((parts[0].from, parts[parts.len() - 1].to), (range.from, range.to));
        for pair in parts.windows(2) {
            assert_eq!(pair[0].to + TimeDelta::milliseconds(1), pair[1].from);
        }
        assert!(parts.iter().all(|part| part.from <= part.to));
    }

    #[test]
    fn parts_hold_about_as_many_records() {
        let spread = Spread::new((0..10_000).map(|record| at(record * 7)));
        let parts = spread.cut(whole(), 1_000);
        tiles(&parts, whole());
        assert_eq!(parts.iter().map(|part| spread.count(part)).collect::<Vec<_>>(), [1_000; 10]);
    }

    #[test]
    fn a_second_is_never_cut() {
        let spread = Spread::new(vec![at(5); 500]);
        assert_eq!(spread.halve(Range { from: at(5), to: at(5) }), None);
        let (left, right) = spread.halve(whole()).expect("two parts");
        assert_eq!(spread.count(&left) + spread.count(&right), 500);
        assert!(spread.count(&left) == 0 || spread.count(&right) == 0);
    }

    #[test]
    fn a_range_without_records_is_halved_by_time() {
        let (left, right) = Spread::default().halve(whole()).expect("two parts");
        tiles(&[left, right], whole());
        assert!((left.to - at(50_000)).num_seconds().abs() <= 1);
    }

    proptest! {
        /// Halving again and again ends, tiles the range and puts every record into one part.
        #[test]
        fn halving_ends_at_single_seconds(seconds in prop::collection::vec(0i64..400, 0..60), end in 0i64..400) {
            let spread = Spread::new(seconds.iter().map(|second| at(*second)));
            let range = Range { from: at(0), to: at(end) };
            let mut open = vec![range];
            let mut done = Vec::new();
            while let Some(range) = open.pop() {
                match spread.halve(range) {
                    Some((left, right)) => open.extend([right, left]),
                    None => done.push(range),
                }
                prop_assert!(done.len() + open.len() <= 1_000);
            }
            tiles(&done, range);
            prop_assert_eq!(done.iter().map(|part| spread.count(part)).sum::<u64>(), spread.count(&range));
            for part in &done {
                prop_assert!(part.to - part.from <= TimeDelta::seconds(2));
            }
        }

        #[test]
        fn parts_tile_the_range(seconds in prop::collection::vec(0i64..5_000, 0..300), each in 1u64..50) {
            let spread = Spread::new(seconds.iter().map(|second| at(*second)));
            let range = Range { from: at(1_000), to: at(4_000) };
            let parts = spread.cut(range, each);
            tiles(&parts, range);
            prop_assert_eq!(parts.iter().map(|part| spread.count(part)).sum::<u64>(), spread.count(&range));
        }
    }
}
