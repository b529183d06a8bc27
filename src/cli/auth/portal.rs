//! Who signed in, and which portals that reaches: what Zoho Desk itself says, in words.

use crate::config::OrgId;
use crate::extract::{self, Agent, Organisation};
use crate::http::{self, Client};
use crate::sync;

/// What the requests are booked under.
const BOOKED: &str = "auth";

/// The portals that a sign-in reaches.
pub(super) struct Portals(pub(super) Vec<Organisation>);

impl Portals {
    /// Asks for them; it takes the scope Desk.basic.READ and works for every portal.
    pub(super) async fn ask(client: &Client) -> Result<Self, http::Error> {
        extract::organisations(client, BOOKED).await.map(Self)
    }

    /// In one sentence.
    pub(super) fn sentence(&self) -> String {
        match self.0.as_slice() {
            [] => "no portal".into(),
            [only] => format!("portal {}", shown(only)),
            several => {
                format!("{} portals: {}", several.len(), several.iter().map(shown).collect::<Vec<_>>().join(", "))
            }
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

fn shown(portal: &Organisation) -> String {
    match &portal.name {
        Some(name) => format!("{} ({name})", portal.id),
        None => portal.id.clone(),
    }
}

/// Asks who signed in, once it is known what came of [`Portals::ask`]: nothing is asked that would fail as that did.
pub(super) async fn person(
    client: &Client,
    configured: Option<&OrgId>,
    portals: &Result<Portals, http::Error>,
) -> Option<Result<Agent, http::Error>> {
    match portals {
        Err(error) if error.ends_all() => return None,
        Err(_) => {}
        Ok(portals) => {
            let ids: Vec<_> = portals.0.iter().map(|portal| portal.id.clone()).collect();
            if let Ok(org_id) = sync::which(configured, &ids) {
                client.set_org_id(org_id);
            }
        }
    }
    Some(extract::agent(client, BOOKED).await)
}

/// A person in words.
pub(super) fn known_as(agent: &Agent) -> String {
    match (&agent.name, &agent.email) {
        (Some(name), Some(email)) => format!("{name} ({email})"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => "not told by the portal".into(),
    }
}
