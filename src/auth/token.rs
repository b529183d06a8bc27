//! Access tokens and the rule for how long one may be used. Pure; asking for one is left to `exchange`.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use crate::config::Secret;

/// A token for API requests and the time up to which it is good.
#[derive(Clone)]
pub struct AccessToken {
    secret: Secret,
    expires_at: DateTime<Utc>,
    scopes: Vec<String>,
}

/// Time before expiry at which a new token is asked for; a request that is on its way must not outlive its token.
const MARGIN: TimeDelta = TimeDelta::minutes(5);

/// Longest time that a token is trusted, whatever the answer claims: Zoho's tokens live an hour.
const LONGEST_LIFE: TimeDelta = TimeDelta::hours(1);

impl AccessToken {
    /// A token that is good until `expires_at`.
    pub fn new(secret: Secret, expires_at: DateTime<Utc>) -> Self {
        Self { secret, expires_at, scopes: Vec::new() }
    }

    /// The same, with what it allows.
    #[must_use]
    pub fn with_scopes(self, scopes: Vec<String>) -> Self {
        Self { scopes, ..self }
    }

    /// What it allows; nothing where the accounts server did not say.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// The text for the `Authorization` header.
    pub fn expose(&self) -> &str {
        self.secret.expose()
    }

    /// When it expires.
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }

    /// Whether a request that is sent now should use it.
    pub fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        // A token from too far in the future was written by a clock that has been set back since.
        now < self.expires_at - MARGIN && self.expires_at <= now + LONGEST_LIFE
    }
}

impl PartialEq for AccessToken {
    fn eq(&self, other: &Self) -> bool {
        self.secret.expose() == other.secret.expose()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessToken(***, expires_at: {})", self.expires_at)
    }
}

/// Body of the token endpoint, success and refusal alike: both come under status 200.
#[derive(Deserialize, Default)]
pub(super) struct Body {
    pub(super) access_token: Option<String>,
    refresh_token: Option<String>,
    scope: Option<String>,
    expires_in: Option<i64>,
    expires_in_sec: Option<i64>,
    pub(super) error: Option<String>,
    pub(super) status: Option<String>,
}

impl Body {
    /// The token, if there is one. `expires_in` is seconds, but an older form of the answer has milliseconds there and
    /// the seconds in `expires_in_sec` (seen in answers of older clients).
    pub(super) fn token(&self, now: DateTime<Utc>) -> Option<AccessToken> {
        let secret = Secret::new(self.access_token.as_deref()?)?;
        let seconds = match (self.expires_in_sec, self.expires_in) {
            (Some(seconds), _) => seconds,
            (None, Some(value)) if value > 86_400 => value / 1000,
            (None, Some(value)) => value,
            (None, None) => LONGEST_LIFE.num_seconds(),
        };
        let life = TimeDelta::seconds(seconds.clamp(0, LONGEST_LIFE.num_seconds()));
        // Blanks are the standard's, commas those of some of Zoho's pages; an answer may have no scopes at all.
        let scopes = self.scope.iter().flat_map(|scopes| scopes.split([' ', ','])).filter(|scope| !scope.is_empty());
        Some(AccessToken::new(secret, now + life).with_scopes(scopes.map(str::to_owned).collect()))
    }

    /// The refresh token, if there is one: codes are answered with it, refreshes are not.
    pub(super) fn refresh_token(&self) -> Option<Secret> {
        Secret::new(self.refresh_token.as_deref()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn life(json: &str) -> Option<i64> {
        let body: Body = serde_json::from_str(json).expect("valid JSON");
        body.token(NOW).map(|token| (token.expires_at - NOW).num_seconds())
    }

    #[test]
    fn the_life_of_a_token_is_read_from_either_form_and_never_trusted_beyond_an_hour() {
        assert_eq!(life(r#"{"access_token":"t","expires_in":1800}"#), Some(1800));
        assert_eq!(life(r#"{"access_token":"t","expires_in":1800000,"expires_in_sec":1800}"#), Some(1800));
        assert_eq!(life(r#"{"access_token":"t","expires_in":1800000}"#), Some(1800));
        assert_eq!(life(r#"{"access_token":"t","expires_in":86000}"#), Some(3600));
        assert_eq!(life(r#"{"access_token":"t"}"#), Some(3600));
        assert_eq!(life(r#"{"access_token":""}"#), None);
        assert_eq!(life(r#"{"error":"invalid_code"}"#), None);
    }

    #[test]
    fn a_token_is_renewed_five_minutes_before_it_expires() {
        let token = AccessToken::new(Secret::new("t").expect("a secret"), NOW + TimeDelta::hours(1));
        assert!(token.is_fresh(NOW + TimeDelta::minutes(54)));
        assert!(!token.is_fresh(NOW + TimeDelta::minutes(55)));
        assert!(!token.is_fresh(NOW - TimeDelta::minutes(1)));
    }

    #[test]
    fn a_token_never_prints_itself() {
        let token = AccessToken::new(Secret::new("1000.secret").expect("a secret"), NOW);
        assert!(!format!("{token:?}").contains("secret"));
    }
}
