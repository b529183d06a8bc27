//! One request to a product of Zoho's, as a value.

use std::borrow::Cow;
use std::fmt;

use ::http::Method;
use bytes::Bytes;
use url::{Url, form_urlencoded};

use super::Priority;
use crate::config::{DESK, Product};

/// A request to a product.
#[derive(Debug, Clone)]
pub struct Request {
    /// What is to be done.
    pub method: Method,
    /// Who is asked.
    pub product: &'static Product,
    /// Path on the product's server, with its leading slash and the API's root.
    pub path: String,
    /// Query parameters, in order.
    pub query: Vec<(Cow<'static, str>, String)>,
    /// JSON to send.
    pub json: Option<Bytes>,
    /// Resource that pays for it.
    pub resource: &'static str,
    /// Name of the array of records in the answer of a list; `data` is looked for too.
    pub records: &'static str,
    /// How important it is when credits are short.
    pub priority: Priority,
    /// Whose turn comes first where requests wait for theirs: that of the lowest, and among equals that of the resource
    /// which asked first.
    pub precedence: u8,
    /// Times that it is worth trying where it proves too heavy for the portal, because less can be asked for; as often as
    /// any other failure where not.
    pub tries_if_heavy: Option<u32>,
}

impl Request {
    /// A GET below the root of the Desk API, without parameters.
    pub fn new(resource: &'static str, path: &str) -> Self {
        Self { path: format!("{}{path}", DESK.root), ..Self::to(&DESK, Method::GET, String::new(), resource) }
    }

    /// A request to any product, without parameters. `path` is the whole path on its server.
    pub fn to(product: &'static Product, method: Method, path: String, resource: &'static str) -> Self {
        let (query, records, priority) = (Vec::new(), "data", Priority::Main);
        Self {
            method,
            product,
            path,
            query,
            json: None,
            resource,
            records,
            priority,
            precedence: 0,
            tries_if_heavy: None,
        }
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Says under which name the answer holds its records.
    #[must_use]
    pub fn records_in(self, records: &'static str) -> Self {
        Self { records, ..self }
    }

    /// Says how important it is when credits are short.
    #[must_use]
    pub fn priority(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }

    /// Says how many others come first.
    #[must_use]
    pub fn precedence(self, precedence: u8) -> Self {
        Self { precedence, ..self }
    }

    /// The path with `{id}` in the place of ids; none for what costs no credits of Desk.
    pub(super) fn endpoint(&self) -> Option<String> {
        let is_id = |part: &str| part.len() > 5 && part.bytes().all(|byte| byte.is_ascii_digit());
        let parts = self.path.split('/').map(|part| if is_id(part) { "{id}" } else { part });
        self.product.is_desk.then(|| parts.collect::<Vec<_>>().join("/"))
    }

    /// A number among the query parameters.
    fn number(&self, name: &str) -> Option<u64> {
        self.query.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.parse().ok())
    }

    /// Rows before the first one that is asked for: deep pages cost more.
    pub(super) fn depth(&self) -> u64 {
        self.number("from").unwrap_or(0)
    }

    /// Rows that are asked for, where a number was given.
    pub(super) fn limit(&self) -> Option<u64> {
        self.number("limit")
    }

    /// Whether it changes nothing, so that it can be sent again whatever became of it.
    pub(super) fn only_reads(&self) -> bool {
        self.method == Method::GET
    }

    pub(super) fn url(&self, server: &Url) -> String {
        let mut url = format!("{}{}", server.as_str().trim_end_matches('/'), self.path);
        if !self.query.is_empty() {
            url.push('?');
            url.push_str(&form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.query).finish());
        }
        url
    }
}

/// Method and path, for messages. Never the query: a filter can hold a customer's address.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_put_below_the_api_root() {
        let desk = Url::parse("https://desk.zoho.eu/").expect("a URL");
        let request = Request::new("tickets", "/tickets/search").with("limit", "100").with("sortBy", "a b");
        assert_eq!(request.url(&desk), "https://desk.zoho.eu/api/v1/tickets/search?limit=100&sortBy=a+b");
        assert_eq!(request.to_string(), "GET /api/v1/tickets/search");
    }
}
