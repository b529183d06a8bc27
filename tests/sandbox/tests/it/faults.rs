//! Every scripted fault, and the order in which they are used up.

use std::time::Duration;

use axum::http::Method;
use desk_sandbox::Fault;

use crate::support::{Client, small};
use crate::world::MODULES;

#[tokio::test]
async fn each_fault_has_its_face() {
    let client = Client::new(small()).await;
    let teapot = Fault::Status { status: 418, body: "short and stout".into(), content_type: "text/plain" };
    client.sandbox.fault(
        "/api/v1/departments",
        [
            Fault::Pass,
            teapot,
            Fault::Html(503),
            Fault::Concurrency,
            Fault::Threshold,
            Fault::Unauthorized,
            Fault::Scope,
            Fault::Redirect("https://accounts.example/signin".into()),
            Fault::Garbage,
            Fault::ErrorUnder200("FORBIDDEN".into()),
            Fault::Drop,
        ],
    );
    let mut replies = Vec::new();
    for _ in 0..12 {
        replies.push(client.get("/departments").await);
    }
    let statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    assert_eq!(statuses, [200, 418, 503, 429, 429, 401, 403, 302, 200, 200, 502, 200]);
    assert_eq!((replies[1].text.as_str(), replies[1].header("content-type")), ("short and stout", Some("text/plain")));
    assert!(
        replies[2].text.starts_with("<!doctype html>")
            && replies[2].header("content-type").is_some_and(|kind| kind.starts_with("text/html"))
    );
    assert_eq!((replies[3].code().as_str(), replies[3].header("retry-after")), ("TOO_MANY_REQUESTS", None));
    assert_eq!((replies[4].code().as_str(), replies[4].header("retry-after")), ("THRESHOLD_EXCEEDED", Some("43200")));
    assert_eq!((replies[5].code(), replies[6].code()), ("INVALID_OAUTH".into(), "SCOPE_MISMATCH".into()));
    assert_eq!(replies[7].header("location"), Some("https://accounts.example/signin"));
    assert!(serde_json::from_str::<serde_json::Value>(&replies[8].text).is_err());
    assert_eq!(replies[9].code(), "FORBIDDEN");
    assert_eq!(replies[11].rows().len(), 5);
    assert_eq!(client.sandbox.requests().len(), 13);
}

#[tokio::test]
async fn the_longest_prefix_goes_first() {
    let client = Client::new(small()).await;
    client.sandbox.fault("/api/v1", [Fault::Html(500), Fault::Html(501)]);
    client.sandbox.fault("/api/v1/tickets", [Fault::Html(502)]);
    assert_eq!(client.get("/tickets/search").await.status, 502);
    assert_eq!(client.get("/tickets/search").await.status, 500);
    assert_eq!(client.get("/agents").await.status, 501);
    assert_eq!(client.get("/agents").await.status, 200);
}

#[tokio::test]
async fn the_accounts_server_fails_too() {
    let client = Client::new(small()).await;
    client.sandbox.fault("/oauth", [Fault::Throttle, Fault::Html(500)]);
    let reply = client.exchange(&client.grant()).await;
    assert_eq!((reply.status, &reply.json()["status"]), (400, &"failure".into()));
    assert_eq!(client.exchange(&client.grant()).await.status, 500);
    assert_eq!(client.exchange(&client.grant()).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_answer_is_the_real_one() {
    let client = Client::new(small()).await;
    client.sandbox.fault("/api/v1/departments", [Fault::Stall(Duration::from_secs(30))]);
    let start = tokio::time::Instant::now();
    assert_eq!(client.get("/departments").await.rows().len(), 5);
    assert!(start.elapsed() >= Duration::from_secs(30));
}

#[tokio::test]
async fn without_a_connection_a_cut_is_half_a_body() {
    let client = Client::new(small()).await;
    let whole = client.get("/agents").await.text;
    client.sandbox.fault("/api/v1/agents", [Fault::Cut]);
    let half = client.get("/agents").await;
    assert_eq!((half.status, half.text.as_str()), (200, &whole[..whole.len() / 2]));
}

#[tokio::test]
async fn every_nth_request_changes_the_world_before_it_is_answered() {
    let client = Client::new(small()).await;
    client.sandbox.configure(|settings| settings.change_every = Some(3));
    let start = client.sandbox.now();
    let truth = || MODULES.map(|module| client.sandbox.records(module));
    let mut before = truth();
    let mut kinds = [0; 3];
    for number in 1..=150 {
        client.call(Method::GET, "/nothing", &[]).await;
        if number % 3 == 0 {
            assert_eq!(client.sandbox.now() - start, chrono::Duration::seconds(number / 3));
            let after = truth();
            let lengths = |world: &[Vec<serde_json::Value>; 8]| world.iter().map(Vec::len).sum::<usize>();
            kinds[(lengths(&after) + 1 - lengths(&before)).min(2)] += 1;
            assert_ne!(before, after, "{number}");
            before = after;
        }
    }
    let [deleted, edited, created] = kinds;
    assert!(deleted > 1 && created > 1 && edited > 20, "{kinds:?}");
}
