//! What an answer has to show, from what was known before it was asked for. Pure. An answer that ends a range and shows
//! less contradicts itself or the one before; what is done about it is decided by `search`.

use crate::record::Keys;

/// What is known of a range before it is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectation {
    /// Ids of records that were seen, or are held, at the instant at which the range begins: it begins there so that one
    /// of them has to come.
    pub ids: Vec<String>,
    /// How many records there have to be.
    pub records: Expected,
}

/// How many records a range has to hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Expected {
    /// Nobody knows: there may be none.
    #[default]
    Unknown,
    /// A larger range, of which this is a part, holds some; how many of them lie here nobody knows.
    PartOfSome,
    /// So many, as the count of the page before said.
    Exactly(u64),
}

/// Why an answer that would end a range is not believed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// It shows nothing, and nothing is known that it would contradict.
    Empty,
    /// It shows none of the records at which the range begins.
    WithoutFirst,
    /// It shows fewer records than the answer before has counted.
    Fewer,
    /// The range is a part of one that holds records, and nobody has counted this part.
    Unproven,
}

impl Expectation {
    /// Of a part of a range that holds records.
    pub fn part_of_some() -> Self {
        Self { ids: Vec::new(), records: Expected::PartOfSome }
    }

    /// Of a range that begins at a record which is held.
    pub fn from_held(ids: Vec<String>) -> Self {
        Self { ids, records: Expected::Unknown }
    }

    /// Why this answer is no end, if anything speaks against it: `passed` records of the range lie before its end, and it
    /// was asked for from row `offset` on.
    pub(super) fn doubt(&self, records: &[&Keys], offset: u32, passed: u64) -> Option<Doubt> {
        let is_first = |keys: &&Keys| keys.id.as_ref().is_some_and(|id| self.ids.contains(id));
        if offset == 0 && !self.ids.is_empty() && !records.iter().any(is_first) {
            return Some(Doubt::WithoutFirst);
        }
        match self.records {
            Expected::Exactly(records) if passed < records => Some(Doubt::Fewer),
            Expected::PartOfSome => Some(Doubt::Unproven),
            Expected::Unknown if passed == 0 => Some(Doubt::Empty),
            Expected::Unknown | Expected::Exactly(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(id: &str) -> Keys {
        Keys { id: Some(id.into()), ..Keys::default() }
    }

    #[test]
    fn an_end_has_to_show_what_was_seen_and_counted_before() {
        let (first, other) = (keys("1"), keys("2"));
        let known = Expectation { ids: vec!["1".into()], records: Expected::Exactly(3) };
        assert_eq!(known.doubt(&[], 0, 0), Some(Doubt::WithoutFirst));
        assert_eq!(known.doubt(&[&other], 0, 3), Some(Doubt::WithoutFirst));
        assert_eq!(known.doubt(&[&first, &other], 0, 2), Some(Doubt::Fewer));
        assert_eq!(known.doubt(&[&first, &other], 0, 3), None);
        assert_eq!(known.doubt(&[&other], 2, 3), None, "offsets have an anchor of their own");
    }

    #[test]
    fn where_nothing_is_known_only_an_empty_answer_is_doubtful() {
        assert_eq!(Expectation::default().doubt(&[], 0, 0), Some(Doubt::Empty));
        assert_eq!(Expectation::default().doubt(&[&keys("1")], 0, 1), None);
        assert_eq!(Expectation::part_of_some().doubt(&[&keys("1")], 0, 1), Some(Doubt::Unproven));
    }
}
