//! Which portals a sign-in reaches, asked of Zoho Desk itself.

use serde_json::Value;

use crate::config::OrgId;
use crate::http::{self, Client, Request};

/// The portals that a sign-in reaches.
pub(super) struct Portals(pub(super) Vec<Portal>);

/// One portal.
pub(super) struct Portal {
    pub(super) id: String,
    /// The company's name.
    pub(super) name: Option<String>,
}

impl Portals {
    /// Asks for them; it takes the scope Desk.basic.READ and works for every portal.
    pub(super) async fn ask(client: &Client) -> Result<Self, http::Error> {
        let answer = client.get(&Request::new("organizations", "/organizations")).await?;
        let portals = answer.records.iter().filter_map(|record| {
            let record: Value = serde_json::from_str(record.get()).ok()?;
            // The documents show it as a number in one place and as text in another.
            let id = match &record["id"] {
                Value::String(id) => id.clone(),
                Value::Number(id) => id.to_string(),
                _ => return None,
            };
            Some(Portal { id, name: record["companyName"].as_str().map(str::to_owned) })
        });
        Ok(Self(portals.collect()))
    }

    /// In one sentence.
    pub(super) fn sentence(&self) -> String {
        match self.0.as_slice() {
            [] => "no portal".into(),
            [only] => format!("portal {}", only.shown()),
            several => format!(
                "{} portals: {}",
                several.len(),
                several.iter().map(Portal::shown).collect::<Vec<_>>().join(", ")
            ),
        }
    }

    /// What stands in the way of a sync.
    pub(super) fn warnings(&self, configured: Option<&OrgId>) -> Vec<String> {
        match (configured, self.0.as_slice()) {
            (Some(org_id), portals) if !portals.iter().any(|portal| portal.id == org_id.as_str()) => {
                vec![format!("the configured portal {org_id} is not among them; correct ZOHO_ORG_ID")]
            }
            (None, [_, _, ..]) => vec!["set ZOHO_ORG_ID to the one that is to be read".into()],
            _ => Vec::new(),
        }
    }
}

impl Portal {
    pub(super) fn shown(&self) -> String {
        match &self.name {
            Some(name) => format!("{} ({name})", self.id),
            None => self.id.clone(),
        }
    }
}
