//! How a sign-in stands, and how it ends.

use chrono::Duration;
use desk_sandbox::Fault;
use serde_json::json;

use crate::support::discreet::{assert_told, cached, kept, told};
use crate::support::{Engine, House, Portal};

const REVOKE: &str = "/oauth/v2/token/revoke";

async fn beside() -> (Portal, House) {
    let portal = Portal::with_tickets(50).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    (portal, house)
}

/// A house whose token is kept in its `.env`.
async fn signed_in() -> (Portal, House) {
    let (portal, mut house) = beside().await;
    house.unset("ZOHO_REFRESH_TOKEN");
    let scopes = ["Desk.tickets.READ", "Desk.search.READ", "Desk.basic.READ"];
    let code = portal.sandbox.self_client_code(&scopes, Duration::minutes(3));
    house.tell(&["auth", "exchange"], &[&code]).await.exits(0);
    (portal, house)
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_who_where_and_for_how_long() {
    let (portal, house) = signed_in().await;
    let requests = portal.sandbox.token_requests();
    let ran = house.run(&["auth", "status"]).await.exits(0);
    let document = house.run(&["auth", "status", "--json"]).await.exits(0).json();
    assert_eq!(portal.sandbox.token_requests(), requests, "looking costs no token request");
    assert_told!("auth_status", told(&house, &ran).replace("accounts_url", ""));
    assert_eq!(document["signed_in"], true);
    assert_eq!(document["portals"], json!([{"org_id": "600000001", "name": "Harbour & Lamp Ltd."}]));
    let myinfo = portal.sandbox.requests().into_iter().rfind(|request| request.path == "/api/v1/myinfo");
    assert_eq!(myinfo.expect("the person was asked for").org_id.as_deref(), Some("600000001"));
    assert!(document["person"]["email"].as_str().is_some_and(|email| email.contains('@')), "{document}");
    assert_eq!(document["person"]["profile"], "Support Administrator");
    assert_eq!(document["data_center"], "us");
    assert_eq!(document["client_id"], portal.sandbox.settings().client_id);
    assert_eq!(document["scopes"], json!(["Desk.tickets.READ", "Desk.search.READ", "Desk.basic.READ"]));
    assert_eq!(document["token_requests_left"], 7);
    assert_eq!(document["refresh_token_kept_in"], "ZOHO_REFRESH_TOKEN in .env");
    assert!(document["blocked_until"].is_null());
    let end = document["access_token_expires_at"].as_str().expect("a time");
    assert!(chrono::DateTime::parse_from_rfc3339(end).is_ok(), "{end}");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_as_much_as_it_can_of_a_sign_in_that_fails() {
    let mut all = String::new();
    let (portal, mut house) = beside().await;
    portal.sandbox.revoke();
    let ran = house.run(&["auth", "status"]).await.exits(3);
    all.push_str(&format!("== revoked\n{}", told(&house, &ran)));
    let document = house.run(&["auth", "status", "--json"]).await.exits(3).json();
    assert_eq!((&document["signed_in"], &document["token_requests_left"]), (&json!(false), &json!(6)));
    house.unset("ZOHO_REFRESH_TOKEN");
    let ran = house.run(&["auth", "status"]).await.exits(2);
    all.push_str(&format!("== signed out\n{}", told(&house, &ran)));

    let (portal, house) = beside().await;
    portal.sandbox.fault("/oauth/v2/token", [Fault::Throttle]);
    let ran = house.run(&["auth", "status"]).await.exits(3);
    all.push_str(&format!("== throttled\n{}", told(&house, &ran)));

    let (portal, mut house) = beside().await;
    portal.sandbox.configure(|settings| settings.scopes.clear());
    house.set("ZOHO_ORG_ID", "600000001");
    let ran = house.run(&["auth", "status"]).await.exits(1);
    all.push_str(&format!("== no scope\n{}", told(&house, &ran)));
    assert_told!("auth_status_refused", all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_does_not_tell_the_person_tells_the_rest() {
    let (portal, house) = signed_in().await;
    for refusal in [Fault::Scope, Fault::Html(404), Fault::Html(403)] {
        portal.sandbox.fault("/api/v1/myinfo", [refusal.clone(), refusal]);
        let ran = house.run(&["auth", "status"]).await.exits(0);
        assert!(ran.stdout.contains("person          not told: "), "{}", ran.stdout);
        assert!(ran.stdout.contains("portal 600000001 (Harbour & Lamp Ltd.)"), "{}", ran.stdout);
        let document = house.run(&["auth", "status", "--json"]).await.exits(0).json();
        assert_eq!((&document["person"], &document["signed_in"]), (&json!(null), &json!(true)));
        assert_eq!(document["portals"][0]["org_id"], "600000001");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_sign_in_is_gone_everywhere() {
    let (portal, house) = signed_in().await;
    std::fs::write(
        house.file(".env"),
        format!("A=1\n{}# mine\n", std::fs::read_to_string(house.file(".env")).expect("the file")),
    )
    .expect("a file");
    let token = kept(&house, "ZOHO_REFRESH_TOKEN").expect("a token");
    let ran = house.run(&["auth", "revoke"]).await.exits(0);
    assert_told!("revoked", told(&house, &ran));
    assert!(!portal.sandbox.refresh_tokens().contains(&token));
    assert_eq!(std::fs::read_to_string(house.file(".env")).expect("the file"), "A=1\n# mine\n");
    assert!(cached(&house).iter().all(|(_, text)| !text.contains("1000.")), "no access token is left");
    let asked: Vec<_> =
        portal.sandbox.requests().into_iter().filter(|request| request.path.contains("revoke")).collect();
    assert_eq!(asked.len(), 1, "the first way was enough");
    assert!(asked.iter().all(|request| request.query.is_empty()), "the token was in no address");
    house.run(&["sync"]).await.exits(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_one_way_to_revoke_is_closed_the_other_is_taken() {
    for closed in [
        Fault::Html(404),
        Fault::Html(503),
        Fault::Status { status: 400, body: "{}".into(), content_type: "application/json" },
    ] {
        let (portal, house) = signed_in().await;
        let token = kept(&house, "ZOHO_REFRESH_TOKEN").expect("a token");
        portal.sandbox.fault(REVOKE, [closed]);
        house.run(&["auth", "revoke"]).await.exits(0);
        assert!(!portal.sandbox.refresh_tokens().contains(&token));
        assert_eq!(kept(&house, "ZOHO_REFRESH_TOKEN"), None);
        let paths: Vec<_> = portal.sandbox.requests().into_iter().map(|request| request.path).collect();
        assert_eq!(paths[paths.len() - 2..], [REVOKE, "/oauth/v2/revoke/token"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_zoho_does_not_know_is_left_where_it_is() {
    let (portal, house) = signed_in().await;
    let token = kept(&house, "ZOHO_REFRESH_TOKEN");
    portal.sandbox.revoke();
    let unknown = house.run(&["auth", "revoke"]).await.exits(3);
    portal.sandbox.fault("/oauth/v2/", [Fault::Html(503), Fault::Html(503)]);
    let trouble = house.run(&["auth", "revoke"]).await.exits(1);
    assert_eq!(kept(&house, "ZOHO_REFRESH_TOKEN"), token);
    assert_told!(
        "not_revoked",
        format!("== unknown\n{}== trouble\n{}", told(&house, &unknown), told(&house, &trouble))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_environment_is_revoked_and_named() {
    let (portal, house) = beside().await;
    let ran = house.run(&["auth", "revoke"]).await.exits(0);
    assert!(ran.stderr.contains("ZOHO_REFRESH_TOKEN still holds the token"), "{}", ran.stderr);
    assert_eq!(portal.sandbox.refresh_tokens(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_configuration_file_is_taken_out_of_it() {
    let (portal, mut house) = beside().await;
    house.unset("ZOHO_REFRESH_TOKEN");
    let text = "[zoho]\n# who\nclient_id = \"1000.SANDBOXCLIENT\" # me\n";
    let token = portal.sandbox.settings().refresh_token;
    std::fs::write(house.file("deskhouse.toml"), format!("{text}refresh_token = \"{token}\"\n")).expect("a file");
    house.run(&["auth", "revoke"]).await.exits(0);
    assert_eq!(std::fs::read_to_string(house.file("deskhouse.toml")).expect("the file"), text);
    assert_eq!(portal.sandbox.refresh_tokens(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn client_credentials_leave_nothing_to_revoke() {
    let (_portal, mut house) = beside().await;
    house.set("DESKHOUSE_ZOHO__GRANT", "client_credentials");
    let ran = house.run(&["auth", "revoke"]).await.exits(2);
    assert!(ran.stderr.contains("there is no refresh token to revoke"), "{}", ran.stderr);
}
