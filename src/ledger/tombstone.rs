//! Tombstones: what is known of a record that is gone, and which of two facts about one record is to be believed. Pure;
//! how they reach the tables is the business of `warehouse::tombstones`.
//!
//! Facts about one record come in any order: a page that was read before the deletion can be landed after it, and the
//! search index goes on showing a record for some minutes after it went. So times decide and not the order of arrival:
//!
//! - A deletion counts unless the record was changed in a later second than it was deleted: what is in the recycle bin
//!   cannot be edited, so somebody had restored it.
//! - A record that is shown by a search is restored if it was changed in a later second. That it is shown at all proves
//!   nothing: the vendor does not say whether a search leaves out what is in the bin or was merged away.
//! - A record that was read alone, or in a list that is read whole and whose tombstones come from that list, is restored if
//!   it was read after the deletion. Its modified time need not be new; Zoho does not say that restoring moves it.
//! - A deletion of an id that the warehouse does not hold leaves nothing behind. A stale page can still bring the record
//!   afterwards, so the recycle bin is read after all pages of a run, and each time again by as much as the index lags. What
//!   comes later still, and is older than the last reading of the bin, takes that reading back as far as its own last change:
//!   a record goes into the bin after that, and a search may show it there.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// The recycle bin's name in the ledger, and who pays for reading it.
pub const RECYCLE_BIN: &str = "recycle_bin";

/// As long as a record stays in the bin (Zoho's help on the recycle bin, 2026).
pub const KEPT_IN_BIN: TimeDelta = TimeDelta::days(60);

/// Why a record is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Moved to the recycle bin.
    Trashed,
    /// Marked as spam and hidden or purged.
    Spam,
    /// Merged into another record.
    Merged,
    /// Not there any more, and nothing tells why.
    Gone,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::Trashed, Self::Spam, Self::Merged, Self::Gone];

    /// The word in `_deleted_reason`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Trashed => "trashed",
            Self::Spam => "spam",
            Self::Merged => "merged",
            Self::Gone => "gone",
        }
    }

    /// The reason of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

/// How it is known that a record is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// A search shows it, which may show what has gone as well.
    Shown,
    /// It was read alone, or in a list that is read whole.
    Read,
}

/// What is known of a record that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// When it went; when it was found to be gone, where the portal does not say.
    pub deleted_at: DateTime<Utc>,
    /// Id of who deleted it, if the portal says so.
    pub deleted_by: Option<String>,
    /// Why it is gone.
    pub reason: Reason,
    /// Id of the record that it was merged into, if that is known.
    pub merged_into: Option<String>,
}

impl Tombstone {
    /// A tombstone of which no more than this is known; instants are kept in whole milliseconds.
    pub fn new(reason: Reason, deleted_at: DateTime<Utc>) -> Self {
        let deleted_at = deleted_at.trunc_subsecs(3);
        Self { deleted_at, deleted_by: None, reason, merged_into: None }
    }

    /// Whether it counts for a record that was held alive and last changed then.
    pub fn counts_after(&self, modified: Option<DateTime<Utc>>) -> bool {
        modified.is_none_or(|modified| !self.is_before(modified))
    }

    /// Whether a record that last changed at `modified`, and was seen alive in this way and at that time, has been restored.
    pub fn is_undone_by(&self, modified: Option<DateTime<Utc>>, sight: Sight, at: DateTime<Utc>) -> bool {
        (sight == Sight::Read && at > self.deleted_at) || modified.is_some_and(|modified| self.is_before(modified))
    }

    /// Whether it says more than the one that is held: of a later deletion, or who did it.
    pub fn replaces(&self, held: &Self) -> bool {
        self.deleted_at > held.deleted_at || (self.deleted_by.is_some() && held.deleted_by.is_none())
    }

    /// In whole seconds, which is as fine as Zoho's times are: the fractions of two fields need not agree.
    fn is_before(&self, modified: DateTime<Utc>) -> bool {
        modified.timestamp() > self.deleted_at.timestamp()
    }
}

/// Keeps a list that is suddenly short from emptying a table: above a share of its rows nothing is marked deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brake {
    /// Rows that may go whatever the share, or one of eight departments could never be deleted.
    pub floor: u64,
    /// Largest share of the rows that may go, in percent.
    pub percent: u64,
}

impl Brake {
    /// The one that holds unless somebody asks for another.
    pub const USUAL: Self = Self { floor: 3, percent: 5 };

    /// No brake at all.
    pub const OFF: Self = Self { floor: u64::MAX, percent: 100 };

    /// Whether `missing` of `held` rows are too many to believe. None that is left is never believed.
    pub fn stops(self, held: u64, missing: u64) -> bool {
        let allowed = self.floor.max(held.saturating_mul(self.percent) / 100);
        missing > 0 && self != Self::OFF && (missing > allowed || missing >= held)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).expect("a time in range")
    }

    fn trashed(seconds: i64) -> Tombstone {
        Tombstone::new(Reason::Trashed, at(seconds))
    }

    #[test]
    fn every_reason_is_read_back_from_its_word() {
        for reason in Reason::ALL {
            assert_eq!(Reason::of_word(reason.word()), Some(reason));
        }
        assert_eq!(Reason::of_word("eaten"), None);
    }

    #[test]
    fn a_later_change_outlives_a_deletion_and_the_same_second_does_not() {
        assert!(trashed(100).counts_after(Some(at(100))));
        assert!(!trashed(100).counts_after(Some(at(101))));
        assert!(trashed(100).counts_after(None));
        assert!(trashed(100).is_undone_by(Some(at(101)), Sight::Shown, at(0)));
        assert!(!trashed(100).is_undone_by(Some(at(100)), Sight::Read, at(100)));
    }

    #[test]
    fn what_a_search_shows_unchanged_proves_nothing_however_late() {
        assert!(!trashed(100).is_undone_by(Some(at(100)), Sight::Shown, at(1_000_000)));
        assert!(trashed(100).is_undone_by(Some(at(100)), Sight::Read, at(101)));
        assert!(trashed(100).is_undone_by(None, Sight::Read, at(101)));
    }

    #[test]
    fn who_deleted_it_is_worth_more_than_that_it_is_gone() {
        let found = Tombstone::new(Reason::Gone, at(200));
        let told = Tombstone { deleted_by: Some("7".into()), ..trashed(100) };
        assert!(told.replaces(&found));
        assert!(!found.clone().replaces(&found) && !told.replaces(&told));
        assert!(!trashed(100).replaces(&found));
        assert!(trashed(300).replaces(&told));
    }

    #[test]
    fn one_of_few_may_go_and_all_of_them_may_not() {
        assert!(!Brake::USUAL.stops(8, 3));
        assert!(Brake::USUAL.stops(8, 4));
        assert!(Brake::USUAL.stops(1, 1));
        assert!(!Brake::USUAL.stops(100, 5));
        assert!(Brake::USUAL.stops(100, 6));
        assert!(!Brake::USUAL.stops(0, 0));
        assert!(!Brake::OFF.stops(5, 5));
    }

    proptest! {
        /// What undoes a deletion by its time of change is what a deletion does not count after.
        #[test]
        fn a_deletion_and_a_change_are_judged_alike_in_either_order(deleted in 0i64..50, modified in 0i64..50) {
            let (tombstone, modified) = (trashed(deleted), Some(at(modified)));
            prop_assert_eq!(tombstone.counts_after(modified), !tombstone.is_undone_by(modified, Sight::Shown, at(1_000)));
        }
    }
}
