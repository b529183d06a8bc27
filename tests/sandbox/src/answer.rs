//! What is sent back, and the vendor's words for refusing.

use std::sync::Arc;

use crate::cast::Cast;
use crate::record::{Module, Record};
use crate::rendering::{self, Show};
use crate::settings::Language;

pub(crate) const JSON: &str = "application/json;charset=UTF-8";
pub(crate) const HTML: &str = "text/html;charset=UTF-8";

/// An answer before it is turned into HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) content: Content,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// What it cost.
    pub(crate) credits: u64,
    /// Rows, where it is a page of records.
    pub(crate) rows: Option<usize>,
}

#[derive(Debug)]
pub(crate) enum Content {
    Text(String),
    /// Rows that are still to be rendered, which need not hold up other requests.
    Rows(Box<Rows>),
}

#[derive(Debug)]
pub(crate) struct Rows {
    module: Module,
    pub(crate) rows: Vec<Arc<Record>>,
    show: Show,
    /// How many there are in all, where the answer tells.
    pub(crate) count: Option<usize>,
}

impl Answer {
    pub(crate) fn new(status: u16, content_type: &'static str, body: impl Into<String>) -> Self {
        Self { status, content_type, content: Content::Text(body.into()), headers: Vec::new(), credits: 0, rows: None }
    }

    pub(crate) fn json(status: u16, body: impl Into<String>) -> Self {
        Self::new(status, JSON, body)
    }

    pub(crate) fn html(status: u16) -> Self {
        Self::new(
            status,
            HTML,
            format!(
                "<!doctype html>\n<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>\n"
            ),
        )
    }

    /// How an empty list is answered.
    pub(crate) fn nothing() -> Self {
        Self::json(204, "")
    }

    /// A list of finished JSON objects.
    pub(crate) fn list(rows: &[String]) -> Self {
        Self::list_in("data", rows)
    }

    /// A list of finished JSON objects under another name than `data`.
    pub(crate) fn list_in(name: &str, rows: &[String]) -> Self {
        match rows {
            [] => Self::nothing(),
            rows => Self::json(200, format!("{{\"{name}\":[{}]}}", rows.join(","))),
        }
    }

    pub(crate) fn rows(module: Module, rows: Vec<Arc<Record>>, show: Show, count: Option<usize>) -> Self {
        if rows.is_empty() {
            return Self::nothing();
        }
        Self { content: Content::Rows(Box::new(Rows { module, rows, show, count })), ..Self::json(200, "") }
    }

    pub(crate) fn refusal(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, serde_json::json!({"errorCode": code, "message": message}).to_string())
    }

    pub(crate) fn unprocessable(message: &str) -> Self {
        Self::refusal(422, "UNPROCESSABLE_ENTITY", message)
    }

    pub(crate) fn not_found() -> Self {
        Self::refusal(404, "URL_NOT_FOUND", "The URL you entered could not be found.")
    }

    pub(crate) fn invalid_oauth() -> Self {
        Self::refusal(401, "INVALID_OAUTH", "The OAuth Token you provided is invalid.")
    }

    pub(crate) fn scope_mismatch() -> Self {
        Self::refusal(403, "SCOPE_MISMATCH", "The OAuth Token does not have the scope for this operation.")
    }

    pub(crate) fn not_in_this_edition() -> Self {
        Self::refusal(403, "LICENSE_ACCESS_LIMITED", "Your current license does not permit this operation.")
    }

    pub(crate) fn too_many_requests() -> Self {
        Self::refusal(
            429,
            "TOO_MANY_REQUESTS",
            "The maximum number of Concurrent API Calls that can be made has been exceeded.",
        )
    }

    pub(crate) fn threshold_exceeded(retry_after: i64) -> Self {
        let message = "The API credits for the day are used up.";
        Self::refusal(429, "THRESHOLD_EXCEEDED", message).with("Retry-After", retry_after.to_string())
    }

    /// Too many token requests.
    pub(crate) fn throttled(language: Language) -> Self {
        let (error, description) = match language {
            Language::English => {
                ("Access Denied", "You have made too many requests continuously. Please try again after some time.")
            }
            Language::Chinese => ("访问被拒绝", "您连续发出的请求过多。请稍后再试。"),
        };
        let body = serde_json::json!({"error_description": description, "error": error, "status": "failure"});
        Self::json(400, body.to_string())
    }

    pub(crate) fn with(mut self, header: &'static str, value: String) -> Self {
        self.headers.push((header, value));
        self
    }

    /// The body's text.
    pub(crate) fn body(&self, cast: &Cast) -> String {
        match &self.content {
            Content::Text(text) => text.clone(),
            Content::Rows(rows) => {
                let Rows { module, rows, show, count } = &**rows;
                let mut body = String::from("{\"data\":[");
                for (place, record) in rows.iter().enumerate() {
                    if place > 0 {
                        body.push(',');
                    }
                    body.push_str(&rendering::render(cast, *module, record, show));
                }
                body.push(']');
                if let Some(count) = count {
                    body.push_str(&format!(",\"count\":{count}"));
                }
                body.push('}');
                body
            }
        }
    }
}
