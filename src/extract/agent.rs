//! The person who signed in, as the portal knows them. What their role and departments mean is decided by who asks.

use serde_json::Value;

use crate::http::{Client, Error, Reply, Request};

/// The person behind a sign-in, as far as the portal tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agent {
    /// First and last name.
    pub name: Option<String>,
    /// Address.
    pub email: Option<String>,
    /// Name of the role.
    pub role: Option<String>,
    /// Name of the profile.
    pub profile: Option<String>,
    /// What the role permits: `Admin`, or another word (zoho/zohodesk-oas, `Agent.json`).
    pub permission: Option<String>,
    /// Ids of their departments.
    pub departments: Option<Vec<String>>,
}

/// Who is signed in; `resource` pays for it. Some portals have no such path (seen 2026-09), and it takes the scope
/// Desk.basic.READ.
pub async fn agent(client: &Client, resource: &'static str) -> Result<Agent, Error> {
    let request = Request::new(resource, "/myinfo").with("include", "role,profile");
    let Reply { response, outcome } = client.send(&request).await;
    outcome?;
    let body = response.map(::http::Response::into_body).unwrap_or_default();
    Ok(read(&body))
}

fn read(body: &[u8]) -> Agent {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |pointer: &str| {
        let text = value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.map(str::to_owned)
    };
    let whole = || {
        let parts: Vec<_> = [text("/firstName"), text("/lastName")].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    };
    let id = |id: &Value| id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    Agent {
        name: text("/name").or_else(whole),
        email: text("/emailId"),
        role: text("/role/name"),
        profile: text("/profile/name"),
        permission: text("/rolePermissionType"),
        departments: value["associatedDepartmentIds"].as_array().map(|ids| ids.iter().map(id).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_put_together_where_it_is_not_told_whole() {
        let name = |json: &str| read(json.as_bytes()).name;
        assert_eq!(name(r#"{"name": "Ada Byron", "lastName": "King"}"#).as_deref(), Some("Ada Byron"));
        assert_eq!(name(r#"{"firstName": "", "lastName": "King"}"#).as_deref(), Some("King"));
        assert_eq!(read(b"<html>"), Agent::default());
    }
}
