//! The accounts server, and who may ask the Desk API.

use axum::body::Body;
use axum::http::{Method, Request};
use chrono::Duration;
use desk_sandbox::Settings;

use crate::support::{Client, small, text};

#[tokio::test]
async fn a_refresh_token_buys_an_access_token_by_body_or_by_query() {
    let client = Client::new(small()).await;
    let answer = client.exchange(&client.grant()).await.json();
    let token = text(&answer, "access_token");
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts[0], "1000");
    assert!(parts[1..].iter().all(|part| part.len() == 32 && part.bytes().all(|digit| digit.is_ascii_hexdigit())));
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&"Bearer".into(), &3_600.into()));
    assert!(answer["api_domain"].is_string() && answer.get("refresh_token").is_none());

    let request = Request::post(format!("/oauth/v2/token?{}", client.grant())).body(Body::empty()).expect("a request");
    assert!(client.send(request).await.json()["access_token"].is_string());
    assert_eq!(client.sandbox.token_requests(), 3);
    assert!(client.sandbox.requests().iter().all(|request| request.query.is_empty()), "secrets stay out of the log");
}

#[tokio::test]
async fn refusals_come_under_200() {
    let client = Client::new(small()).await;
    let grant = client.grant();
    for (form, error) in [
        (grant.replace("CLIENT", "OTHER"), "invalid_client"),
        (grant.replace("0a1b2c", "wrong"), "invalid_client_secret"),
        (grant.replace("0123456789", "9876543210"), "invalid_code"),
        (grant.replace("grant_type=refresh_token", "grant_type=other"), "unsupported_grant_type"),
    ] {
        let reply = client.exchange(&form).await;
        assert_eq!((reply.status, text(&reply.json(), "error").as_str()), (200, error));
    }
    client.sandbox.revoke();
    assert_eq!(client.exchange(&grant).await.json()["error"], "invalid_code");
    assert_eq!(client.get("/myinfo").await.code(), "INVALID_OAUTH");
}

#[tokio::test]
async fn the_eleventh_request_is_throttled_until_the_window_ends() {
    let client = Client::new(small()).await;
    for _ in 0..9 {
        assert_eq!(client.exchange(&client.grant()).await.status, 200);
    }
    client.sandbox.advance(Duration::seconds(599));
    let reply = client.exchange(&client.grant()).await;
    assert_eq!(reply.status, 400);
    assert_eq!((&reply.json()["error"], &reply.json()["status"]), (&"Access Denied".into(), &"failure".into()));
    client.sandbox.advance(Duration::seconds(1));
    assert_eq!(client.exchange(&client.grant()).await.status, 200);
}

#[tokio::test]
async fn the_eleventh_token_evicts_the_oldest() {
    let mut client = Client::new(small()).await;
    let oldest = client.token.clone();
    let second = client.refresh().await;
    for _ in 0..8 {
        client.refresh().await;
    }
    client.sandbox.advance(Duration::minutes(10));
    assert_eq!(client.get("/myinfo").await.status, 200);
    client.refresh().await;
    assert_eq!(client.get("/myinfo").await.code(), "INVALID_OAUTH");
    client.token = second;
    assert_eq!(client.get("/myinfo").await.status, 200);
    assert_ne!(client.token, oldest);
}

#[tokio::test]
async fn tokens_end() {
    let mut client = Client::new(Settings { token_lifetime: Duration::minutes(20), ..small() }).await;
    client.sandbox.advance(Duration::minutes(20) - Duration::seconds(1));
    assert_eq!(client.get("/myinfo").await.status, 200);
    client.sandbox.advance(Duration::seconds(1));
    assert_eq!(client.get("/myinfo").await.status, 401);
    client.token = client.refresh().await;
    assert_eq!(client.get("/myinfo").await.status, 200);
    client.sandbox.expire_tokens();
    let reply = client.get("/myinfo").await;
    assert_eq!((reply.status, reply.code().as_str()), (401, "INVALID_OAUTH"));
    assert!(reply.header("x-rate-limit-remaining-v3").is_none());
}

#[tokio::test]
async fn a_request_needs_a_token_the_right_organization_and_the_scopes() {
    let client = Client::new(small()).await;
    let token = format!("Zoho-oauthtoken {}", client.token);
    let ask = async |path: &str, organization: &str| {
        client.call(Method::GET, path, &[("authorization", token.as_str()), ("orgId", organization)]).await
    };
    let reply = client.call(Method::GET, "/organizations", &[]).await;
    assert_eq!((reply.status, reply.code().as_str()), (401, "UNAUTHORIZED"));
    assert_eq!(reply.message(), "You are not authenticated to perform this operation.");
    assert_eq!(ask("/departments", "600000001").await.status, 200);
    assert_eq!(ask("/departments", "your-org-id").await.code(), "INTERNAL_SERVER_ERROR");
    assert_eq!(ask("/organizations", "your-org-id").await.status, 200);
    let other = ask("/departments", "600000002").await;
    assert_eq!((other.status, other.code().as_str()), (403, "OAUTH_ORG_MISMATCH"));

    client.sandbox.configure(|settings| settings.scopes.retain(|scope| scope != "Desk.search.READ"));
    assert_eq!(client.get("/tickets/search").await.code(), "SCOPE_MISMATCH");
    assert_eq!(client.get("/tickets").await.status, 200);
    client.sandbox.configure(|settings| settings.scopes.retain(|scope| scope != "Desk.articles.READ"));
    let reply = client.get("/articles").await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "SCOPE_MISMATCH"));
}

#[tokio::test]
async fn answers_are_dated_by_the_sandbox() {
    let client = Client::new(small()).await;
    client.sandbox.advance(Duration::seconds(5));
    assert_eq!(client.get("/myinfo").await.header("date"), Some("Mon, 15 Jun 2026 12:00:05 GMT"));
    assert_eq!(client.exchange("").await.header("date"), Some("Mon, 15 Jun 2026 12:00:05 GMT"));
}
