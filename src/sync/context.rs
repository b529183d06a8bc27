//! What every stage of a run works with.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::patience::patiently;
use super::stream::Halt;
use super::{Event, Observer, Plan};
use crate::extract;
use crate::http::Client;
use crate::ledger::RunId;
use crate::warehouse;

/// A run under way, and whom it speaks to.
pub(super) struct Context<'a, W> {
    pub(super) plan: &'a Plan,
    pub(super) run: RunId,
    /// On the portal's clock.
    pub(super) started_at: DateTime<Utc>,
    pub(super) client: &'a Arc<Client>,
    pub(super) warehouse: &'a W,
    pub(super) observer: &'a dyn Observer,
    /// Cancelled by a signal, and by a failure that no stage can go on after.
    pub(super) stopped: &'a CancellationToken,
}

impl<W> Clone for Context<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Context<'_, W> {}

impl<W> Context<'_, W> {
    /// The answer to something that is asked of the portal. A run that is stopped asks for nothing more, and waits a
    /// moment for what it has asked for.
    pub(super) async fn ask<T>(&self, asked: impl Future<Output = Result<T, extract::Error>>) -> Result<T, Halt> {
        self.patiently(async { asked.await.map_err(Halt::Read) }).await
    }

    /// The same for work that asks for several things.
    pub(super) async fn patiently<T>(&self, work: impl Future<Output = Result<T, Halt>>) -> Result<T, Halt> {
        // A future that is handed on is there twice, and what is asked is large.
        patiently(self.stopped, Box::pin(work)).await.unwrap_or(Err(Halt::Shutdown))
    }

    /// Tells that a page was read.
    pub(super) fn tell_page(&self, resource: &'static str, records: usize, remaining: Option<u64>) {
        self.observer.see(&Event::PageRead {
            resource,
            records: records as u64,
            remaining,
            usage: self.client.usage_of(resource),
            credits_left: self.client.credits_left(),
            budget: self.client.budget(),
            traffic: self.client.traffic(),
        });
    }
}

impl From<warehouse::Error> for Halt {
    fn from(error: warehouse::Error) -> Self {
        Self::Warehouse(error.into())
    }
}
