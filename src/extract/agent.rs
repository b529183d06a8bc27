//! The person who signed in, as the portal knows them. What their role and departments mean is decided by who asks.

use crate::http::{Client, Error, Reply, Request};
use crate::record::{Fields, text};

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
    read(&String::from_utf8_lossy(&body))
        .ok_or_else(|| Error::Unreadable { request: request.to_string(), found: "no object".into() })
}

fn read(json: &str) -> Option<Agent> {
    let fields = Fields::of(json)?;
    let whole = || {
        let parts: Vec<_> = [fields.text("firstName"), fields.text("lastName")].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    };
    let name_of = |part: &str| fields.object(part).and_then(|part| part.text("name"));
    Some(Agent {
        name: fields.text("name").or_else(whole),
        email: fields.text("emailId"),
        role: name_of("role"),
        profile: name_of("profile"),
        permission: fields.text("rolePermissionType"),
        departments: fields.list("associatedDepartmentIds").map(|ids| ids.into_iter().filter_map(text).collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_put_together_where_it_is_not_told_whole() {
        let name = |json: &str| read(json).expect("an agent").name;
        assert_eq!(name(r#"{"name": "Ada Byron", "lastName": "King"}"#).as_deref(), Some("Ada Byron"));
        assert_eq!(name(r#"{"firstName": "", "lastName": "King"}"#).as_deref(), Some("King"));
        assert_eq!(name(r#"{"lastName": "\ud83d King"}"#).as_deref(), Some("\u{fffd} King"));
        assert_eq!(read("<html>"), None);
    }
}
