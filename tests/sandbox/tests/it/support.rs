//! A small world, and a client that asks its router.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request};
use chrono::{DateTime, Utc};
use desk_sandbox::{Clock, Sandbox, Settings};
use serde_json::Value;
use tower::ServiceExt;

/// When the worlds of the tests end.
pub(crate) fn today() -> DateTime<Utc> {
    "2026-06-15T12:00:00Z".parse().expect("a time")
}

/// A world of 800 tickets whose clock stands still.
pub(crate) fn small() -> Settings {
    Settings { tickets: 800, mass_edits: vec![150], clock: Clock::Fixed(today()), ..Settings::default() }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }

    pub(crate) fn rows(&self) -> Vec<Value> {
        assert!(matches!(self.status, 200 | 204), "{} {}", self.status, self.text);
        if self.status == 204 { Vec::new() } else { self.json()["data"].as_array().expect("data is a list").clone() }
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.rows().iter().map(|row| text(row, "id")).collect()
    }

    pub(crate) fn code(&self) -> String {
        text(&self.json(), "errorCode")
    }

    pub(crate) fn message(&self) -> String {
        text(&self.json(), "message")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("headers are text"))
    }
}

/// Asks a sandbox's router with a token.
pub(crate) struct Client {
    pub(crate) sandbox: Sandbox,
    router: Router,
    pub(crate) token: String,
}

impl Client {
    pub(crate) async fn new(settings: Settings) -> Self {
        let sandbox = Sandbox::new(settings);
        let mut client = Self { router: sandbox.router(), sandbox, token: String::new() };
        client.token = client.refresh().await;
        client
    }

    /// A new access token.
    pub(crate) async fn refresh(&self) -> String {
        text(&self.exchange(&self.grant()).await.json(), "access_token")
    }

    /// The form that buys an access token.
    pub(crate) fn grant(&self) -> String {
        let Settings { client_id, client_secret, refresh_token, .. } = self.sandbox.settings();
        format!(
            "grant_type=refresh_token&client_id={client_id}&client_secret={client_secret}&refresh_token={refresh_token}"
        )
    }

    pub(crate) async fn exchange(&self, form: &str) -> Reply {
        let request = Request::post("/oauth/v2/token").header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form.to_owned())).expect("a request")).await
    }

    /// Asks the Desk API with the token.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, &[("authorization", &format!("Zoho-oauthtoken {}", self.token))]).await
    }

    pub(crate) async fn call(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let (head, body) = self.router.clone().oneshot(request).await.expect("the router answers").into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("the body ends");
        Reply {
            status: head.status.as_u16(),
            headers: head.headers,
            text: String::from_utf8(body.to_vec()).expect("bodies are text"),
        }
    }
}

/// A text field.
pub(crate) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no text `{name}` in {value}")).to_owned()
}

/// A time field.
pub(crate) fn time(value: &Value, name: &str) -> DateTime<Utc> {
    text(value, name).parse().expect("times are ISO texts")
}

/// The modified time that most records share, and how many do.
pub(crate) fn widest_tie(records: &[Value]) -> (String, usize) {
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for record in records {
        *counts.entry(text(record, "modifiedTime")).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).expect("there are records")
}
