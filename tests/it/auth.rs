//! Signing in: every refusal of the accounts server, stale and lost tokens, and how few requests it takes.

use std::os::unix::fs::PermissionsExt;

use chrono::TimeDelta;
use desk_sandbox::{Fault, Settings};

use crate::support::discreet::{assert_told, cached, secrets, told};
use crate::support::{Engine, House, Portal, compare};

const TOKEN: &str = "/oauth/v2/token";

fn answer(status: u16, body: &str) -> Fault {
    Fault::Status { status, body: body.into(), content_type: "application/json" }
}

/// A house beside a portal whose accounts server answers with `fault`, as often as it is asked.
async fn beside(fault: Fault) -> (Portal, House) {
    let portal = Portal::with_tickets(50).await;
    portal.sandbox.fault(TOKEN, vec![fault; 20]);
    let house = House::new(&portal, Engine::Sqlite).await;
    (portal, house)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_of_the_sign_in_is_told_with_what_to_do() {
    let mut all = String::new();
    for (title, name, value) in [
        ("unknown client", "ZOHO_CLIENT_ID", "1000.OTHER"),
        ("wrong secret", "ZOHO_CLIENT_SECRET", "another-client-secret"),
        ("wrong refresh token", "ZOHO_REFRESH_TOKEN", "1000.another.refresh-token"),
    ] {
        let portal = Portal::with_tickets(50).await;
        let mut house = House::new(&portal, Engine::Sqlite).await;
        house.set(name, value);
        let ran = house.run(&["-q", "sync"]).await.exits(3);
        all.push_str(&format!("== {title}\n{}", told(&house, &ran)));
        assert_eq!(portal.sandbox.token_requests(), 1, "{title}: a refusal is final");
    }
    for (title, body) in [
        ("unknown code", r#"{"error":"general_error"}"#),
        ("a code that repeats what was sent", r#"{"error":"1000.sandbox-refresh.0123456789abcdef is unknown"}"#),
        ("neither token nor error", r#"{"scope":"Desk.tickets.READ"}"#),
        ("an empty token", r#"{"access_token":"","expires_in":3600}"#),
        ("a page of HTML under 200", "<html>sandbox-secret-0a1b2c</html>"),
    ] {
        let (portal, house) = beside(answer(200, body)).await;
        let ran = house.run(&["-q", "sync"]).await.exits(3);
        all.push_str(&format!("== {title}\n{}", told(&house, &ran)));
        assert!(portal.api_requests().is_empty(), "{title}: nothing was asked without a token");
    }
    let (portal, house) = beside(Fault::Redirect("http://127.0.0.1:9/elsewhere".into())).await;
    let ran = house.run(&["-q", "sync"]).await.exits(3);
    all.push_str(&format!("== redirect\n{}", told(&house, &ran)));
    assert!(portal.api_requests().is_empty());
    assert_told!("sign_in_refused", all);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accounts_server_in_trouble_is_asked_again_and_then_the_run_fails() {
    let portal = Portal::with_tickets(50).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    portal.sandbox.fault(TOKEN, [Fault::Html(503)]);
    house.sync().await;
    compare::assert_same(&portal, &house.database).await;

    let (portal, house) = beside(Fault::Html(503)).await;
    let ran = house.run(&["-q", "sync"]).await.exits(1);
    assert_told!("accounts_in_trouble", told(&house, &ran));
    assert!(portal.sandbox.requests().len() <= 3, "each one counts against Zoho's limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_sign_in_is_not_tried_again_by_the_next_run() {
    // Zoho localises the texts; what stays is the status of the answer and the word `failure`.
    let localised =
        r#"{"error_description":"您连续发出的请求过多。请稍后再试。","error":"访问被拒绝","status":"failure"}"#;
    for fault in [Fault::Throttle, answer(400, localised), answer(429, "{}")] {
        let (portal, house) = beside(fault).await;
        let first = house.run(&["-q", "sync"]).await.exits(3);
        let second = house.run(&["-q", "sync"]).await.exits(3);
        assert_eq!(portal.sandbox.requests().len(), 1, "the second run sends no token request");
        assert_told!("sign_in_throttled", format!("{}{}", told(&house, &first), told(&house, &second)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_runs_with_a_refused_token_make_eight_token_requests() {
    let portal = Portal::with_tickets(50).await;
    portal.sandbox.revoke();
    let house = House::new(&portal, Engine::Sqlite).await;
    let mut last = None;
    for _ in 0..12 {
        last = Some(house.run(&["-q", "sync"]).await.exits(3));
    }
    // Two below Zoho's limit, so that another program with the same client is not locked out.
    assert_eq!(portal.sandbox.token_requests(), 8);
    assert_told!("token_budget", told(&house, &last.expect("twelve runs")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_goes_stale_under_way_costs_one_new_token() {
    let portal = Portal::with_tickets(600).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    house.sync().await;
    assert_eq!(portal.sandbox.token_requests(), 1);
    // The sandbox forgets the token, which the cache still believes in: all four resources are refused together.
    portal.sandbox.expire_tokens();
    portal.sandbox.edit("tickets", 50);
    house.sync().await;
    assert_eq!(portal.sandbox.token_requests(), 2);

    // In the middle of a run.
    portal.sandbox.fault("/api/v1/tickets/search", [Fault::Unauthorized]);
    portal.sandbox.fault("/api/v1/contacts/search", [Fault::Unauthorized]);
    house.sync().await;
    assert!(portal.sandbox.token_requests() <= 4, "at most one for each refusal");
    compare::assert_same(&portal, &house.database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_another_process_renewed_is_taken_from_the_cache() {
    let portal = Portal::with_tickets(100).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    let mut neighbour = House::new(&portal, Engine::Sqlite).await;
    neighbour.set("DESKHOUSE_STATE__DIR", house.file("state").display().to_string());
    house.sync().await;
    neighbour.sync().await;
    assert_eq!(portal.sandbox.token_requests(), 1, "one token serves both");
    // Eleven tokens evict the first: Zoho keeps ten.
    portal.sandbox.expire_tokens();
    house.sync().await;
    neighbour.sync().await;
    assert_eq!(portal.sandbox.token_requests(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_start_together_make_one_token_request() {
    let portal = Portal::with_tickets(300).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    let mut neighbour = House::new(&portal, Engine::Sqlite).await;
    neighbour.set("DESKHOUSE_STATE__DIR", house.file("state").display().to_string());
    // The request takes so long that the second process needs a token while the first one waits for it.
    portal.sandbox.fault(TOKEN, [Fault::Stall(std::time::Duration::from_secs(2))]);
    let (first, second) = (house.start(&["sync"]), neighbour.start(&["sync"]));
    let (first, second) = tokio::join!(house.ended(first), neighbour.ended(second));
    first.exits(0);
    second.exits(0);
    assert_eq!(portal.sandbox.token_requests(), 1);
    compare::assert_same(&portal, &house.database).await;
    compare::assert_same(&portal, &neighbour.database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_about_to_expire_is_replaced_before_it_is_used() {
    let portal = Portal::with_tickets(50).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    house.sync().await;
    let [(path, text)] = cached(&house).try_into().expect("one file");
    let mut cache: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    cache["expires_at"] = serde_json::json!(chrono::Utc::now() + TimeDelta::minutes(4));
    std::fs::write(path, cache.to_string()).expect("the file is writable");
    portal.sandbox.clear_requests();
    house.sync().await;
    assert_eq!(portal.sandbox.token_requests(), 2);
    assert!(portal.api_requests().iter().all(|request| request.status != 401), "the old token was not tried");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_cache_is_the_owners_alone_and_holds_no_lasting_secret() {
    let portal = Portal::with_tickets(50).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    house.sync().await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&house.file("state")), 0o700);
    let entries = std::fs::read_dir(house.file("state")).expect("a folder");
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        let text = std::fs::read_to_string(&path).expect("text");
        for name in ["ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN", "ZOHO_CLIENT_ID"] {
            let secret = house.variable(name).expect("it is set");
            assert!(!text.contains(secret) && !path.display().to_string().contains(secret), "{name}");
        }
    }
    assert_eq!(cached(&house).len(), 1);
    assert_eq!(secrets(&house).len(), 3, "the access token of the cache is one that no output may hold");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_cannot_be_reached_are_named() {
    let portal = Portal::with_tickets(50).await;
    let closed = {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        format!("http://{}", listener.local_addr().expect("its address"))
    };
    let mut house = House::new(&portal, Engine::Sqlite).await;
    house.set("DESKHOUSE_ZOHO__ACCOUNTS_URL", &closed);
    let accounts = house.run(&["-q", "sync"]).await.exits(1);
    let mut house = House::new(&portal, Engine::Sqlite).await;
    house.set("DESKHOUSE_ZOHO__DESK_URL", &closed);
    let desk = house.run(&["-q", "sync"]).await.exits(1);
    assert_told!("unreachable", format!("== accounts\n{}== desk\n{}", told(&house, &accounts), told(&house, &desk)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_portal_is_refused_and_the_only_one_is_found() {
    let portal = Portal::with_tickets(50).await;
    let mut house = House::new(&portal, Engine::Sqlite).await;
    house.set("ZOHO_ORG_ID", "600000009");
    let listed = house.run(&["-q", "sync"]).await.exits(3);
    // Without the scope to list organisations, the refusal comes with the first resource.
    let mut settings = Settings { tickets: 50, ..Settings::default() };
    settings.scopes.retain(|scope| !scope.contains("basic") && !scope.contains("settings"));
    let narrow = Portal::start(settings).await;
    let mut other = House::new(&narrow, Engine::Sqlite).await;
    other.set("ZOHO_ORG_ID", "600000009");
    let unlisted = other.run(&["-q", "sync"]).await.exits(3);
    other.unset("ZOHO_ORG_ID");
    let unknown = other.run(&["-q", "sync"]).await;
    let all = format!(
        "== listed\n{}== not listed\n{}== no scope to find it\n{}",
        told(&house, &listed),
        told(&other, &unlisted),
        told(&other, &unknown)
    );
    assert_told!("wrong_portal", all);

    house.unset("ZOHO_ORG_ID");
    house.sync().await;
    compare::assert_same(&portal, &house.database).await;
    assert_eq!(house.run(&["status", "--json"]).await.exits(0).json()["org_id"], "600000001");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_portals_without_a_choice_are_listed() {
    let portal = Portal::with_tickets(50).await;
    let mut house = House::new(&portal, Engine::Sqlite).await;
    house.unset("ZOHO_ORG_ID");
    portal.sandbox.fault(
        "/api/v1/organizations",
        [answer(200, r#"{"data":[{"id":"600000001"},{"id":600000007}]}"#), answer(204, "")],
    );
    let several = house.run(&["-q", "sync"]).await.exits(2);
    let none = house.run(&["-q", "sync"]).await.exits(2);
    assert_told!("which_portal", format!("{}{}", told(&house, &several), told(&house, &none)));
}
