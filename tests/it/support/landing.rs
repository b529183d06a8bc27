//! A run in this process that lands pages of tickets.

use chrono::{DateTime, TimeDelta, Utc};
use deskhouse::ledger::{Bookmark, History, Progress, RunId, RunStart, Window};
use deskhouse::record::Record;
use deskhouse::resource::{self, Resource};
use deskhouse::transform::Mapper;
use deskhouse::warehouse::{Batch, Landed, Part, SqlWarehouse, Warehouse};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::warehouse::{Home, open};
use super::{Database, noon};

pub(crate) const OVERLAP: TimeDelta = TimeDelta::minutes(15);

pub(crate) fn tickets() -> &'static Resource {
    resource::find("tickets").expect("a resource")
}

pub(crate) fn iso(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// A ticket that last changed so many minutes before noon.
pub(crate) fn ticket(id: &str, subject: &str, minutes_ago: i64) -> Value {
    json!({"id": id, "subject": subject, "modifiedTime": iso(noon() - TimeDelta::minutes(minutes_ago))})
}

/// A run on an open warehouse, with a window for all of history.
pub(crate) struct Run<D: Home> {
    pub(crate) warehouse: SqlWarehouse<D>,
    pub(crate) run: RunId,
    pub(crate) windows: Vec<Window>,
}

impl<D: Home> Run<D> {
    pub(crate) async fn begin(database: &Database) -> Self {
        let warehouse = open::<D>(database).await.expect("the warehouse opens");
        let run = warehouse.begin_run(&start("600000001")).await.expect("a run");
        let mut begun = Self { warehouse, run, windows: Vec::new() };
        begun.windows = begun.plan(tickets(), noon()).await;
        begun
    }

    /// Plans what the ledger says is to be read by a run that starts at `now`.
    pub(crate) async fn plan(&self, resource: &'static Resource, now: DateTime<Utc>) -> Vec<Window> {
        let history = self.history(resource).await;
        let ranges = history.ranges_to_read(noon() - TimeDelta::days(1_000), now, OVERLAP);
        // Cut as a first run cuts them that has much to read.
        let ranges: Vec<_> = ranges.into_iter().flat_map(|range| History::parts(now, range)).collect();
        let bookmark = history.planned(&ranges).expect("a bookmark");
        self.warehouse.plan(self.run, resource, bookmark, &ranges).await.expect("windows")
    }

    pub(crate) async fn history(&self, resource: &'static Resource) -> History {
        self.warehouse.history(resource).await.expect("a history")
    }

    pub(crate) async fn bookmark(&self) -> Bookmark {
        self.history(tickets()).await.bookmark.expect("a bookmark")
    }

    /// A page of tickets for the first window, which stays open.
    pub(crate) fn page(&self, records: &[Value]) -> Batch {
        let texts: Vec<_> = records.iter().map(Value::to_string).collect();
        self.page_of_texts(&texts)
    }

    pub(crate) fn page_of_texts(&self, records: &[String]) -> Batch {
        let mapper = Mapper::new(tickets(), true);
        let (mut rows, mut rejects) = (Vec::new(), Vec::new());
        for text in records {
            let record = Record::new(RawValue::from_string(text.clone()).expect("valid JSON"));
            match mapper.row(record) {
                Ok(row) => rows.push(row),
                Err(reject) => rejects.push(reject),
            }
        }
        let window = &self.windows[0];
        Batch {
            resource: tickets(),
            run: self.run,
            parts: vec![Part {
                window: window.id,
                read: records.len() as u64,
                since: window.progress.clone(),
                progress: window.progress.clone(),
            }],
            rows,
            rejects,
            at: noon(),
            overlap: OVERLAP,
        }
    }

    /// A page without records that brings a window from here to there.
    pub(crate) fn step(&self, window: &Window, since: &Progress, progress: &Progress) -> Batch {
        let part = Part { window: window.id, read: 0, since: since.clone(), progress: progress.clone() };
        Batch { parts: vec![part], ..self.page(&[]) }
    }

    /// A page without records that ends a window.
    pub(crate) fn end_of(&self, window: &Window) -> Batch {
        self.step(window, &window.progress, &end(window))
    }

    pub(crate) async fn land(&self, batch: Batch) -> Landed {
        self.warehouse.land([batch]).await.expect("the batch lands")
    }

    pub(crate) async fn close(self) {
        self.warehouse.close().await;
    }
}

/// The progress of a window that has been read to its end.
pub(crate) fn end(window: &Window) -> Progress {
    Progress { at: window.range.to, position: None, done: true }
}

pub(crate) fn start(org_id: &str) -> RunStart {
    RunStart { command: "sync", org_id: org_id.to_owned(), started_at: noon(), holder: "process 7 on a host".into() }
}

/// A value of a ledger table as text.
pub(crate) async fn value(database: &Database, sql: &str) -> Option<String> {
    database.query(sql).await.first().and_then(|row| row[0].clone())
}
