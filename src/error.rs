//! What ends the program: one class, one exit code and one piece of advice for every error. Which single request is
//! tried again is decided in `http::retry`; nowhere else is decided what an error means.

use crate::ledger::State;
use crate::{auth, config, extract, http, resource, sync, transport, warehouse};

/// What ends the program.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration has mistakes, or something is missing in it.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The command line asks for something that does not exist.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// Zoho gives no token.
    #[error(transparent)]
    SignIn(#[from] auth::Error),
    /// A consent led to nothing.
    #[error(transparent)]
    Login(#[from] auth::LoginError),
    /// What lasts of a sign-in cannot be kept, or is not where it should be.
    #[error(transparent)]
    Storage(#[from] auth::StorageError),
    /// The run could not go on.
    #[error(transparent)]
    Sync(#[from] sync::Error),
    /// A request that somebody asked for by hand got no good answer.
    #[error(transparent)]
    Request(http::Error),
    /// A ticket was not opened, or nobody knows.
    #[error(transparent)]
    Ticket(http::Error),
    /// The warehouse cannot be used.
    #[error(transparent)]
    Warehouse(#[from] warehouse::Error),
    /// The system refused something.
    #[error("cannot {doing}")]
    System {
        /// What was being done.
        doing: String,
        /// What it said.
        source: std::io::Error,
    },
    /// The network code cannot start.
    #[error("cannot set up the network")]
    Transport(#[from] transport::Error),
}

/// Kinds of ends, as scripts tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Nothing went wrong.
    Done,
    /// It failed.
    Failed,
    /// Command line or configuration.
    Usage,
    /// Zoho refused the sign-in.
    Credentials,
    /// Something asked for is not complete.
    Partial,
    /// The credit reserve was reached.
    Quota,
    /// Another run holds the warehouse.
    Locked,
    /// Stopped by a signal, with everything saved.
    Interrupted,
}

impl Class {
    /// The exit code; README, "Exit codes".
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Credentials => 3,
            Self::Partial => 4,
            Self::Quota => 5,
            Self::Locked => 6,
            Self::Interrupted => 130,
        }
    }
}

impl Class {
    /// Of several ends, the one that is to be mended first has the most: what stops every run before what stops some.
    pub const fn gravity(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Interrupted => 1,
            Self::Partial => 2,
            Self::Quota => 3,
            Self::Locked => 4,
            Self::Failed => 5,
            Self::Credentials => 6,
            Self::Usage => 7,
        }
    }
}

impl From<State> for Class {
    fn from(state: State) -> Self {
        match state {
            State::Complete => Self::Done,
            State::Partial | State::Running => Self::Partial,
            State::OutOfCredits => Self::Quota,
            State::Interrupted => Self::Interrupted,
            State::Failed => Self::Failed,
        }
    }
}

impl Error {
    /// What kind of end it is.
    pub fn class(&self) -> Class {
        match self {
            Self::Config(_) | Self::Usage { .. } | Self::Sync(sync::Error::WhichPortal { .. }) => Class::Usage,
            Self::Sync(sync::Error::Interrupted) => Class::Interrupted,
            Self::SignIn(error) => sign_in_class(error),
            Self::Login(error) => match error {
                auth::LoginError::RedirectUri { .. } => Class::Usage,
                auth::LoginError::Listen { .. }
                | auth::LoginError::TimedOut { .. }
                | auth::LoginError::NotPasted { .. } => Class::Failed,
                _ => Class::Credentials,
            },
            Self::Storage(auth::StorageError::NotInKeyring { .. }) => Class::Usage,
            Self::Storage(_) => Class::Failed,
            Self::Sync(sync::Error::Http(error)) | Self::Request(error) | Self::Ticket(error) => match error {
                http::Error::SignIn(error) => sign_in_class(error),
                http::Error::OtherPortal { .. } | http::Error::Redirected { .. } => Class::Credentials,
                http::Error::OutOfCredits { .. } => Class::Quota,
                http::Error::NotGranted { .. }
                | http::Error::NotFound { .. }
                | http::Error::Unprocessable { .. }
                | http::Error::Refused { .. }
                | http::Error::Spent { .. }
                | http::Error::Unreadable { .. }
                | http::Error::Uncertain { .. } => Class::Failed,
            },
            Self::Warehouse(error) | Self::Sync(sync::Error::Warehouse(error)) => match error {
                warehouse::Error::Locked { .. } => Class::Locked,
                warehouse::Error::OtherPortal { .. } => Class::Usage,
                _ => Class::Failed,
            },
            Self::System { .. } | Self::Transport(_) => Class::Failed,
        }
    }

    /// One thing to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Config(error) => error.hint(),
            Self::Usage { hint, .. } => Some(hint.clone()),
            Self::SignIn(error) => Some(error.hint()),
            Self::Login(error) => Some(error.hint()),
            Self::Storage(error) => Some(error.hint()),
            Self::Sync(sync::Error::Http(error)) => http_hint(error),
            Self::Request(error) => request_hint(error),
            Self::Ticket(error) => ticket_hint(error),
            Self::Sync(sync::Error::Warehouse(error)) | Self::Warehouse(error) => error.hint(),
            Self::Sync(sync::Error::WhichPortal { found }) if found.is_empty() => {
                Some("set ZOHO_ORG_ID, or grant the scope Desk.basic.READ so that it can be found out; the portal's number is in Zoho Desk under Setup > Developer Space > APIs".into())
            }
            Self::Sync(sync::Error::WhichPortal { found }) => Some(format!("set ZOHO_ORG_ID to one of {}", found.join(", "))),
            Self::Sync(sync::Error::Interrupted) | Self::System { .. } | Self::Transport(_) => None,
        }
    }
}

fn sign_in_class(error: &auth::Error) -> Class {
    match error {
        auth::Error::Unreachable { .. } | auth::Error::Unavailable { .. } | auth::Error::Cache { .. } => Class::Failed,
        _ => Class::Credentials,
    }
}

/// What to do about a resource that failed while others went on.
pub fn resource_hint(resource: &str, error: &extract::Error) -> Option<String> {
    match error {
        extract::Error::Http(http::Error::NotGranted { .. }) => {
            let Some(definition) = resource::find(resource) else {
                return Some(format!(
                    "make a refresh token with the scope {}; until then deletions are found by `deskhouse verify` only",
                    resource::BIN_SCOPE
                ));
            };
            let scopes = definition.scopes.join(",");
            Some(format!(
                "make a refresh token with the scopes {scopes} for an agent who may read {resource}, or leave {resource} out of `sync.resources`"
            ))
        }
        extract::Error::Http(error) => http_hint(error),
        extract::Error::Doubtful { .. } => Some(format!(
            "look at them in Zoho Desk; if they are gone, `deskhouse verify {resource} --believe` marks them"
        )),
        extract::Error::Stuck { .. }
        | extract::Error::SomeRefused { .. }
        | extract::Error::Unsettled { .. }
        | extract::Error::NoKeys { .. }
        | extract::Error::SomeUnreadable { .. }
        | extract::Error::Repeats { .. }
        | extract::Error::NotCounted { .. } => None,
    }
}

/// What to do about a request that got no answer.
pub fn http_hint(error: &http::Error) -> Option<String> {
    Some(match error {
        http::Error::SignIn(error) => error.hint(),
        http::Error::OtherPortal { .. } => {
            "the refresh token was granted for another portal: correct ZOHO_ORG_ID, or make a token for this portal (README, \"Sign in\")".into()
        }
        http::Error::Redirected { .. } => {
            "another data centre or a proxy is answering: check `zoho.data_center` and `zoho.desk_url`".into()
        }
        http::Error::OutOfCredits { until, .. } => format!(
            "run the same command after {} UTC, when the portal's credit day turns; finished windows will not be read again",
            until.format("%Y-%m-%d %H:%M")
        ),
        http::Error::NotGranted { .. } => {
            "a scope of the refresh token, a permission of its agent or a feature of the edition is missing; `deskhouse resources` names the scopes".into()
        }
        http::Error::Spent { .. } => "Zoho or the network is having trouble; run the same command again, it goes on where it stopped".into(),
        http::Error::NotFound { .. } => "check `zoho.desk_url`; it ends before `/api/v1`".into(),
        http::Error::Unprocessable { .. }
        | http::Error::Refused { .. }
        | http::Error::Unreadable { .. }
        | http::Error::Uncertain { .. } => return None,
    })
}

/// What to do about a request that somebody asked for by hand.
fn request_hint(error: &http::Error) -> Option<String> {
    Some(match error {
        http::Error::NotGranted { .. } => {
            "the refresh token lacks the scope that this path needs, or the person behind it the permission; scopes stay with a token, so make a new one that has it (README, \"Sign in\")".into()
        }
        http::Error::NotFound { .. } => {
            "there is no such path or record, or the person behind the token may not see it".into()
        }
        http::Error::OutOfCredits { shortage, until } => format!(
            "run it again after {} UTC, when the portal's credit day turns{}",
            until.format("%Y-%m-%d %H:%M"),
            match shortage {
                http::Shortage::Gone => "",
                http::Shortage::Reserve { .. } => ", or lower `limits.credit_reserve`",
                http::Shortage::Ceiling { .. } => ", or raise `limits.daily_credits`",
            }
        ),
        http::Error::Spent { .. } => "Zoho or the network is having trouble; run it again in a few minutes".into(),
        http::Error::Uncertain { .. } => "look in Zoho whether it was carried out before you send it again".into(),
        _ => return http_hint(error),
    })
}

/// What to do about a ticket that was not opened.
fn ticket_hint(error: &http::Error) -> Option<String> {
    Some(match error {
        http::Error::NotGranted { code, .. } if code == "SCOPE_MISMATCH" => {
            "the refresh token lacks the scope Desk.tickets.CREATE; scopes stay with a token, so make a new one that has it (README, \"Sign in\")".into()
        }
        http::Error::NotGranted { .. } => {
            "the person behind the token may not open tickets in this department: their profile and departments decide".into()
        }
        http::Error::Uncertain { .. } => {
            "the ticket may exist, so look before you try again: deskhouse api GET '/tickets?sortBy=-createdTime&limit=5'".into()
        }
        http::Error::Unprocessable { .. } => {
            "correct what is named; the layout of the department decides which fields it takes and which it needs".into()
        }
        _ => return request_hint(error),
    })
}
