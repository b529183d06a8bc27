//! One call of Zoho Campaigns: subscribing an address to a mailing list. It shows what another product does with the same
//! token: no portal, no credits, and refusals under status 200.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::desk::{self, Call};
use crate::state::State;

/// What every path of the Campaigns API begins with.
pub(crate) const PREFIX: &str = "/api/v1.1/";

const SCOPES: [&str; 4] = [
    "ZohoCampaigns.contact.UPDATE",
    "ZohoCampaigns.contact.CREATE-UPDATE",
    "ZohoCampaigns.contact.WRITE",
    "ZohoCampaigns.contact.ALL",
];

pub(crate) fn answer(state: &mut State, call: &Call) -> Answer {
    // The answer without a token was seen (2026-09). That a missing scope looks the same is a guess.
    if desk::authenticate(state, call).is_err() || !SCOPES.iter().any(|scope| desk::is_granted(state, call, scope)) {
        let body = json!({"message": "Unauthorized request.", "version": "1.1", "URI": call.path, "Code": "1007", "status": "error"});
        return Answer::json(401, body.to_string());
    }
    match (call.path.strip_prefix(PREFIX), call.method.as_str()) {
        (Some("json/listsubscribe"), "POST") => subscribe(state, call),
        _ => refused("1004", "Wrong URL entered."),
    }
}

fn subscribe(state: &mut State, call: &Call) -> Answer {
    let email = call
        .query
        .get("contactinfo")
        .and_then(|contact| serde_json::from_str::<Value>(contact).ok())
        .and_then(|contact| contact["Contact Email"].as_str().map(str::to_owned))
        .filter(|email| email.contains('@'));
    let (Some(key), Some(email)) = (call.query.get("listkey"), email) else {
        return refused("903", "Mandatory fields are missing.");
    };
    if key != state.settings.list_key {
        return refused("2206", "List has been deleted.");
    }
    state.subscribers.push((key.to_owned(), email));
    let message = "A confirmation email is sent to the user. Please confirm to subscribe.";
    Answer::json(200, json!({"message": message, "status": "success", "code": "0"}).to_string())
}

fn refused(code: &str, message: &str) -> Answer {
    Answer::json(200, json!({"message": message, "status": "error", "code": code}).to_string())
}
