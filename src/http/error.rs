//! Why there is no answer, named for what the caller does next.

use chrono::{DateTime, Utc};

use super::answer::Problem;
use super::credits::Shortage;
use crate::auth;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No valid token: the run ends.
    #[error(transparent)]
    SignIn(#[from] auth::Error),
    /// The token belongs to another portal: the run ends.
    #[error("the sign-in is not valid for organisation {org_id} (OAUTH_ORG_MISMATCH)")]
    OtherPortal {
        /// Organisation that was asked for.
        org_id: String,
    },
    /// Another server than the desk answered: the run ends.
    #[error("{request} was answered with a redirect by {host}")]
    Redirected {
        /// Method and path.
        request: String,
        /// Host that was asked.
        host: String,
    },
    /// The credits are used up, or what is left is reserved for others: the run stops and goes on another day.
    #[error("{}", out_of_credits(*shortage))]
    OutOfCredits {
        /// What is short.
        shortage: Shortage,
        /// When the credit day turns.
        until: DateTime<Utc>,
    },
    /// Scope, permission or licence is missing: the resource is skipped.
    #[error("{request} is not granted ({code})")]
    NotGranted {
        /// Method and path.
        request: String,
        /// Zoho's code.
        code: String,
    },
    /// There is no such path or record.
    #[error("{request} was not found (404)")]
    NotFound {
        /// Method and path.
        request: String,
    },
    /// A parameter is out of range or unknown: the caller may mend it.
    #[error("{request} was refused ({})", reason(422, code, fields))]
    Unprocessable {
        /// Method and path.
        request: String,
        /// Zoho's code.
        code: String,
        /// What the answer says about the parameter.
        problem: Problem,
        /// Which fields of the body were not taken, and why.
        fields: Vec<String>,
    },
    /// Any other refusal.
    #[error("{request} was refused ({})", reason(*status, code, &[]))]
    Refused {
        /// Method and path.
        request: String,
        /// HTTP status.
        status: u16,
        /// Zoho's code.
        code: String,
    },
    /// It failed as often as it was worth trying: the stream ends, the others go on.
    #[error("{request} failed after {tries} tries in {seconds:.1}s: {cause}")]
    Spent {
        /// Method and path.
        request: String,
        /// Attempts that were made.
        tries: u32,
        /// Time from the first to the last.
        seconds: f64,
        /// The last failure.
        cause: String,
    },
    /// The answer is not what it should be, so that nothing is known by it: the resource fails, the others go on.
    #[error("{request} was answered with {found}")]
    Unreadable {
        /// Method and path.
        request: String,
        /// What is wrong with the answer; nothing of what it holds.
        found: String,
    },
    /// A request that writes was sent, and no answer tells what became of it: somebody has to look.
    #[error("{request} was sent, but whether it was carried out is not known: {cause}")]
    Uncertain {
        /// Method and path.
        request: String,
        /// What came instead of an answer.
        cause: String,
    },
}

impl Error {
    /// Whether every other request would fare as this one did.
    pub fn ends_all(&self) -> bool {
        matches!(
            self,
            Self::SignIn(_)
                | Self::OtherPortal { .. }
                | Self::Redirected { .. }
                | Self::OutOfCredits { .. }
                | Self::Spent { .. }
        )
    }
}

/// Status, Zoho's code and the fields of the body, as far as there are any.
fn reason(status: u16, code: &str, fields: &[String]) -> String {
    let code = if code.is_empty() { String::new() } else { format!(" {code}") };
    let fields = if fields.is_empty() { String::new() } else { format!(": {}", fields.join(", ")) };
    format!("{status}{code}{fields}")
}

fn out_of_credits(shortage: Shortage) -> String {
    let others = |kept: u64| match kept {
        0 => String::new(),
        kept => format!(", {kept} kept for more important work"),
    };
    match shortage {
        Shortage::Gone => "the portal's API credits of the day are used up".into(),
        Shortage::Reserve { left, reserve, kept } => {
            format!("stopped at the credit reserve ({left} left, reserve {reserve}{})", others(kept))
        }
        Shortage::Ceiling { spent, ceiling, kept } => {
            format!(
                "stopped at the daily credits ({spent} spent today, `limits.daily_credits` {ceiling}{})",
                others(kept)
            )
        }
    }
}
