//! How a client comes by tokens: codes of self clients, consents, client credentials; and how it loses them.

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::Duration;
use desk_sandbox::{Language, Settings};
use serde_json::Value;

use crate::support::{Client, Reply, small, text};

const CALLBACK: &str = "http://localhost:8478/callback";
const CLIENT: &str = "client_id=1000.SANDBOXCLIENT&client_secret=sandbox-secret-0a1b2c";

async fn post(client: &Client, path: &str, form: &str, basic: Option<&str>) -> Reply {
    let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    if let Some(basic) = basic {
        request = request.header("authorization", format!("Basic {}", BASE64_STANDARD.encode(basic)));
    }
    client.send(request.body(Body::from(form.to_owned())).expect("a request")).await
}

async fn redeem(client: &Client, rest: &str) -> Value {
    client.exchange(&format!("grant_type=authorization_code&{CLIENT}&{rest}")).await.json()
}

async fn page(client: &Client, query: &str) -> Reply {
    let request = Request::get(format!("/oauth/v2/auth?{query}")).body(Body::empty()).expect("a request");
    client.send(request).await
}

fn asked(rest: &str) -> String {
    format!("response_type=code&client_id=1000.SANDBOXCLIENT&redirect_uri={CALLBACK}&state=s%26t&{rest}")
}

/// Where a decision sends the browser.
async fn decide(client: &Client, query: &str, decision: &str) -> String {
    let page = page(client, query).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let question = page.text.split_once("name=\"question\" value=\"").and_then(|(_, rest)| rest.split('"').next());
    let form = format!("question={}&decision={decision}", question.expect("a form"));
    let reply = post(client, "/oauth/v2/auth/decision", &form, None).await;
    assert_eq!(reply.status, 302);
    let again = post(client, "/oauth/v2/auth/decision", &form, None).await;
    assert_eq!(again.status, 400, "a question is decided once");
    reply.header("location").expect("an address").to_owned()
}

fn code_of(address: &str) -> &str {
    address.split_once("code=").and_then(|(_, rest)| rest.split('&').next()).expect("a code")
}

#[tokio::test]
async fn the_code_of_a_self_client_works_once_and_for_its_time() {
    let client = Client::new(small()).await;
    let code = || client.sandbox.self_client_code(&["Desk.tickets.READ"], Duration::minutes(3));
    let first = code();
    let answer = redeem(&client, &format!("code={first}")).await;
    assert_eq!(client.sandbox.refresh_tokens().last(), Some(&text(&answer, "refresh_token")));
    assert_eq!(answer["scope"], "Desk.tickets.READ");
    assert_eq!(redeem(&client, &format!("code={first}")).await["error"], "invalid_code");
    assert_eq!(redeem(&client, "code=1000.made.up").await["error"], "invalid_code");
    let with_redirect = redeem(&client, &format!("code={}&redirect_uri={CALLBACK}", code())).await;
    assert_eq!(with_redirect["error"], "invalid_redirect_uri");
    let late = code();
    client.sandbox.advance(Duration::minutes(3));
    assert_eq!(redeem(&client, &format!("code={late}")).await["error"], "invalid_code");
}

#[tokio::test]
async fn a_token_allows_what_was_consented_to() {
    let mut client = Client::new(small()).await;
    let code = client.sandbox.self_client_code(&["Desk.tickets.READ"], Duration::minutes(3));
    client.token = text(&redeem(&client, &format!("code={code}")).await, "access_token");
    assert_eq!(client.get("/tickets").await.status, 200);
    assert_eq!(client.get("/articles").await.code(), "SCOPE_MISMATCH");
}

#[tokio::test]
async fn a_consent_leads_back_with_a_code_or_a_refusal() {
    let client = Client::new(small()).await;
    let query = asked("scope=Desk.tickets.READ,Desk.basic.READ&access_type=offline&prompt=consent");
    let back = decide(&client, &query, "accept").await;
    let code = code_of(&back);
    assert_eq!(back, format!("{CALLBACK}?code={code}&location=us&accounts-server=http%3A%2F%2F127.0.0.1&state=s%26t"));
    assert_eq!(redeem(&client, &format!("code={code}")).await["error"], "invalid_redirect_uri");
    let code = decide(&client, &query, "accept").await;
    let answer = redeem(&client, &format!("code={}&redirect_uri={CALLBACK}", code_of(&code))).await;
    assert!(answer["refresh_token"].is_string(), "{answer}");
    let late = decide(&client, &query, "accept").await;
    client.sandbox.advance(Duration::minutes(2));
    let answer = redeem(&client, &format!("code={}&redirect_uri={CALLBACK}", code_of(&late))).await;
    assert_eq!(answer["error"], "invalid_code");
    assert_eq!(decide(&client, &query, "reject").await, format!("{CALLBACK}?error=access_denied&state=s%26t"));
}

#[tokio::test]
async fn only_the_first_consent_lasts_unless_one_is_asked_for_anew() {
    let client = Client::new(small()).await;
    for (rest, lasts) in [
        ("access_type=offline", true),
        ("access_type=offline", false),
        ("access_type=offline&prompt=consent", true),
        ("prompt=consent", false),
    ] {
        let back = decide(&client, &asked(&format!("scope=Desk.basic.READ&{rest}")), "accept").await;
        let answer = redeem(&client, &format!("code={}&redirect_uri={CALLBACK}", code_of(&back))).await;
        assert!(answer["access_token"].is_string());
        assert_eq!(answer["refresh_token"].is_string(), lasts, "{rest}");
    }
}

#[tokio::test]
async fn a_challenge_binds_the_code() {
    let client = Client::new(small()).await;
    // RFC 7636, appendix B.
    let (verifier, challenge) =
        ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    let query = asked(&format!("scope=Desk.basic.READ&code_challenge={challenge}&code_challenge_method=S256"));
    for (rest, fits) in [
        (format!("&code_verifier={verifier}"), true),
        (format!("&code_verifier={challenge}"), false),
        (String::new(), false),
    ] {
        let back = decide(&client, &query, "accept").await;
        let answer = redeem(&client, &format!("code={}&redirect_uri={CALLBACK}{rest}", code_of(&back))).await;
        assert_eq!(answer["access_token"].is_string(), fits, "{rest}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_question_is_not_sent_back() {
    let client = Client::new(small()).await;
    let good = asked("scope=Desk.basic.READ");
    for (wrong, title) in [
        (good.replace("SANDBOX", "OTHER"), "Invalid Client Id"),
        (good.replace("8478", "8479"), "Invalid Redirect Uri"),
        (good.replace("=code", "=token"), "Invalid Response Type"),
        (asked("scope=Desk.basic.READ,Desk.teapots.READ"), "Scope does not exist"),
        (asked("scope="), "Scope does not exist"),
    ] {
        let page = page(&client, &wrong).await;
        assert_eq!((page.status, page.header("location")), (400, None));
        assert!(page.text.contains(title), "{}", page.text);
    }
    assert!(client.sandbox.requests().iter().all(|request| request.query.is_empty()), "nothing of it is logged");
}

#[tokio::test]
async fn a_self_client_needs_no_person() {
    let mut client = Client::new(small()).await;
    let ask =
        async |rest: &str| client.exchange(&format!("grant_type=client_credentials&{CLIENT}&{rest}")).await.json();
    let answer = ask("scope=Desk.tickets.READ&soid=ZohoDesk.600000001").await;
    assert!(answer.get("refresh_token").is_none());
    assert_eq!(ask("scope=Desk.tickets.READ&soid=ZohoDesk.600000002").await["error"], "invalid_soid");
    assert_eq!(ask("scope=Desk.tickets.READ").await["error"], "invalid_soid");
    assert_eq!(ask("scope=Desk.teapots.READ&soid=ZohoDesk.600000001").await["error"], "invalid_scope");
    client.token = text(&answer, "access_token");
    assert_eq!(client.get("/tickets").await.status, 200);
}

#[tokio::test]
async fn a_token_is_revoked_in_either_way() {
    let client = Client::new(small()).await;
    let Settings { refresh_token, client_id, client_secret, .. } = client.sandbox.settings();
    let unknown = post(&client, "/oauth/v2/token/revoke", "token=1000.made.up", None).await;
    assert_eq!(unknown.status, 400);
    let form = format!("token={refresh_token}&token_type=refresh_token");
    let newer = "/oauth/v2/revoke/token";
    assert_eq!(post(&client, newer, &form, None).await.status, 401);
    assert_eq!(post(&client, newer, &form, Some("1000.SANDBOXCLIENT:wrong")).await.status, 401);
    assert_eq!(client.get("/tickets").await.status, 200);
    let basic = format!("{client_id}:{client_secret}");
    let revoked = post(&client, newer, &form, Some(&basic)).await;
    assert_eq!((revoked.status, revoked.text.as_str()), (200, r#"{"status":"success"}"#));
    assert_eq!(client.get("/tickets").await.code(), "INVALID_OAUTH");
    assert_eq!(client.exchange(&client.grant()).await.json()["error"], "invalid_code");

    let code = client.sandbox.self_client_code(&["Desk.basic.READ"], Duration::minutes(3));
    let token = text(&redeem(&client, &format!("code={code}")).await, "refresh_token");
    let revoked = post(&client, "/oauth/v2/token/revoke", &format!("token={token}"), None).await;
    assert_eq!(revoked.text, r#"{"status":"success"}"#);
    assert!(client.sandbox.refresh_tokens().is_empty());
}

#[tokio::test]
async fn the_twenty_first_refresh_token_pushes_the_oldest_out() {
    let client = Client::new(small()).await;
    let oldest = client.sandbox.refresh_tokens();
    for _ in 0..20 {
        client.sandbox.advance(Duration::minutes(10));
        let code = client.sandbox.self_client_code(&["Desk.basic.READ"], Duration::minutes(3));
        redeem(&client, &format!("code={code}")).await;
    }
    assert_eq!(client.sandbox.refresh_tokens().len(), 20);
    assert!(!client.sandbox.refresh_tokens().contains(&oldest[0]));
    assert_eq!(client.exchange(&client.grant()).await.json()["error"], "invalid_code");
}

#[tokio::test]
async fn the_throttle_speaks_the_language_of_the_account() {
    let client = Client::new(Settings { language: Language::Chinese, ..small() }).await;
    for _ in 0..9 {
        client.exchange(&client.grant()).await;
    }
    let reply = client.exchange(&client.grant()).await;
    assert_eq!((reply.status, &reply.json()["status"]), (400, &"failure".into()));
    assert!(!reply.text.is_ascii(), "{}", reply.text);
}
