//! What limits a walk: the largest page, how deep offsets reach, and what cuts an instant apart. What a 422 teaches is kept
//! here; who asks is `walk`.

use chrono::{DateTime, Utc};

use crate::resource::{Resource, Split};

/// An instant that moves under us this often while it is read will not come to rest in this run.
pub(super) const MOST_RESTARTS: u32 = 50;

/// Pages that each part has to have for a walk to be split: each ends with a short page, which is one request more. With
/// half of this a busy day, a thousand changes in an hour, cost up to 14 requests instead of 11; a long history gained one
/// percent of its time.
const PAGES_OF_A_PART: u64 = 5;

/// What is known of a path's limits; a 422 teaches more.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Largest `limit`.
    pub(super) limit: u32,
    /// Number of rows that `from` and `limit` can reach together, once it is known.
    pub(super) reach: Option<u32>,
    pub(super) first_row: u32,
    pub(super) splits: &'static [Split],
}

impl Rules {
    /// What the definition knows.
    pub fn new(resource: &Resource) -> Self {
        Self { limit: resource.page_limit, reach: None, first_row: resource.first_row, splits: resource.splits }
    }

    /// The narrower of both limits.
    pub fn and(self, other: Self) -> Self {
        let reach = match (self.reach, other.reach) {
            (Some(reach), Some(other)) => Some(reach.min(other)),
            (reach, other) => reach.or(other),
        };
        Self { limit: self.limit.min(other.limit), reach, ..self }
    }

    /// In how many parts a range with so many records left is worth reading side by side.
    pub(super) fn parts(self, records: u64) -> usize {
        let pages = records / u64::from(self.limit.max(1));
        if pages < 2 * PAGES_OF_A_PART { 1 } else { (pages / PAGES_OF_A_PART).try_into().unwrap_or(usize::MAX) }
    }

    /// Rows to ask for behind `offset`, no more than `most` if that is given.
    pub(super) fn limit_at(self, offset: u32, most: Option<u32>) -> u32 {
        let reached = self.reach.map(|reach| reach.saturating_sub(offset));
        [Some(self.limit), most, reached].into_iter().flatten().fold(u32::MAX, u32::min).max(1)
    }
}

/// Why a walk cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stuck {
    /// The order that was asked for is not the order that came; a key would pass over records.
    #[error("the portal did not sort by time: a record of {found} came after one of {before}")]
    Unsorted {
        /// Time of the earlier row.
        before: DateTime<Utc>,
        /// Time of the later row.
        found: DateTime<Utc>,
    },
    /// No record of a page has the time to go on from.
    #[error("the records carry no time of change; the profile of the sign-in's agent may hide the field")]
    NoKey,
    /// More records share one instant than can be told apart.
    #[error("more than {reach} records share the instant {instant}, and nothing cuts them apart")]
    TooManyAtOnce {
        /// The instant.
        instant: DateTime<Utc>,
        /// Rows that the portal lets one query reach.
        reach: u32,
    },
    /// The parts of an instant hold fewer records than the whole of it.
    #[error("{missing} of the records that share the instant {instant} are in none of its parts")]
    Unaccounted {
        /// The instant.
        instant: DateTime<Utc>,
        /// Records that no part has.
        missing: u64,
    },
    /// One instant changed again and again while it was read.
    #[error("the records of the instant {instant} changed {MOST_RESTARTS} times while they were read")]
    Unsettled {
        /// The instant.
        instant: DateTime<Utc>,
    },
    /// A limit that cannot be kept, or that was kept already.
    #[error("the portal's limit on `{field}` cannot be kept")]
    Limit {
        /// Parameter.
        field: String,
    },
}

impl Stuck {
    /// Whether no more than one instant cannot be read: what lies behind it can.
    pub fn is_of_an_instant(&self) -> bool {
        matches!(self, Self::TooManyAtOnce { .. } | Self::Unaccounted { .. } | Self::Unsettled { .. })
    }
}
