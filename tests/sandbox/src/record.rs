//! A record as the world keeps it: what places it, and as little else as its texts can be made from again.

use std::sync::Arc;

use chrono::DateTime;
use serde_json::Value;

/// The modules whose records change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Module {
    Tickets,
    Contacts,
    Tasks,
    Articles,
    Accounts,
    Calls,
    Events,
    Products,
}

impl Module {
    pub(crate) const ALL: [Self; 8] = [
        Self::Tickets,
        Self::Contacts,
        Self::Tasks,
        Self::Articles,
        Self::Accounts,
        Self::Calls,
        Self::Events,
        Self::Products,
    ];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|module| module.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tickets => "tickets",
            Self::Contacts => "contacts",
            Self::Tasks => "tasks",
            Self::Articles => "articles",
            Self::Accounts => "accounts",
            Self::Calls => "calls",
            Self::Events => "events",
            Self::Products => "products",
        }
    }

    /// Whether each record belongs to one department.
    pub(crate) fn has_department(self) -> bool {
        !matches!(self, Self::Contacts | Self::Accounts | Self::Products)
    }

    /// The id of the module's n-th record: 18 digits, ascending in the order of creation.
    pub(crate) fn key(self, serial: u32) -> u64 {
        let kind = match self {
            Self::Products => 8,
            Self::Calls => 18,
            Self::Events => 19,
            other => 1 + other as u64,
        };
        id_of(kind, serial)
    }
}

/// The 18-digit id of the n-th thing of a kind. Modules are the kinds 1 to 5, 8, 18 and 19.
pub(crate) fn id_of(kind: u64, serial: u32) -> u64 {
    600_000_000_000_000_000 + kind * 100_000_000_000 + 1_001 + u64::from(serial) * 17
}

/// One record.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) key: u64,
    /// Milliseconds since 1970, like every time in here.
    pub(crate) created: i64,
    pub(crate) modified: i64,
    pub(crate) content: Content,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Made(Made),
    /// Shown exactly as it was planted.
    Planted(Arc<str>),
}

/// What a record's texts are made from. Searches filter by these fields, so they are kept; the rest is thrown again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Made {
    pub(crate) serial: u32,
    /// Counts the edits.
    pub(crate) revision: u32,
    /// The contact of a ticket, the account of a contact, the ticket of an activity; may be [`NOBODY`].
    pub(crate) party: u32,
    pub(crate) department: u8,
    /// May be [`NO_AGENT`].
    pub(crate) agent: u8,
    pub(crate) status: u8,
    /// Put into the archive since the world began.
    pub(crate) archived: bool,
}

pub(crate) const NOBODY: u32 = u32::MAX;
pub(crate) const NO_AGENT: u8 = u8::MAX;

impl Record {
    pub(crate) fn made(&self) -> Option<&Made> {
        match &self.content {
            Content::Made(made) => Some(made),
            Content::Planted(_) => None,
        }
    }
}

/// The key of an id that came from outside. Ids that are no number are placed behind all that are.
pub(crate) fn key_of(id: &str) -> u64 {
    const BEHIND: u64 = 1 << 63;
    match id.parse::<u64>() {
        Ok(key) if key < BEHIND => key,
        _ => {
            BEHIND
                | id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
                    (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
                })
        }
    }
}

pub(crate) fn millis(time: &Value) -> Option<i64> {
    Some(DateTime::parse_from_rfc3339(time.as_str()?).ok()?.timestamp_millis())
}
