//! The count at the end of a run: how many records the portal has beside the rows that are held, and what explains a
//! difference. Pure; counting is the business of `sync` and the warehouse.

/// Rows of a resource, of those that were created up to some time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Alive, the archived ones among them.
    pub alive: u64,
    /// Alive and archived, where the resource has an archive.
    pub archived: u64,
    /// Of these it is not known whether they are meant: the index may still show what went since that time, and a row may
    /// not tell when its record was created.
    pub uncertain: u64,
    /// In the recycle bin.
    pub trashed: u64,
    /// Merged into others.
    pub merged: u64,
    /// Deleted as spam.
    pub spam: u64,
    /// Records that fit no row.
    pub rejected: u64,
}

/// What a count says of the rows that are held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As many.
    Equal,
    /// Not as many, for this reason.
    Explained(String),
    /// The portal has records that are not held, so many at least.
    Lacking(u64),
    /// Rows are held that the portal does not have any more, so many at least.
    Surplus(u64),
    /// One or the other: it depends on whether the search shows archived records.
    Ambiguous,
}

impl Tally {
    /// What the portal's count of the same records says. Nobody knows which records a search shows that are archived, in
    /// the bin or merged, so each kind may be among them, all of it or none.
    pub fn verdict(&self, portal: u64) -> Verdict {
        let slack = self.uncertain + self.rejected;
        let fits = |records: u64| (records..=records + slack).contains(&portal);
        if portal == self.alive {
            return Verdict::Equal;
        }
        let kinds = [
            (self.archived, "archived records are not shown"),
            (self.trashed, "trashed records are shown"),
            (self.merged, "merged records are shown"),
            (self.spam, "spam is shown"),
        ];
        for chosen in 0..1_u32 << kinds.len() {
            let is_chosen = |kind: usize| chosen & (1 << kind) != 0;
            if (0..kinds.len()).any(|kind| is_chosen(kind) && kinds[kind].0 == 0) {
                continue;
            }
            let of = |kind: usize| if is_chosen(kind) { kinds[kind].0 } else { 0 };
            let records = self.alive.saturating_sub(of(0)) + of(1) + of(2) + of(3);
            if fits(records) {
                let mut reasons: Vec<&str> =
                    (0..kinds.len()).filter(|kind| is_chosen(*kind)).map(|kind| kinds[kind].1).collect();
                if portal != records {
                    reasons.push("some went lately, fit no row or do not tell when they were created");
                }
                return Verdict::Explained(reasons.join(", "));
            }
        }
        let least = self.alive.saturating_sub(self.archived);
        if portal > self.alive {
            Verdict::Lacking(portal - self.alive)
        } else if portal < least {
            Verdict::Surplus(least - portal)
        } else {
            Verdict::Ambiguous
        }
    }

    /// What the count says where it is known that the search shows so many of the records that have left, and not the others:
    /// one may have been purged since, or put into the archive before.
    pub fn verdict_showing(&self, departed: u64, portal: u64) -> Verdict {
        let shown = format!("{departed} records that have left are shown");
        let known = Self { alive: self.alive + departed, trashed: 0, merged: 0, spam: 0, ..*self };
        match (known.verdict(portal), departed) {
            (verdict, 0) => verdict,
            (Verdict::Equal, _) => Verdict::Explained(shown),
            (Verdict::Explained(reason), _) => Verdict::Explained(format!("{shown}, {reason}")),
            (verdict, _) => verdict,
        }
    }

    /// The same rows where it is known whether the search shows archived records.
    #[must_use]
    pub fn knowing(self, shows_archived: bool) -> Self {
        let hidden = if shows_archived { 0 } else { self.archived };
        Self { alive: self.alive.saturating_sub(hidden), archived: 0, ..self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HELD: Tally =
        Tally { alive: 1_000, archived: 300, uncertain: 2, trashed: 5, merged: 40, spam: 0, rejected: 1 };

    #[test]
    fn each_kind_is_shown_whole_or_not_at_all() {
        let explained = |reason: &str| Verdict::Explained(reason.into());
        assert_eq!(HELD.verdict(1_000), Verdict::Equal);
        assert_eq!(HELD.verdict(700), explained("archived records are not shown"));
        assert_eq!(HELD.verdict(1_005), explained("trashed records are shown"));
        assert_eq!(
            HELD.verdict(745),
            explained("archived records are not shown, trashed records are shown, merged records are shown")
        );
        assert_eq!(
            HELD.verdict(1_003),
            explained("some went lately, fit no row or do not tell when they were created")
        );
        assert_eq!(HELD.verdict(1_004), Verdict::Lacking(4));
        assert_eq!(HELD.verdict(1_060), Verdict::Lacking(60));
        assert_eq!(HELD.verdict(690), Verdict::Surplus(10));
        assert_eq!(HELD.verdict(990), Verdict::Ambiguous);
        assert_eq!(HELD.knowing(true).verdict(990), Verdict::Surplus(10));
        assert_eq!(HELD.knowing(false).verdict(990), Verdict::Lacking(290));
    }

    #[test]
    fn of_the_departed_as_many_are_shown_as_are_known_to_be() {
        let explained = |reason: &str| Verdict::Explained(reason.into());
        let held = Tally { uncertain: 0, rejected: 0, ..HELD };
        assert_eq!(held.verdict(1_003), Verdict::Lacking(3));
        assert_eq!(held.verdict_showing(3, 1_003), explained("3 records that have left are shown"));
        assert_eq!(
            held.verdict_showing(3, 703),
            explained("3 records that have left are shown, archived records are not shown")
        );
        assert_eq!(held.verdict_showing(3, 1_004), Verdict::Lacking(1));
        assert_eq!(held.verdict_showing(0, 1_003), Verdict::Lacking(3));
    }

    proptest! {
        /// One record more or less than everything that is known is never explained away.
        #[test]
        fn what_is_not_known_is_a_difference(alive in 10u64..10_000, off in 1u64..10) {
            let tally = Tally { alive, ..Tally::default() };
            prop_assert_eq!(tally.verdict(alive + off), Verdict::Lacking(off));
            prop_assert_eq!(tally.verdict(alive - off), Verdict::Surplus(off));
        }
    }
}
