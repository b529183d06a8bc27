//! Credits as the ledger holds them: what was spent, for which resource, on which path, on which credit day. Asking and
//! pricing is `http`'s.

use chrono::{DateTime, Utc};

use super::{Share, Usage};

/// What requests of one kind have cost since the last booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    /// When the credit day began, by the clock of the data centre.
    pub day: DateTime<Utc>,
    /// Resource that pays for it.
    pub resource: &'static str,
    /// Path below the server, with `{id}` in the place of ids.
    pub endpoint: String,
    /// Requests and credits.
    pub usage: Usage,
    /// Credits that requests may have cost of which no answer tells the price.
    pub possible: u64,
    /// What the last of them cost, if the portal said so.
    pub weight: Option<u64>,
}

/// What a run has cost up to now, for the books: a run that is cut off has them too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spending {
    /// What was spent since the last time, in the order of its key.
    pub bookings: Vec<Booking>,
    /// When the credit day began.
    pub day: DateTime<Utc>,
    /// What the whole run has cost.
    pub total: Usage,
    /// Credits that the portal has left.
    pub left: Option<u64>,
    /// Most credits that were seen left today.
    pub most: Option<u64>,
    /// Requests at a time that the portal was found to grant, if the run has found out.
    pub concurrency: Option<u32>,
}

/// What the ledger says of a credit day before a run of it begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Today {
    /// Most credits that a run has seen left.
    pub most: Option<u64>,
    /// Most credits that any run has seen left, on whichever day.
    pub ever: Option<u64>,
    /// Credits that all runs have spent, and may have spent.
    pub spent: u64,
    /// Requests at a time that the portal was last found to grant.
    pub concurrency: Option<u32>,
}

/// What the ledger says of all runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// Credits that they have spent on the day, and may have spent.
    pub credits: u64,
    /// What this run gets of the requests that they make at a time.
    pub share: Share,
}
