//! From text to the values of settings: ids, times, reserves, addresses, paths. Pure; which layer the text came from
//! and how a refusal is reported is up to `layers`.

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use url::Url;

/// Why a text is not a value of the wanted kind. Does not hold the text, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refused {
    expected: String,
    hint: Option<String>,
}

impl Refused {
    pub(super) fn new(expected: impl Into<String>) -> Self {
        Self { expected: expected.into(), hint: None }
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What would have been taken, to stand after "should be".
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// One thing to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "should be {}", self.expected)
    }
}

/// The id of a Desk portal: digits, as text because it is only ever compared and sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrgId(String);

impl OrgId {
    /// The id in `text`.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let text = text.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self(text.to_owned()));
        }
        // Sent as it is, anything else is answered by a 500 without a word on every path (seen on a live portal).
        Err(Refused::new("digits only")
            .with_hint("the org id is shown in Zoho Desk under Setup > Developer Space > API; it is not the CRM's"))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// API credits that a run leaves for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserve {
    /// A share of the day's credits, 0 to 100.
    Percent(u8),
    /// That many credits.
    Credits(u64),
}

impl Reserve {
    /// `20%`, or a number of credits.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let text = text.trim();
        let parsed = match text.strip_suffix('%') {
            Some(share) => share.trim_end().parse().ok().filter(|share| *share <= 100).map(Self::Percent),
            None => text.parse().ok().map(Self::Credits),
        };
        parsed.ok_or_else(|| Refused::new("a share from 0% to 100%, such as \"20%\", or a whole number of credits"))
    }
}

impl fmt::Display for Reserve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(share) => write!(f, "{share}%"),
            Self::Credits(credits) => write!(f, "{credits} credits"),
        }
    }
}

/// A number of credits, 1 or more.
pub(super) fn credits(text: &str) -> Result<u64, Refused> {
    let credits = text.trim().parse().ok().filter(|credits| *credits > 0);
    credits.ok_or_else(|| Refused::new("a whole number of credits, 1 or more"))
}

/// A day, which begins at midnight UTC, or a time with its offset.
pub fn moment(text: &str) -> Result<DateTime<Utc>, Refused> {
    let text = text.trim();
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(day.and_time(NaiveTime::MIN).and_utc());
    }
    // A time without an offset is not taken: it would mean another instant on each machine.
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.with_timezone(&Utc))
        .map_err(|_| Refused::new("a date such as 2024-01-31, or a time with its offset such as 2024-01-31T08:00:00Z"))
}

/// At most a month: more is a slip of the unit, and would read that much again every night.
const LONGEST_OVERLAP: Duration = Duration::from_secs(31 * 24 * 60 * 60);

pub(super) fn overlap(text: &str) -> Result<Duration, Refused> {
    humantime::parse_duration(text.trim())
        .ok()
        .filter(|duration| *duration <= LONGEST_OVERLAP)
        .ok_or_else(|| Refused::new("a length of time with its unit, such as \"15m\" or \"2h\", 31 days at most"))
}

pub(super) fn boolean(text: &str) -> Result<bool, Refused> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(Refused::new("true or false")),
    }
}

pub(super) fn word(text: &str) -> Result<String, Refused> {
    let text = text.trim();
    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(Refused::new("text without spaces"));
    }
    Ok(text.to_owned())
}

pub(super) fn schema(text: &str) -> Result<String, Refused> {
    let text = text.trim();
    let expected = || Refused::new("a name of a-z, 0-9 and _ that does not begin with a digit, 63 characters at most");
    let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if text.is_empty() || text.len() > 63 || !plain || text.as_bytes()[0].is_ascii_digit() {
        return Err(expected());
    }
    if text.starts_with("pg_") {
        return Err(expected().with_hint("Postgres keeps names that begin with `pg_` for itself"));
    }
    Ok(text.to_owned())
}

/// The address of a server: scheme, host and port. `/` and `suffix` at its end are taken off.
pub(super) fn server(text: &str, suffix: &str) -> Result<Url, Refused> {
    let expected = || Refused::new("an address such as https://desk.zoho.eu, without a path");
    let mut url = Url::parse(text.trim()).map_err(|_| expected())?;
    let path = url.path().trim_end_matches('/');
    if !(path.strip_suffix(suffix).unwrap_or(path)).is_empty() {
        return Err(expected().with_hint("deskhouse adds the path itself"));
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(expected());
    }
    url.set_path("/");
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(Refused::new("an https address")
            .with_hint("secrets travel there, so http is only taken for this machine, such as http://127.0.0.1:8477")),
        _ => Err(expected()),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// A path as a person writes it: `~/` is the home folder, and what is relative is so to the working folder.
pub(super) fn path(text: &str, home: Option<&Path>, working_dir: &Path) -> Result<PathBuf, Refused> {
    let text = text.trim();
    match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => Ok(home.join(rest)),
        // A folder by the name of `~` is never what was meant.
        (Some(_), None) => Err(Refused::new("a path without `~`, since the home folder is not known")),
        (None, _) if text.is_empty() => Err(Refused::new("a path")),
        (None, _) => Ok(working_dir.join(text)),
    }
}
