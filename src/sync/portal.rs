//! The first request of a run: it proves the sign-in, finds the portal and tells its time, all before a window is made.

use crate::config::OrgId;
use crate::extract;
use crate::http::{self, Client};

use super::Error;

/// Asks for the organisations that the sign-in reaches, and settles which one is read.
pub(super) async fn greet(client: &Client, configured: Option<&OrgId>) -> Result<OrgId, Error> {
    let found: Vec<_> = match extract::organisations(client, "organizations").await {
        Ok(found) => found.into_iter().map(|organisation| organisation.id).collect(),
        // The scope for it may be missing; the portal's time came with the refusal, and the id is known.
        Err(http::Error::NotGranted { .. } | http::Error::NotFound { .. } | http::Error::Refused { .. }) => {
            return configured.cloned().ok_or(Error::WhichPortal { found: Vec::new() });
        }
        Err(error) => return Err(error.into()),
    };
    let org_id = which(configured, &found)?;
    if configured.is_none() {
        client.set_org_id(org_id.clone());
    }
    Ok(org_id)
}

/// Which of the organisations that a sign-in reaches is read.
pub fn which(configured: Option<&OrgId>, found: &[String]) -> Result<OrgId, Error> {
    match (configured, found) {
        (Some(org_id), found) if found.is_empty() || found.iter().any(|id| id == org_id.as_str()) => Ok(org_id.clone()),
        (Some(org_id), _) => Err(http::Error::OtherPortal { org_id: org_id.to_string() }.into()),
        (None, [only]) => OrgId::parse(only).map_err(|_| Error::WhichPortal { found: found.to_vec() }),
        (None, _) => Err(Error::WhichPortal { found: found.to_vec() }),
    }
}
