//! What each edition of Zoho Desk gives a portal. Plain data: the portal's own answers decide what a request costs and what
//! is left; this is for people who want to know what to expect.

/// What an edition gives. Bought credits and users come on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edition {
    /// Its name, as organisations tell it.
    pub name: &'static str,
    /// API credits a day.
    pub credits: u64,
    /// API credits a day for each licensed user; light agents do not count.
    pub credits_per_user: u64,
    /// Requests at a time, those of all integrations together.
    pub concurrency: u32,
}

const fn edition(name: &'static str, credits: u64, credits_per_user: u64, concurrency: u32) -> Edition {
    Edition { name, credits, credits_per_user, concurrency }
}

/// Zoho's help page "Working with API credits" and its announcement of API credits (read 2026-10).
const ALL: [Edition; 5] = [
    edition("FREE", 5_000, 0, 5),
    edition("EXPRESS", 25_000, 100, 10),
    edition("STANDARD", 50_000, 250, 10),
    edition("PROFESSIONAL", 75_000, 500, 15),
    edition("ENTERPRISE", 100_000, 1_000, 25),
];

impl Edition {
    /// The edition of that name.
    pub fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|edition| edition.name.eq_ignore_ascii_case(name))
    }

    /// Requests at a time of one program: two are left to the portal's other integrations.
    pub(super) fn for_one_program(self) -> u32 {
        self.concurrency.saturating_sub(2).max(1)
    }
}
