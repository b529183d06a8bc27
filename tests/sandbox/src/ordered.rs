//! A sorted set of (time, key) pairs that knows ranks: how many lie before a time, and which is the n-th.
//! A `BTreeSet` would have to walk a whole range to count it, once per search.

/// Pairs per chunk after a split; a chunk splits at twice as many.
const CHUNK: usize = 512;

/// A pair of a time in milliseconds and a record's key.
pub(crate) type Entry = (i64, u64);

/// Sorted chunks of pairs. None of them is empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ordered {
    chunks: Vec<Vec<Entry>>,
    len: usize,
}

impl Ordered {
    pub(crate) fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable();
        entries.dedup();
        Self { len: entries.len(), chunks: entries.chunks(CHUNK).map(<[Entry]>::to_vec).collect() }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn insert(&mut self, entry: Entry) {
        let at = self.chunk_of(entry).min(self.chunks.len().saturating_sub(1));
        let Some(chunk) = self.chunks.get_mut(at) else {
            self.chunks.push(vec![entry]);
            self.len = 1;
            return;
        };
        let Err(place) = chunk.binary_search(&entry) else { return };
        chunk.insert(place, entry);
        self.len += 1;
        if chunk.len() >= 2 * CHUNK {
            let upper = chunk.split_off(CHUNK);
            self.chunks.insert(at + 1, upper);
        }
    }

    pub(crate) fn remove(&mut self, entry: Entry) {
        let at = self.chunk_of(entry);
        let Some(chunk) = self.chunks.get_mut(at) else { return };
        let Ok(place) = chunk.binary_search(&entry) else { return };
        chunk.remove(place);
        self.len -= 1;
        if chunk.is_empty() {
            self.chunks.remove(at);
        }
    }

    /// How many entries lie before this time.
    pub(crate) fn rank(&self, time: i64) -> usize {
        let at = self.chunk_of((time, 0));
        let before: usize = self.chunks[..at].iter().map(Vec::len).sum();
        before + self.chunks.get(at).map_or(0, |chunk| chunk.partition_point(|entry| *entry < (time, 0)))
    }

    /// Entries from this rank on, ascending.
    pub(crate) fn from(&self, rank: usize) -> impl Iterator<Item = Entry> {
        let mut skipped = 0;
        let at = self.chunks.iter().position(|chunk| {
            let holds = skipped + chunk.len() > rank;
            if !holds {
                skipped += chunk.len();
            }
            holds
        });
        let chunks = at.map_or(&[][..], |at| &self.chunks[at..]);
        chunks.iter().flatten().copied().skip(rank - skipped.min(rank))
    }

    pub(crate) fn nth(&self, rank: usize) -> Option<Entry> {
        self.from(rank).next()
    }

    /// The ranks from `start` to `end` in descending order of time, each tie ascending by key, `skip` passed over.
    ///
    /// A tie takes the same places in this order as in the plain reverse, so that the place of an entry
    /// follows from the two ends of its tie and nothing before it has to be walked.
    pub(crate) fn descending(&self, start: usize, end: usize, skip: usize, take: usize) -> Vec<Entry> {
        let mut found = Vec::new();
        let mut place = skip;
        while found.len() < take && place < end - start {
            let Some((time, _)) = self.nth(end - 1 - place) else { break };
            let (first, last) = (self.rank(time).max(start), self.rank(time + 1).min(end));
            let inside = place - (end - last);
            let wanted = (last - first - inside).min(take - found.len());
            found.extend(self.from(first + inside).take(wanted));
            place += wanted;
        }
        found
    }

    /// The chunk that holds the entry or would: the first whose last entry is not before it.
    fn chunk_of(&self, entry: Entry) -> usize {
        self.chunks.partition_point(|chunk| chunk.last().is_some_and(|last| *last < entry))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::dice::Dice;

    #[test]
    fn it_agrees_with_a_plain_set_through_many_changes() {
        let mut dice = Dice::of(&[3]);
        let mut plain: BTreeSet<Entry> = (0..3_000).map(|key| ((key % 700) as i64, key)).collect();
        let mut ordered = Ordered::new(plain.iter().copied().collect());
        for _ in 0..6_000 {
            let entry = (dice.below(900) as i64, dice.below(4_000));
            if dice.chance(45) {
                plain.remove(&entry);
                ordered.remove(entry);
            } else {
                plain.insert(entry);
                ordered.insert(entry);
            }
        }
        assert_eq!(ordered.len(), plain.len());
        assert!(ordered.from(0).eq(plain.iter().copied()));
        for time in [-1, 0, 13, 450, 899, 1_000] {
            assert_eq!(ordered.rank(time), plain.range(..(time, 0)).count());
        }
        assert_eq!(ordered.nth(777), plain.iter().nth(777).copied());
        assert_eq!(ordered.nth(plain.len()), None);
    }

    #[test]
    fn descending_keeps_ties_ascending_on_every_page() {
        let ordered = Ordered::new(vec![(1, 1), (2, 5), (2, 6), (2, 7), (3, 2), (3, 3), (4, 9)]);
        let all = [(4, 9), (3, 2), (3, 3), (2, 5), (2, 6), (2, 7), (1, 1)];
        for skip in 0..8 {
            for take in 1..8 {
                let expected: Vec<_> = all.iter().copied().skip(skip).take(take).collect();
                assert_eq!(ordered.descending(0, 7, skip, take), expected, "{skip} {take}");
            }
        }
        assert_eq!(ordered.descending(1, 4, 1, 9), [(2, 6), (2, 7)]);
    }
}
