//! The first request of a run: it proves the sign-in, finds the portal and tells its time, all before a window is made.

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::patience::patiently;
use super::{Error, Plan, books};
use crate::config::OrgId;
use crate::extract;
use crate::http::{self, Client, Edition};
use crate::ledger::{RunId, RunStart};
use crate::warehouse::{self, Warehouse};

/// Begins a run: the portal answers, the warehouse is claimed for it, and what the portal had left today is remembered.
/// Gives the number of the run and its start on the portal's clock.
pub(super) async fn begin<W: Warehouse>(
    plan: &Plan,
    client: &Client,
    warehouse: &W,
    shutdown: &CancellationToken,
) -> Result<(RunId, DateTime<Utc>), Error> {
    let begun = Box::pin(open(plan, client, warehouse, shutdown)).await;
    // What was spent although it came to nothing is spent.
    if matches!(begun, Err(Error::Http(_) | Error::Interrupted)) {
        books::book(client, warehouse, None).await?;
    }
    // A warehouse in trouble takes nothing down either; after a while the others know.
    if !matches!(begun, Ok(_) | Err(Error::Warehouse(warehouse::Error::Statement { .. }))) {
        warehouse.leave().await?;
    }
    begun
}

async fn open<W: Warehouse>(
    plan: &Plan,
    client: &Client,
    warehouse: &W,
    shutdown: &CancellationToken,
) -> Result<(RunId, DateTime<Utc>), Error> {
    // Where nothing may be spent any more today, nothing is asked either.
    recall(client, warehouse).await?;
    // It is paid for once it is sent, and the run that begins with it then stops at once.
    let greeting = books::greeting(client, warehouse, greet(client, plan.org_id.as_ref()));
    let Portal { org_id, .. } = patiently(shutdown, greeting).await.ok_or(Error::Interrupted)???;
    let started_at = client.portal_now();
    let start = RunStart { command: plan.command, org_id: org_id.to_string(), started_at, holder: plan.holder.clone() };
    let run = warehouse.begin_run(&start).await?;
    // The portal's clock may say another day than this machine's.
    recall(client, warehouse).await?;
    books::book(client, warehouse, Some(run)).await?;
    Ok((run, started_at))
}

async fn recall<W: Warehouse>(client: &Client, warehouse: &W) -> Result<(), Error> {
    let day = client.credit_day_start();
    client.remember_today(day, warehouse.today(day).await?);
    Ok(())
}

/// The portal that is read.
pub(super) struct Portal {
    pub(super) org_id: OrgId,
    /// Its edition, if it tells a known one.
    pub(super) edition: Option<Edition>,
}

/// Asks for the organisations that the sign-in reaches, and settles which one is read.
pub(super) async fn greet(client: &Client, configured: Option<&OrgId>) -> Result<Portal, Error> {
    let found = match extract::organisations(client, "portal").await {
        Ok(found) => found,
        // The scope for it may be missing; the portal's time came with the refusal, and the id is known.
        Err(
            http::Error::NotGranted { .. }
            | http::Error::NotFound { .. }
            | http::Error::Refused { .. }
            | http::Error::Unreadable { .. },
        ) => {
            let org_id = configured.cloned().ok_or(Error::WhichPortal { found: Vec::new() })?;
            return Ok(Portal { org_id, edition: None });
        }
        Err(error) => return Err(error.into()),
    };
    let ids: Vec<_> = found.iter().map(|organisation| organisation.id.clone()).collect();
    let org_id = which(configured, &ids)?;
    if configured.is_none() {
        client.set_org_id(org_id.clone());
    }
    let chosen = found.iter().find(|organisation| organisation.id == org_id.as_str());
    let edition = chosen.and_then(|organisation| Edition::named(organisation.edition.as_deref()?));
    if let Some(edition) = edition {
        client.remember_edition(edition);
    }
    Ok(Portal { org_id, edition })
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
