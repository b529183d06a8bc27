//! Why there is no access token, and what to do about it. Exit codes are left to the crate's error table.

use chrono::{DateTime, Utc};

use crate::transport;

/// Why there is no access token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Zoho answered, and said no.
    #[error("zoho refused the {} ({}) at {host}", presented.noun(), refusal.code())]
    Refused {
        /// Accounts server that was asked.
        host: String,
        /// What it was shown.
        presented: Presented,
        /// Its reason.
        refusal: Refusal,
    },
    /// Zoho blocks token requests for a while.
    #[error("zoho accepts no token requests at {host} until {} UTC: there were too many", until.format("%H:%M"))]
    Throttled {
        /// Accounts server that was asked.
        host: String,
        /// When the block should be over.
        until: DateTime<Utc>,
    },
    /// We stop ourselves before Zoho does.
    #[error("no token request was sent to {host}: {budget} were sent within 10 minutes; the next one may go at {} UTC", until.format("%H:%M"))]
    BudgetSpent {
        /// Accounts server that would have been asked.
        host: String,
        /// Requests that were sent.
        budget: usize,
        /// When the oldest of them no longer counts.
        until: DateTime<Utc>,
    },
    /// The accounts server sent us elsewhere.
    #[error("the accounts server {host} answered with a redirect")]
    Redirected {
        /// Accounts server that was asked.
        host: String,
    },
    /// The answer is not one of the token endpoint.
    #[error("the accounts server {host} gave an answer that is no token (status {status})")]
    Unexpected {
        /// Accounts server that was asked.
        host: String,
        /// HTTP status.
        status: u16,
    },
    /// The accounts server is in trouble.
    #[error("the accounts server {host} answered with {status}{}", if *tries > 1 { format!(", {tries} times") } else { String::new() })]
    Unavailable {
        /// Accounts server that was asked.
        host: String,
        /// HTTP status.
        status: u16,
        /// Requests that were sent.
        tries: u32,
    },
    /// There was no answer.
    #[error("the accounts server {host} could not be reached")]
    Unreachable {
        /// Accounts server that was asked.
        host: String,
        /// What happened.
        source: transport::Error,
    },
    /// The desk refused a token that was new.
    #[error("zoho desk at {host} does not accept the access token (status 401)")]
    NotAccepted {
        /// Desk server that was asked.
        host: String,
    },
    /// A code was taken, and there is nothing that lasts.
    #[error("zoho gave no refresh token for the code at {host}")]
    NoRefreshToken {
        /// Accounts server that was asked.
        host: String,
    },
    /// Neither way to revoke a token was taken.
    #[error("zoho revoked nothing at {host} (status {} and {})", statuses[0], statuses[1])]
    NotRevoked {
        /// Accounts server that was asked.
        host: String,
        /// HTTP status of each way.
        statuses: [u16; 2],
    },
    /// The token cache cannot be used.
    #[error("the token cache {path} cannot be used")]
    Cache {
        /// File or folder.
        path: String,
        /// What happened.
        source: std::io::Error,
    },
}

/// What the token endpoint was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented {
    /// A refresh token.
    RefreshToken,
    /// The code of a consent or of a self client.
    Code,
    /// Client id and secret alone.
    ClientCredentials,
}

impl Presented {
    fn noun(self) -> &'static str {
        match self {
            Self::RefreshToken | Self::ClientCredentials => "sign-in",
            Self::Code => "code",
        }
    }
}

/// Reason of a refusal, by the codes that the token endpoint was seen to give under status 200 (2025, 2026).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Refresh token revoked, pushed out by newer ones, or of another data centre; code used or too old.
    InvalidCode,
    /// Unknown client id, or one that is not enabled in this data centre.
    InvalidClient,
    /// Wrong secret.
    InvalidClientSecret,
    /// Any other code.
    Other(String),
}

impl Refusal {
    pub(super) fn from_code(code: &str) -> Self {
        match code {
            "invalid_code" => Self::InvalidCode,
            "invalid_client" => Self::InvalidClient,
            "invalid_client_secret" => Self::InvalidClientSecret,
            // Only what looks like a code is repeated: an answer may echo what was sent.
            code if code.len() <= 40 && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') => {
                Self::Other(code.to_owned())
            }
            _ => Self::Other("unknown reason".to_owned()),
        }
    }

    /// The code itself, as far as it may be seen.
    pub fn code(&self) -> &str {
        match self {
            Self::InvalidCode => "invalid_code",
            Self::InvalidClient => "invalid_client",
            Self::InvalidClientSecret => "invalid_client_secret",
            Self::Other(code) => code,
        }
    }
}

impl Error {
    /// One thing to do.
    pub fn hint(&self) -> String {
        match self {
            Self::Refused { refusal: Refusal::InvalidCode, presented: Presented::Code, .. } => {
                "a code works once and for minutes, and only in the data centre where it was made: get another one (`Generate Code` in the API console, or `deskhouse auth login` again) and exchange it at once; for another data centre say `--data-center`".into()
            }
            Self::Refused { refusal: Refusal::InvalidCode, .. } => {
                "the refresh token was revoked, or belongs to another data centre than `zoho.data_center`; `deskhouse auth exchange` or `deskhouse auth login` makes a new one (README, \"Sign in\")".into()
            }
            Self::Refused { refusal: Refusal::InvalidClient, .. } => {
                "check ZOHO_CLIENT_ID and `zoho.data_center`: a client works in the data centre where it was made, unless others are enabled in its settings".into()
            }
            Self::Refused { refusal: Refusal::InvalidClientSecret, .. } => {
                "check ZOHO_CLIENT_SECRET: it differs from data centre to data centre; copy it from the API console again".into()
            }
            Self::Refused { presented: Presented::ClientCredentials, .. } => {
                "client credentials need a self client, its own scopes and the number of its portal in ZOHO_ORG_ID (README, \"Sign in\")".into()
            }
            Self::Refused { refusal: Refusal::Other(code), .. } if code == "invalid_redirect_uri" => {
                "the redirect URI must be the one that the client was registered with, to the letter; give it with `--redirect-uri`".into()
            }
            Self::Refused { refusal: Refusal::Other(_), .. } => {
                "check client id, client secret and refresh token against the API console (README, \"Sign in\")".into()
            }
            Self::Throttled { until, .. } | Self::BudgetSpent { until, .. } => format!(
                "run the same command after {} UTC; asking earlier prolongs the block. Programs that share this client should share its token too",
                until.format("%H:%M")
            ),
            Self::Redirected { .. } | Self::Unexpected { .. } => {
                "check `zoho.data_center` and `zoho.accounts_url`: another data centre or a proxy may be answering".into()
            }
            Self::Unavailable { .. } => "Zoho is having trouble; run the same command again in a few minutes".into(),
            Self::Unreachable { .. } => "check the network, and `zoho.accounts_url` if it is set".into(),
            Self::NotAccepted { .. } => {
                "accounts server and desk must be of the same data centre; check `zoho.data_center`, and that the token was granted for this portal".into()
            }
            Self::NoRefreshToken { .. } => {
                "the client is of a type that gets none: use a self client or a server-based application (README, \"Sign in\")".into()
            }
            Self::NotRevoked { .. } => {
                "the token may have been revoked before, or belongs to another data centre than `zoho.data_center`; what a person has granted is listed under Connected Apps of their Zoho account".into()
            }
            Self::Cache { .. } => "set `state.dir` (DESKHOUSE_STATE__DIR) to a folder that this user can write".into(),
        }
    }
}
