//! What can go wrong with a warehouse, named for what its owner does next. Texts carry no cell: a database's own message
//! can, so of a failed statement only its code and the kind of trouble are told.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be opened.
    #[error("cannot open the warehouse {warehouse}: {trouble}")]
    Open {
        /// Address without password.
        warehouse: String,
        /// What it is.
        trouble: Trouble,
    },
    /// Another run holds it.
    #[error("another run holds the warehouse {warehouse}{}", holder(.held_by))]
    Locked {
        /// Address without password.
        warehouse: String,
        /// Who, and since when, if it says so.
        held_by: Option<(String, DateTime<Utc>)>,
    },
    /// It holds another portal.
    #[error("the warehouse holds portal {held}, and portal {asked} was to be read")]
    OtherPortal {
        /// Organisation that it holds.
        held: String,
        /// Organisation that is configured.
        asked: String,
    },
    /// A newer deskhouse has been here.
    #[error("the warehouse has schema version {found}, and this deskhouse knows {known}")]
    TooNew {
        /// Version in the warehouse.
        found: i64,
        /// Newest version known.
        known: i64,
    },
    /// A migration that was applied is not the one that is built in.
    #[error("migration {name} of the warehouse is not the one of this deskhouse")]
    Altered {
        /// File name.
        name: String,
    },
    /// The ledger does not stand where the last batch left it.
    #[error("the warehouse has lost a batch that it had confirmed: its ledger has gone back")]
    LedgerMoved,
    /// A statement failed.
    #[error("cannot {doing}: {trouble}")]
    Statement {
        /// What was being done.
        doing: &'static str,
        /// What it is.
        trouble: Trouble,
    },
}

/// Kind of a database's trouble, in words that hold for every database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// No space is left.
    #[error("the disk is full")]
    Full,
    /// It cannot be written.
    #[error("it is read-only, or this user may not write it")]
    ReadOnly,
    /// The file or its folder is missing or closed to this user.
    #[error("no such file or folder, or no permission")]
    NoAccess,
    /// There is no file yet.
    #[error("there is no such file")]
    Missing,
    /// The address of the server is not one.
    #[error("the address cannot be read")]
    NoAddress,
    /// The server has no database of that name.
    #[error("the server has no such database")]
    NoDatabase,
    /// It is not a database, or it is damaged.
    #[error("the file is no database, or it is damaged")]
    NotADatabase,
    /// Somebody else's transaction is in the way.
    #[error("another program keeps it locked")]
    Busy,
    /// User or password were refused.
    #[error("the server refused user or password")]
    Denied,
    /// The connection broke, or there was none.
    #[error("no connection to the server ({0})")]
    Lost(String),
    /// A table of the schema is not there.
    #[error("its tables are missing")]
    NoTable,
    /// A value is none that its column can hold: the database's code.
    #[error("the database refuses a value (code {0})")]
    Refused(String),
    /// What is held is nothing that can be read: where, what it should be and what it is.
    #[error("{0}")]
    Unreadable(String),
    /// Anything else: the database's code.
    #[error("the database refused it (code {0})")]
    Other(String),
}

impl Error {
    /// For `map_err`: what was being done, and what came of it.
    pub(super) fn doing(doing: &'static str) -> impl Fn(Trouble) -> Self {
        move |trouble| Self::Statement { doing, trouble }
    }

    /// One thing to do.
    pub fn hint(&self) -> Option<String> {
        let trouble = match self {
            Self::Locked { .. } => {
                return Some(
                    "wait for it to end, or stop it; a run that was killed holds nothing, so this one is alive".into(),
                );
            }
            Self::OtherPortal { .. } => {
                return Some("one warehouse holds one portal: set `warehouse.url` to another file, or `warehouse.schema` to another schema".into());
            }
            Self::LedgerMoved => {
                return Some(
                    "the server was probably restarted; run the same command again: it goes on where the ledger stands"
                        .into(),
                );
            }
            Self::TooNew { .. } | Self::Altered { .. } => {
                return Some("run the deskhouse that wrote it, or a newer one".into());
            }
            Self::Open { trouble, .. } | Self::Statement { trouble, .. } => trouble,
        };
        let hint = match trouble {
            Trouble::Full => {
                "free some space and run the same command again: what was committed is kept, and it goes on there"
            }
            Trouble::ReadOnly | Trouble::NoAccess => {
                "check the path in `warehouse.url` and that this user may write the file and its folder"
            }
            Trouble::NoAddress => "correct DATABASE_URL: postgres://user:password@host:port/database",
            Trouble::NoDatabase => "create it (`createdb NAME`), or correct its name in DATABASE_URL",
            Trouble::NotADatabase => "set `warehouse.url` to a new file, or put a backup in its place",
            Trouble::Busy => "close programs that hold a transaction open on it, and run the same command again",
            Trouble::Denied => "check user and password in DATABASE_URL",
            Trouble::Lost(_) => {
                "check that the server runs, then run the same command again: it goes on where the last commit was"
            }
            Trouble::Missing | Trouble::NoTable => "run `deskhouse sync` first: it makes the tables",
            Trouble::Unreadable(_) => {
                "somebody or something has changed it: put back the value from a backup and run the same command again; \
                 nothing is read until then, since nobody knows what it stood for"
            }
            Trouble::Refused(_) | Trouble::Other(_) => return None,
        };
        Some(hint.into())
    }
}

impl Trouble {
    pub(super) fn of_io(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound
            | std::io::ErrorKind::NotADirectory
            | std::io::ErrorKind::IsADirectory
            | std::io::ErrorKind::PermissionDenied => Self::NoAccess,
            std::io::ErrorKind::StorageFull => Self::Full,
            std::io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            kind => Self::Lost(kind.to_string()),
        }
    }
}

fn holder(held_by: &Option<(String, DateTime<Utc>)>) -> String {
    held_by.as_ref().map_or_else(String::new, |(holder, since)| {
        format!(" ({holder}, since {} UTC)", since.format("%Y-%m-%d %H:%M"))
    })
}

/// A file that could not be opened for the run lock.
pub(super) fn lock_file(path: PathBuf, error: &std::io::Error) -> Error {
    Error::Open { warehouse: path.display().to_string(), trouble: Trouble::of_io(error) }
}
