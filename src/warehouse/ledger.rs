//! The ledger's statements: portal, runs, windows, bookmarks. Their meaning is `crate::ledger`'s.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::Part;
use super::dialect::{Dialect, Durability, Stamp};
use super::error::{Error, Trouble};
use super::sql::{Open, SqlWarehouse};
use super::value::{Cells, Value};
use crate::ledger::{
    Bookmark, Counts, History, Key, Progress, Purpose, Range, ResourceOutcome, RunEnd, RunId, RunStart, State, Window,
    WindowId,
};
use crate::resource::{Kind, Resource};

/// What the ledger knows, for people.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Status {
    /// Portal that the warehouse holds; none before the first run.
    pub org_id: Option<String>,
    /// One a resource.
    pub resources: Vec<ResourceStatus>,
    /// The last runs, newest first.
    pub runs: Vec<RunStatus>,
}

/// How complete a resource is.
#[derive(Debug, Clone, Serialize)]
pub struct ResourceStatus {
    /// Name.
    pub resource: String,
    /// The bookmark.
    pub complete_until: Option<DateTime<Utc>>,
    /// Start of the last run that read it.
    pub last_run_at: Option<DateTime<Utc>>,
    /// Rows that are not deleted.
    pub rows: u64,
    /// Windows that are not finished.
    pub open_windows: u64,
    /// Values that could not be read and are null in their rows.
    pub rejected_cells: u64,
    /// Records that fit no row.
    pub rejected_records: u64,
    /// What changed since then, and before the last run began, has all been read: the newest history comes first.
    pub whole_since: Option<DateTime<Utc>>,
    /// Indexes of its table that are made when its first load ends or pauses.
    pub indexes_to_come: u64,
}

/// One run.
#[derive(Debug, Clone, Serialize)]
pub struct RunStatus {
    /// Number.
    pub run: i64,
    /// Command.
    pub command: String,
    /// How it ended.
    pub state: String,
    /// Start.
    pub started_at: Option<DateTime<Utc>>,
    /// End.
    pub finished_at: Option<DateTime<Utc>>,
    /// Requests that it made.
    pub requests: u64,
    /// Credits that it cost.
    pub credits: u64,
    /// Credits that were left at its end.
    pub credits_left: Option<u64>,
    /// Records that it read.
    pub records_read: u64,
    /// Rows that it changed.
    pub rows_changed: u64,
}

/// Runs that `status` shows.
const RUNS_SHOWN: i64 = 10;

/// Who holds one of `claims`, and since when.
pub(super) async fn holder<D: Dialect>(
    dialect: &D,
    claims: &[String],
) -> Result<Option<(String, DateTime<Utc>)>, Trouble> {
    let mut open = dialect.begin_to_read().await?;
    let sql = "select holder, started_at from {deskhouse_runs} where state = 'running'
        and id in (select run_id from {deskhouse_claims} where name in [?]) order by id desc limit 1";
    let values = vec![Value::Texts(claims.to_vec())];
    let rows = dialect.fetch(&mut open, sql, values.clone(), &[Kind::Text, Kind::Timestamp]).await?;
    Cells::of(sql, &values, rows).next().map(|mut cells| Ok((cells.text()?, cells.timestamp()?))).transpose()
}

impl<D: Dialect> SqlWarehouse<D> {
    pub(super) async fn fetch(
        &self,
        open: &mut Open<D>,
        sql: &str,
        values: Vec<Value>,
        kinds: &[Kind],
    ) -> Result<Vec<Cells>, Trouble> {
        let rows = self.dialect.fetch(open, sql, values.clone(), kinds).await?;
        Ok(Cells::of(sql, &values, rows).collect())
    }

    /// The number behind the largest one, which the statement gives.
    pub(super) async fn next_id(&self, open: &mut Open<D>, sql: &str, values: Vec<Value>) -> Result<i64, Trouble> {
        let mut rows = self.fetch(open, sql, values, &[Kind::Integer]).await?;
        let largest = rows.first_mut().map_or(Ok(None), Cells::count_or_null)?;
        Ok(largest.map_or(0, u64::cast_signed) + 1)
    }

    pub(super) async fn insert_run(&self, start: &RunStart) -> Result<RunId, Error> {
        let doing = Error::doing("begin a run");
        let mut open = self.begin("begin a run").await?;
        self.dialect.alone(&mut open, "runs").await.map_err(&doing)?;
        let portal = "select org_id from {deskhouse_portal}";
        let mut held = self.fetch(&mut open, portal, Vec::new(), &[Kind::Text]).await.map_err(&doing)?;
        match held.first_mut().map(Cells::text).transpose().map_err(&doing)? {
            Some(held) if held != start.org_id => {
                return Err(Error::OtherPortal { held, asked: start.org_id.clone() });
            }
            Some(_) => {}
            None => {
                let claim = "insert into {deskhouse_portal} (org_id, claimed_at) values (?, ?)";
                let values = vec![start.org_id.as_str().into(), start.started_at.into()];
                self.execute(&mut open, claim, values).await.map_err(&doing)?;
            }
        }
        // We hold what such a run had claimed, so it was cut off. One without a claim is an older version's.
        let cut_off = "update {deskhouse_runs} set state = ? where state = ? and (id not in (select run_id from
            {deskhouse_claims}) or id in (select run_id from {deskhouse_claims} where name in [?]))";
        let claims = || Value::Texts(self.claims.clone());
        let values = vec![State::Interrupted.word().into(), State::Running.word().into(), claims()];
        self.execute(&mut open, cut_off, values).await.map_err(&doing)?;
        let newest = "select max(id) from {deskhouse_runs}";
        let run = RunId(self.next_id(&mut open, newest, Vec::new()).await.map_err(&doing)?);
        let sql = "insert into {deskhouse_runs} (id, command, state, started_at, holder, version, requests, credits)
            values (?, ?, ?, ?, ?, ?, 0, 0)";
        let values = vec![
            run.0.into(),
            start.command.into(),
            State::Running.word().into(),
            start.started_at.into(),
            start.holder.as_str().into(),
            env!("CARGO_PKG_VERSION").into(),
        ];
        self.execute(&mut open, sql, values).await.map_err(&doing)?;
        let forget = "delete from {deskhouse_claims} where name in [?]";
        self.execute(&mut open, forget, vec![claims()]).await.map_err(&doing)?;
        for claim in &self.claims {
            let sql = "insert into {deskhouse_claims} (name, run_id) values (?, ?)";
            self.execute(&mut open, sql, vec![claim.as_str().into(), run.0.into()]).await.map_err(&doing)?;
        }
        self.read_again(&mut open, run).await.map_err(&doing)?;
        D::commit(open).await.map_err(&doing)?;
        Ok(run)
    }

    pub(super) async fn read_history(
        &self,
        open: &mut Open<D>,
        resource: &'static Resource,
    ) -> Result<History, Trouble> {
        let sql =
            "select read_since, read_until, complete_until, run_id > coalesce(ended, 0) from {deskhouse_bookmarks},
            (select max(id) as ended from {deskhouse_runs} where not (state in [?])) as last where resource = ?";
        let kinds = [Kind::Timestamp, Kind::Timestamp, Kind::Timestamp, Kind::Boolean];
        let stopped = [State::Running, State::Interrupted].map(|state| state.word().to_owned());
        let values = vec![Value::Texts(stopped.to_vec()), resource.name.into()];
        let mut rows = self.fetch(open, sql, values, &kinds).await?;
        let bookmark = |cells: &mut Cells| {
            let (since, until) = (cells.timestamp()?, cells.timestamp()?);
            Ok((Bookmark { since, until, complete_until: cells.timestamp_or_null()? }, cells.boolean()?))
        };
        let (bookmark, goes_on) = rows.first_mut().map(bookmark).transpose()?.unzip();
        let open = self.open_windows(open, resource, Purpose::Sync).await?;
        Ok(History { bookmark, open, goes_on: goes_on.unwrap_or_default() })
    }

    pub(super) async fn read_feed_bookmark(&self, feed: &'static str) -> Result<Option<DateTime<Utc>>, Error> {
        let sql = "select read_until from {deskhouse_bookmarks} where resource = ?";
        let mut rows = self.look("read the ledger", sql, vec![feed.into()], &[Kind::Timestamp]).await?;
        rows.first_mut().map(Cells::timestamp).transpose().map_err(Error::doing("read the ledger"))
    }

    pub(super) async fn insert_windows(
        &self,
        run: RunId,
        resource: &'static Resource,
        bookmark: Bookmark,
        ranges: &[Range],
    ) -> Result<Vec<Window>, Error> {
        let doing = Error::doing("plan a run");
        let mut open = self.begin("plan a run").await?;
        self.dialect.alone(&mut open, resource.name).await.map_err(&doing)?;
        let first = self.next_window_id(&mut open, resource).await.map_err(&doing)?;
        let mut windows = Vec::with_capacity(ranges.len());
        let whose = (Purpose::Sync, Key::Modified);
        for (id, range) in (first..).zip(ranges) {
            let window = Window { id: WindowId(id), ..Window::of(Key::Modified, *range) };
            windows.push(self.insert_window(&mut open, run, resource, whose, window).await.map_err(&doing)?);
        }
        self.set_indexes_aside(&mut open, run, resource).await.map_err(&doing)?;
        self.save_bookmark(&mut open, resource, bookmark, run, bookmark.until).await.map_err(&doing)?;
        D::commit(open).await.map_err(&doing)?;
        Ok(windows)
    }

    async fn save_bookmark(
        &self,
        open: &mut Open<D>,
        resource: &'static Resource,
        bookmark: Bookmark,
        run: RunId,
        at: DateTime<Utc>,
    ) -> Result<(), Trouble> {
        let sql =
            "insert into {deskhouse_bookmarks} (resource, read_since, read_until, complete_until, run_id, updated_at)
            values (?, ?, ?, ?, ?, ?)
            on conflict (resource) do update set read_since = excluded.read_since, read_until = excluded.read_until,
            complete_until = excluded.complete_until, run_id = excluded.run_id, updated_at = excluded.updated_at";
        let values = vec![
            resource.name.into(),
            bookmark.since.into(),
            bookmark.until.into(),
            bookmark.complete_until.into(),
            run.0.into(),
            at.into(),
        ];
        self.execute(open, sql, values).await?;
        Ok(())
    }

    /// Moves the progress of windows on, if the ledger stands where each part begins, or where it ends because the part is
    /// there already. Says whether it does.
    pub(super) async fn save_progress(
        &self,
        open: &mut Open<D>,
        resource: &Resource,
        run: RunId,
        parts: &[Part],
    ) -> Result<bool, Trouble> {
        let place = |at: &Progress| [at.at.into(), at.position.clone().into(), at.done.into()];
        let mut values: Vec<Value> = Vec::new();
        for part in parts {
            let done_by = Value::Integer(part.progress.done.then_some(run.0));
            values.extend([part.window.0.into(), part.read.into(), done_by]);
            values.extend(place(&part.since).into_iter().chain(place(&part.progress)));
        }
        values.push(resource.name.into());
        let rows = vec!["(?, ?, ?, ?, ?, ?, ?, ?, ?)"; parts.len()].join(", ");
        let stands_at = |at: &str| {
            format!(
                "held.at_time = {at}_time and held.position is not distinct from {at}_position and held.done = {at}_done"
            )
        };
        let (since, until) = (stands_at("since"), stands_at("until"));
        // One statement for all: each is a way to the database and back, and with eight windows these were a tenth of the
        // time that a batch takes in Postgres.
        let sql = format!(
            "with part (id, read, done_by, since_time, since_position, since_done, until_time, until_position, until_done)
            as (values {rows})
            update {{deskhouse_windows}} as held set at_time = until_time, position = until_position, done = until_done,
            done_by_run = done_by, records_read = held.records_read + read
            from part where held.resource = ? and held.id = part.id and (({since}) or ({until}))"
        );
        Ok(self.execute(open, &sql, values).await? == parts.len() as u64)
    }

    /// Moves the bookmark as far as the unfinished windows allow; gives it back.
    pub(super) async fn advance_bookmark(
        &self,
        open: &mut Open<D>,
        resource: &'static Resource,
        overlap: TimeDelta,
        stamp: Stamp,
    ) -> Result<Option<DateTime<Utc>>, Trouble> {
        let history = self.read_history(open, resource).await?;
        let Some(bookmark) = history.bookmark else { return Ok(None) };
        let unfinished: Vec<_> = history.open.iter().map(|window| window.range).collect();
        let advanced = bookmark.advance(&unfinished, overlap);
        if advanced != bookmark {
            self.save_bookmark(open, resource, advanced, stamp.run, stamp.synced_at).await?;
        }
        Ok(advanced.complete_until)
    }

    /// Adds a batch's counts to the run's, so that they are right even if the run is cut off.
    pub(super) async fn count(
        &self,
        open: &mut Open<D>,
        resource: &'static str,
        counts: Counts,
        stamp: Stamp,
    ) -> Result<(), Trouble> {
        let sql = "insert into {deskhouse_run_resources} as held (run_id, resource, state, records_read, rows_inserted,
            rows_updated, rows_unchanged, rows_deleted, records_rejected, rows_mended, requests, credits, duration_s)
            values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0)
            on conflict (run_id, resource) do update set records_read = held.records_read + excluded.records_read,
            rows_inserted = held.rows_inserted + excluded.rows_inserted, rows_updated = held.rows_updated + excluded.rows_updated,
            rows_unchanged = held.rows_unchanged + excluded.rows_unchanged, rows_deleted = held.rows_deleted + excluded.rows_deleted,
            records_rejected = held.records_rejected + excluded.records_rejected, rows_mended = held.rows_mended + excluded.rows_mended";
        let values = vec![
            stamp.run.0.into(),
            resource.into(),
            State::Running.word().into(),
            counts.read.into(),
            counts.inserted.into(),
            counts.updated.into(),
            counts.unchanged.into(),
            counts.deleted.into(),
            counts.rejected.into(),
            counts.mended.into(),
        ];
        self.execute(open, sql, values).await?;
        Ok(())
    }

    pub(super) async fn close_run(&self, run: RunId, end: &RunEnd, resources: &[ResourceOutcome]) -> Result<(), Error> {
        let doing = Error::doing("close the run");
        let mut open = self.begin_with(Durability::Confirmed, "close the run").await?;
        let stamp = Stamp { synced_at: end.finished_at, run };
        for outcome in resources {
            // What landed nothing has no row yet.
            self.count(&mut open, outcome.resource, Counts::default(), stamp).await.map_err(&doing)?;
            let sql =
                "update {deskhouse_run_resources} set state = ?, requests = ?, credits = ?, duration_s = ?, error = ?
                where run_id = ? and resource = ?";
            let values = vec![
                outcome.state.word().into(),
                outcome.usage.requests.into(),
                outcome.usage.credits.into(),
                outcome.seconds.into(),
                outcome.error.clone().into(),
                run.0.into(),
                outcome.resource.into(),
            ];
            self.execute(&mut open, sql, values).await.map_err(&doing)?;
        }
        self.give_share_back(&mut open).await.map_err(&doing)?;
        let sql = "update {deskhouse_runs} set state = ?, finished_at = ?, requests = ?, credits = ?, credits_left = ?,
            credits_most = ? where id = ?";
        let values = vec![
            end.state.word().into(),
            end.finished_at.into(),
            end.usage.requests.into(),
            end.usage.credits.into(),
            end.credits_left.into(),
            end.credits_most.into(),
            run.0.into(),
        ];
        self.execute(&mut open, sql, values).await.map_err(&doing)?;
        self.forget(&mut open, end.finished_at).await.map_err(&doing)?;
        D::commit(open).await.map_err(&doing)
    }

    pub(super) async fn read_status(&self) -> Result<Status, Error> {
        let doing = Error::doing("read the ledger");
        let mut open = self.dialect.begin_to_read().await.map_err(&doing)?;
        let mut status = Status::default();
        let portal = "select org_id from {deskhouse_portal}";
        let mut rows = match self.fetch(&mut open, portal, Vec::new(), &[Kind::Text]).await {
            // A database that no run has touched has no ledger: nothing is known of it, and nothing is wrong with it.
            Err(Trouble::NoTable) => return Ok(status),
            rows => rows.map_err(&doing)?,
        };
        status.org_id = rows.first_mut().map(Cells::text).transpose().map_err(&doing)?;
        let sql = "select resource, complete_until, last_run_at, rows, open_windows, rejected_cells, rejected_records,
            whole_since, (select count(*) from {deskhouse_indexes} where table_name = resource)
            from {deskhouse_freshness}";
        let [text, time, integer] = [Kind::Text, Kind::Timestamp, Kind::Integer];
        let kinds = [text, time, time, integer, integer, integer, integer, time, integer];
        for mut cells in self.fetch(&mut open, sql, Vec::new(), &kinds).await.map_err(&doing)? {
            status.resources.push(resource_status(&mut cells).map_err(&doing)?);
        }
        let sql = "select id, command, state, started_at, finished_at, requests, credits, credits_left,
            (select cast(coalesce(sum(records_read), 0) as bigint) from {deskhouse_run_resources} where run_id = id),
            (select cast(coalesce(sum(rows_inserted + rows_updated + rows_deleted), 0) as bigint)
                from {deskhouse_run_resources} where run_id = id)
            from {deskhouse_runs} order by id desc limit ?";
        let kinds = [integer, text, text, time, time, integer, integer, integer, integer, integer];
        for mut cells in self.fetch(&mut open, sql, vec![RUNS_SHOWN.into()], &kinds).await.map_err(&doing)? {
            status.runs.push(run_status(&mut cells).map_err(&doing)?);
        }
        Ok(status)
    }
}

fn resource_status(cells: &mut Cells) -> Result<ResourceStatus, Trouble> {
    Ok(ResourceStatus {
        resource: cells.text()?,
        complete_until: cells.timestamp_or_null()?,
        last_run_at: cells.timestamp_or_null()?,
        rows: cells.count()?,
        open_windows: cells.count()?,
        rejected_cells: cells.count()?,
        rejected_records: cells.count()?,
        whole_since: cells.timestamp_or_null()?,
        indexes_to_come: cells.count()?,
    })
}

fn run_status(cells: &mut Cells) -> Result<RunStatus, Trouble> {
    Ok(RunStatus {
        run: cells.integer()?,
        command: cells.text()?,
        state: cells.word(State::of_word)?.word().to_owned(),
        started_at: cells.timestamp_or_null()?,
        finished_at: cells.timestamp_or_null()?,
        requests: cells.count()?,
        credits: cells.count()?,
        credits_left: cells.count_or_null()?,
        records_read: cells.count()?,
        rows_changed: cells.count()?,
    })
}
