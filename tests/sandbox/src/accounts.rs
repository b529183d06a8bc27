//! The accounts server: trades codes and refresh tokens for access tokens, revokes them, and stops listening when asked
//! too often. How a person comes by a code is in `consent`.

use std::collections::VecDeque;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};

use crate::answer::Answer;
use crate::consent::{self, Consents};
use crate::desk::Call;
use crate::dice::Dice;
use crate::query::Query;
use crate::settings::Settings;
use crate::state::State;

/// What every path of the accounts server begins with.
pub(crate) const PREFIX: &str = "/oauth/";

/// Where tokens are asked for.
pub(crate) const TOKEN_PATH: &str = "/oauth/v2/token";

/// Where they are revoked: the older way, and the one of the newer documents.
const REVOKE_PATH: &str = "/oauth/v2/token/revoke";
const NEWER_REVOKE_PATH: &str = "/oauth/v2/revoke/token";

const LIVE_TOKENS: usize = 10;
const LIVE_REFRESH_TOKENS: usize = 20;
const REQUESTS_PER_WINDOW: u32 = 10;
const WINDOW: Duration = Duration::minutes(10);

/// The tokens in use, the codes that wait, and the requests of the window.
#[derive(Debug)]
pub(crate) struct Accounts {
    /// Refresh tokens with the access tokens that they bought, oldest first.
    grants: Vec<Grant>,
    /// Access tokens of client credentials.
    own: Grant,
    codes: Vec<Code>,
    pub(crate) consents: Consents,
    /// Begins with its first request; the requests so far.
    window: Option<(DateTime<Utc>, u32)>,
    pub(crate) requests: usize,
    /// Where this server is, as it tells others.
    pub(crate) url: String,
    pub(crate) dice: Dice,
}

#[derive(Debug, Default)]
struct Grant {
    refresh_token: String,
    /// What was consented to; all that the settings allow if there was no consent.
    scopes: Option<Vec<String>>,
    /// Access tokens and when each ends, oldest first.
    tokens: VecDeque<(String, DateTime<Utc>)>,
}

/// A code that has been given out.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) text: String,
    pub(crate) end: DateTime<Utc>,
    pub(crate) scopes: Vec<String>,
    /// Where the consent was sent back to; none for a self client.
    pub(crate) redirect_uri: Option<String>,
    /// Challenge and method.
    pub(crate) challenge: Option<(String, String)>,
    /// Whether it buys a refresh token.
    pub(crate) lasting: bool,
}

/// Answers a request to a path that begins with [`PREFIX`].
pub(crate) fn answer(state: &mut State, call: &Call) -> Answer {
    let (settings, now) = (state.settings.clone(), state.now());
    let accounts = &mut state.accounts;
    match (call.path.as_str(), call.method.as_str()) {
        (TOKEN_PATH, "POST") => accounts.token(&settings, now, &call.query),
        (REVOKE_PATH, "POST") => accounts.revoke_by(&call.query),
        (NEWER_REVOKE_PATH, "POST") => {
            let expected = BASE64_STANDARD.encode(format!("{}:{}", settings.client_id, settings.client_secret));
            match call.authorization.as_deref().and_then(|header| header.strip_prefix("Basic ")) {
                Some(basic) if basic == expected => accounts.revoke_by(&call.query),
                _ => Answer::json(401, r#"{"status":"failure","error":"invalid_client"}"#),
            }
        }
        (consent::PATH, "GET") => consent::page(accounts, &settings, &call.query),
        (consent::DECISION_PATH, "POST") => consent::decide(accounts, &settings, now, &call.query),
        (TOKEN_PATH | REVOKE_PATH | NEWER_REVOKE_PATH | consent::PATH | consent::DECISION_PATH, _) => Answer::html(405),
        _ => Answer::html(404),
    }
}

impl Accounts {
    pub(crate) fn new(settings: &Settings) -> Self {
        let first = Grant { refresh_token: settings.refresh_token.clone(), ..Grant::default() };
        Self {
            grants: vec![first],
            own: Grant::default(),
            codes: Vec::new(),
            consents: Consents::default(),
            window: None,
            requests: 0,
            url: "http://127.0.0.1".into(),
            dice: Dice::of(&[settings.seed, 30]),
        }
    }

    /// Answers a token request whose parameters came in the body or in the query.
    fn token(&mut self, settings: &Settings, now: DateTime<Utc>, params: &Query) -> Answer {
        let (start, count) = self.window.filter(|(start, _)| now < *start + WINDOW).unwrap_or((now, 0));
        self.window = Some((start, count + 1));
        if count >= REQUESTS_PER_WINDOW {
            return Answer::throttled(settings.language);
        }
        if params.get("client_id") != Some(&settings.client_id) {
            return refused("invalid_client");
        }
        if params.get("client_secret") != Some(&settings.client_secret) {
            return refused("invalid_client_secret");
        }
        match params.get("grant_type") {
            Some("refresh_token") => {
                let known = |grant: &Grant| Some(grant.refresh_token.as_str()) == params.get("refresh_token");
                match self.grants.iter().position(known) {
                    Some(place) => {
                        let (token, scopes) = issue(&mut self.grants[place], &mut self.dice, settings, now);
                        granted(settings, &token, &scopes, None)
                    }
                    None => refused("invalid_code"),
                }
            }
            Some("authorization_code") => match self.redeem(now, params) {
                Ok(code) => self.grant(settings, now, code),
                Err(error) => refused(error),
            },
            Some("client_credentials") => {
                let scopes: Vec<_> = params.get("scope").unwrap_or_default().split(',').map(str::to_owned).collect();
                if params.get("soid") != Some(&format!("ZohoDesk.{}", settings.org_id)) {
                    return refused("invalid_soid");
                }
                if !consent::are_known(&scopes) {
                    return refused("invalid_scope");
                }
                self.own.scopes = Some(scopes);
                let (token, scopes) = issue(&mut self.own, &mut self.dice, settings, now);
                granted(settings, &token, &scopes, None)
            }
            _ => refused("unsupported_grant_type"),
        }
    }

    /// Takes a code out: it works once, whether what comes with it is right or not.
    fn redeem(&mut self, now: DateTime<Utc>, params: &Query) -> Result<Code, &'static str> {
        let place = self.codes.iter().position(|code| Some(code.text.as_str()) == params.get("code"));
        let code = self.codes.remove(place.ok_or("invalid_code")?);
        if now >= code.end {
            return Err("invalid_code");
        }
        if code.redirect_uri.as_deref() != params.get("redirect_uri") {
            return Err("invalid_redirect_uri");
        }
        let fits = match (&code.challenge, params.get("code_verifier")) {
            (None, _) => true,
            (Some((challenge, method)), Some(verifier)) if method == "S256" => {
                BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) == *challenge
            }
            (Some((challenge, _)), verifier) => verifier == Some(challenge),
        };
        if fits { Ok(code) } else { Err("invalid_code") }
    }

    fn grant(&mut self, settings: &Settings, now: DateTime<Utc>, code: Code) -> Answer {
        let mut grant = Grant { scopes: Some(code.scopes), ..Grant::default() };
        if !code.lasting {
            let (token, scopes) = issue(&mut grant, &mut self.dice, settings, now);
            self.own.tokens.extend(grant.tokens);
            return granted(settings, &token, &scopes, None);
        }
        grant.refresh_token = self.secret();
        let (token, scopes) = issue(&mut grant, &mut self.dice, settings, now);
        let answer = granted(settings, &token, &scopes, Some(&grant.refresh_token));
        self.grants.push(grant);
        if self.grants.len() > LIVE_REFRESH_TOKENS {
            self.grants.remove(0);
        }
        answer
    }

    fn revoke_by(&mut self, params: &Query) -> Answer {
        let before = self.grants.len();
        self.grants.retain(|grant| Some(grant.refresh_token.as_str()) != params.get("token"));
        if self.grants.len() < before {
            Answer::json(200, r#"{"status":"success"}"#)
        } else {
            Answer::json(400, r#"{"error":"invalid_token"}"#)
        }
    }

    /// What a person or the console is given to exchange.
    pub(crate) fn give_out(&mut self, code: Code) {
        self.codes.push(code);
    }

    /// A new text of the form that tokens and codes have.
    pub(crate) fn secret(&mut self) -> String {
        format!("1000.{}.{}", self.dice.hex(), self.dice.hex())
    }

    pub(crate) fn accepts(&self, token: &str, now: DateTime<Utc>) -> bool {
        self.holder(token).is_some_and(|(_, end)| now < end)
    }

    /// Whether the token was given this scope, as far as a consent limits it.
    pub(crate) fn allows(&self, token: &str, scope: &str) -> bool {
        let scopes = self.holder(token).and_then(|(grant, _)| grant.scopes.as_ref());
        scopes.is_none_or(|scopes| scopes.iter().any(|known| known.eq_ignore_ascii_case(scope)))
    }

    fn holder(&self, token: &str) -> Option<(&Grant, DateTime<Utc>)> {
        self.grants
            .iter()
            .chain([&self.own])
            .find_map(|grant| grant.tokens.iter().find(|(known, _)| known == token).map(|(_, end)| (grant, *end)))
    }

    /// The refresh tokens that work, oldest first.
    pub(crate) fn refresh_tokens(&self) -> Vec<String> {
        self.grants.iter().map(|grant| grant.refresh_token.clone()).collect()
    }

    /// Makes every access token stale.
    pub(crate) fn expire(&mut self) {
        self.own.tokens.clear();
        self.grants.iter_mut().for_each(|grant| grant.tokens.clear());
    }

    /// Revokes every refresh token, and with it the access tokens that it bought.
    pub(crate) fn revoke(&mut self) {
        self.grants.clear();
        self.expire();
    }
}

/// A new access token; the eleventh pushes the oldest out.
fn issue(grant: &mut Grant, dice: &mut Dice, settings: &Settings, now: DateTime<Utc>) -> (String, Vec<String>) {
    grant.tokens.retain(|(_, end)| now < *end);
    if grant.tokens.len() >= LIVE_TOKENS {
        grant.tokens.pop_front();
    }
    let token = format!("1000.{}.{}", dice.hex(), dice.hex());
    grant.tokens.push_back((token.clone(), now + settings.token_lifetime));
    (token, grant.scopes.clone().unwrap_or_else(|| settings.scopes.clone()))
}

fn granted(settings: &Settings, token: &str, scopes: &[String], refresh_token: Option<&str>) -> Answer {
    let mut body = serde_json::json!({
        "access_token": token,
        "scope": scopes.join(" "),
        "api_domain": "https://www.zohoapis.example",
        "token_type": "Bearer",
        "expires_in": settings.token_lifetime.num_seconds(),
    });
    if let Some(refresh_token) = refresh_token {
        body["refresh_token"] = refresh_token.into();
    }
    Answer::json(200, body.to_string())
}

/// Zoho refuses under status 200.
fn refused(error: &str) -> Answer {
    Answer::json(200, serde_json::json!({"error": error}).to_string())
}
