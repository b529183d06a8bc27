//! Who stands back when credits are short. Pure; what is left and what may be spent is `credits`' business.

/// How important a request is when credits are short, the most important first.
///
/// Each leaves a share of what may be spent in a day to those before it. So the order needs no plan and holds between
/// processes too: a backfill that runs all day stops while tonight's sync can still be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Priority {
    /// What is new in the main resources.
    #[default]
    Main,
    /// What was deleted.
    Tombstones,
    /// What hangs on other records.
    Children,
    /// Explicit ranges of history.
    Backfill,
    /// Comparing with the portal what is already there.
    Verify,
}

impl Priority {
    /// Share of what may be spent in a day that is kept for more important work, in percent.
    const fn kept(self) -> u64 {
        match self {
            Self::Main => 0,
            Self::Tombstones => 2,
            Self::Children => 5,
            Self::Backfill => 10,
            Self::Verify => 15,
        }
    }

    /// What is kept of so many credits for more important work.
    pub(super) fn share(self, credits: u64) -> u64 {
        credits.saturating_mul(self.kept()) / 100
    }
}
