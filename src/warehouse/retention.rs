//! What the ledger forgets, so that it does not grow with the years: runs, finished windows and prices of a season ago. What
//! a later run needs stays: unfinished windows, those that a backfill has read, bookmarks, and the last run of each
//! resource.

use chrono::{DateTime, TimeDelta, Utc};

use super::dialect::Dialect;
use super::error::Trouble;
use super::sql::{Open, SqlWarehouse};
use crate::ledger::Purpose;

/// How long a run is remembered.
const KEPT: TimeDelta = TimeDelta::days(90);

impl<D: Dialect> SqlWarehouse<D> {
    /// Forgets what is older than [`KEPT`], as of `now` on the portal's clock.
    pub(super) async fn forget(&self, open: &mut Open<D>, now: DateTime<Utc>) -> Result<(), Trouble> {
        let since = now - KEPT;
        let oldest = "(select min(id) from {deskhouse_runs} where started_at >= ?)";
        let windows =
            format!("delete from {{deskhouse_windows}} where done and purpose = ? and done_by_run < {oldest}");
        self.execute(open, &windows, vec![Purpose::Sync.word().into(), since.into()]).await?;
        let parts = format!(
            "delete from {{deskhouse_run_resources}} as old where run_id < {oldest} and run_id <
            (select max(run_id) from {{deskhouse_run_resources}} as newer where newer.resource = old.resource)"
        );
        self.execute(open, &parts, vec![since.into()]).await?;
        let runs = "delete from {deskhouse_runs} where started_at < ? and id not in
            (select run_id from {deskhouse_run_resources} union select run_id from {deskhouse_claims})";
        self.execute(open, runs, vec![since.into()]).await?;
        self.execute(open, "delete from {deskhouse_credits} where day_began_at < ?", vec![since.into()]).await?;
        Ok(())
    }
}
