//! The page on which a person accepts or rejects what a client asks for, and the way back to the client.

use std::collections::HashMap;
use std::fmt::Write;

use chrono::{DateTime, Duration, Utc};

use crate::accounts::{Accounts, Code};
use crate::answer::{Answer, HTML};
use crate::query::Query;
use crate::settings::Settings;

/// The page.
pub(crate) const PATH: &str = "/oauth/v2/auth";

/// Where its two buttons lead.
pub(crate) const DECISION_PATH: &str = "/oauth/v2/auth/decision";

/// How long the code of a consent lives.
const CODE_LIFETIME: Duration = Duration::minutes(2);

/// Scopes that exist. One that does not voids a consent.
const KNOWN_SCOPES: &[&str] = &[
    "Desk.tickets.READ",
    "Desk.tickets.CREATE",
    "Desk.tickets.UPDATE",
    "Desk.tickets.ALL",
    "Desk.search.READ",
    "Desk.contacts.READ",
    "Desk.tasks.READ",
    "Desk.activities.tasks.READ",
    "Desk.calls.READ",
    "Desk.activities.calls.READ",
    "Desk.events.READ",
    "Desk.activities.events.READ",
    "Desk.products.READ",
    "Desk.articles.READ",
    "Desk.basic.READ",
    "Desk.settings.READ",
    "ZohoCampaigns.contact.CREATE-UPDATE",
];

/// Questions that wait for a decision, and whether anyone has ever accepted.
#[derive(Debug, Default)]
pub(crate) struct Consents {
    waiting: HashMap<String, Query>,
    accepted: bool,
}

/// Shows what a client asks for.
pub(crate) fn page(accounts: &mut Accounts, settings: &Settings, params: &Query) -> Answer {
    let scopes = scopes(params);
    let registered = |uri: &str| settings.redirect_uris.iter().any(|known| known == uri);
    // Before the client and the way back to it are known to be right, nothing is sent there.
    let wrong = if params.get("client_id") != Some(&settings.client_id) {
        Some("Invalid Client Id")
    } else if !params.get("redirect_uri").is_some_and(registered) {
        Some("Invalid Redirect Uri")
    } else if params.get("response_type") != Some("code") {
        Some("Invalid Response Type")
    } else if !are_known(&scopes) {
        Some("Invalid OAuth Scope: Scope does not exist")
    } else {
        None
    };
    if let Some(wrong) = wrong {
        return Answer::new(400, HTML, format!("<!doctype html>\n<title>Error</title>\n<h1>{wrong}</h1>\n"));
    }
    let question = accounts.dice.hex();
    accounts.consents.waiting.insert(question.clone(), Query(params.0.clone()));
    let items = scopes.iter().fold(String::new(), |mut items, scope| {
        let _ = write!(items, "<li>{scope}</li>");
        items
    });
    let button = |decision: &str| format!("<button name=\"decision\" value=\"{decision}\">{decision}</button>");
    Answer::new(
        200,
        HTML,
        format!(
            "<!doctype html>\n<title>Consent</title>\n<p>An application would like to:</p>\n<ul>{items}</ul>\n\
             <form method=\"post\" action=\"{DECISION_PATH}\">\n\
             <input type=\"hidden\" name=\"question\" value=\"{question}\">\n{}\n{}\n</form>\n",
            button("accept"),
            button("reject")
        ),
    )
}

/// Sends the person back to the client.
pub(crate) fn decide(accounts: &mut Accounts, settings: &Settings, now: DateTime<Utc>, params: &Query) -> Answer {
    let Some(asked) = params.get("question").and_then(|question| accounts.consents.waiting.remove(question)) else {
        return Answer::html(400);
    };
    let mut answer: Vec<(&str, String)> = Vec::new();
    if params.get("decision") == Some("accept") {
        let text = accounts.secret();
        let first = !std::mem::replace(&mut accounts.consents.accepted, true);
        let challenge = asked.get("code_challenge").map(str::to_owned);
        let method = asked.get("code_challenge_method").unwrap_or("plain").to_owned();
        accounts.give_out(Code {
            text: text.clone(),
            end: now + CODE_LIFETIME,
            scopes: scopes(&asked),
            redirect_uri: asked.get("redirect_uri").map(str::to_owned),
            challenge: challenge.map(|challenge| (challenge, method)),
            // Only the first consent lasts, unless the client asks for one anew.
            lasting: asked.get("access_type") == Some("offline") && (first || asked.get("prompt") == Some("consent")),
        });
        answer.push(("code", text));
        answer.push(("location", settings.location.clone()));
        answer.push(("accounts-server", accounts.url.clone()));
    } else {
        answer.push(("error", "access_denied".into()));
    }
    answer.extend(asked.get("state").map(|state| ("state", state.to_owned())));
    let pairs: Vec<_> = answer.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let uri = asked.get("redirect_uri").unwrap_or_default();
    Answer::new(302, HTML, "").with("Location", format!("{uri}?{}", pairs.join("&")))
}

fn scopes(params: &Query) -> Vec<String> {
    params.get("scope").unwrap_or_default().split(',').map(str::to_owned).collect()
}

pub(crate) fn are_known(scopes: &[String]) -> bool {
    scopes.iter().all(|scope| KNOWN_SCOPES.contains(&scope.as_str()))
}

fn encoded(value: &str) -> String {
    value.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}
