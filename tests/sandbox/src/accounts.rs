//! The accounts server: trades a refresh token for access tokens, and stops listening when asked too often.

use std::collections::VecDeque;

use chrono::{DateTime, Duration, Utc};

use crate::answer::Answer;
use crate::dice::Dice;
use crate::query::Query;
use crate::settings::Settings;

/// Where tokens are asked for.
pub(crate) const TOKEN_PATH: &str = "/oauth/v2/token";

const LIVE_TOKENS: usize = 10;
const REQUESTS_PER_WINDOW: u32 = 10;
const WINDOW: Duration = Duration::minutes(10);

/// The tokens in use and the requests of the window.
#[derive(Debug)]
pub(crate) struct Accounts {
    /// Access tokens and when each ends, oldest first.
    tokens: VecDeque<(String, DateTime<Utc>)>,
    /// Begins with its first request; the requests so far.
    window: Option<(DateTime<Utc>, u32)>,
    pub(crate) requests: usize,
    revoked: bool,
    dice: Dice,
}

impl Accounts {
    pub(crate) fn new(seed: u64) -> Self {
        Self { tokens: VecDeque::new(), window: None, requests: 0, revoked: false, dice: Dice::of(&[seed, 30]) }
    }

    /// Answers a token request whose parameters came in the body or in the query.
    pub(crate) fn token(&mut self, settings: &Settings, now: DateTime<Utc>, params: &Query) -> Answer {
        let (start, count) = self.window.filter(|(start, _)| now < *start + WINDOW).unwrap_or((now, 0));
        self.window = Some((start, count + 1));
        if count >= REQUESTS_PER_WINDOW {
            return Answer::throttled();
        }
        if params.get("client_id") != Some(&settings.client_id) {
            return refused("invalid_client");
        }
        if params.get("client_secret") != Some(&settings.client_secret) {
            return refused("invalid_client_secret");
        }
        match params.get("grant_type") {
            Some("refresh_token") if self.revoked || params.get("refresh_token") != Some(&settings.refresh_token) => {
                refused("invalid_code")
            }
            Some("refresh_token") => self.issue(settings, now),
            _ => refused("unsupported_grant_type"),
        }
    }

    fn issue(&mut self, settings: &Settings, now: DateTime<Utc>) -> Answer {
        self.tokens.retain(|(_, end)| now < *end);
        if self.tokens.len() >= LIVE_TOKENS {
            self.tokens.pop_front();
        }
        let token = format!("1000.{}.{}", self.dice.hex(), self.dice.hex());
        self.tokens.push_back((token.clone(), now + settings.token_lifetime));
        Answer::json(
            200,
            serde_json::json!({
                "access_token": token,
                "scope": settings.scopes.join(" "),
                "api_domain": "https://www.zohoapis.example",
                "token_type": "Bearer",
                "expires_in": settings.token_lifetime.num_seconds(),
            })
            .to_string(),
        )
    }

    pub(crate) fn accepts(&self, token: &str, now: DateTime<Utc>) -> bool {
        self.tokens.iter().any(|(known, end)| known == token && now < *end)
    }

    /// Makes every access token stale.
    pub(crate) fn expire(&mut self) {
        self.tokens.clear();
    }

    /// Revokes the refresh token, and with it every access token that it bought.
    pub(crate) fn revoke(&mut self) {
        self.revoked = true;
        self.expire();
    }
}

/// Zoho refuses under status 200.
fn refused(error: &str) -> Answer {
    Answer::json(200, serde_json::json!({"error": error}).to_string())
}
