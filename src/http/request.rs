//! One request to the Desk API, as a value. Only reading so far: every request is a GET.

use std::borrow::Cow;
use std::fmt;

use url::Url;

/// A GET below `/api/v1`.
#[derive(Debug, Clone)]
pub struct Request {
    /// Path, with its leading slash.
    pub path: Cow<'static, str>,
    /// Query parameters, in order.
    pub query: Vec<(&'static str, String)>,
    /// Resource that pays for it.
    pub resource: &'static str,
}

impl Request {
    /// A request without parameters.
    pub fn new(resource: &'static str, path: impl Into<Cow<'static, str>>) -> Self {
        Self { path: path.into(), query: Vec::new(), resource }
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(super) fn url(&self, desk_url: &Url) -> String {
        let mut url = format!("{}/api/v1{}", desk_url.as_str().trim_end_matches('/'), self.path);
        if !self.query.is_empty() {
            url.push('?');
            url.push_str(&url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.query).finish());
        }
        url
    }
}

/// Method and path, for messages. Never the query: a filter can hold a customer's address.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GET /api/v1{}", self.path)
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
