//! Rows that land with nothing before them: no request, no page, no parsing.

use std::path::Path;

use chrono::{TimeDelta, Utc};
use deskhouse::config::WarehouseUrl;
use deskhouse::ledger::{History, RunId, RunStart, Window};
use deskhouse::record::Record;
use deskhouse::resource::Resource;
use deskhouse::transform::{Mapper, Row};
use deskhouse::warehouse::{Batch, Dialect, Part, Postgres, SqlWarehouse, Sqlite, Warehouse};
use serde_json::value::RawValue;

use super::timed;

/// Rows that a sync writes at once and in one transaction while pages come faster than they land.
pub(crate) const BATCH: usize = 1_000;
pub(crate) const COMMIT: usize = 5_000;

/// Records as rows.
pub(crate) fn typed(resource: &'static Resource, records: &[String], raw: bool) -> Vec<Row> {
    let mapper = Mapper::new(resource, raw);
    let record = |text: &String| Record::new(RawValue::from_string(text.clone()).expect("JSON"));
    records.iter().map(|text| mapper.row(record(text)).expect("a row")).collect()
}

/// A new warehouse in a file.
pub(crate) async fn sqlite(path: &Path) -> SqlWarehouse<Sqlite> {
    let url = WarehouseUrl::parse(&format!("sqlite:{}", path.display()), None, Path::new("/")).expect("an address");
    SqlWarehouse::open(Sqlite::open(&url).await.expect("it opens"), Utc::now()).await.expect("it migrates")
}

/// A new warehouse in an empty database.
pub(crate) async fn postgres(address: &str) -> SqlWarehouse<Postgres> {
    let url = WarehouseUrl::parse(address, None, Path::new("/")).expect("an address");
    let dialect = Postgres::open(&url, "zoho_desk").await.expect("it opens");
    SqlWarehouse::open(dialect, Utc::now()).await.expect("it migrates")
}

/// A run that lands rows of one resource.
pub(crate) struct Landing<'a, D: Dialect> {
    warehouse: &'a SqlWarehouse<D>,
    resource: &'static Resource,
    run: RunId,
    window: Window,
}

impl<'a, D: Dialect> Landing<'a, D> {
    pub(crate) async fn begin(warehouse: &'a SqlWarehouse<D>, resource: &'static Resource) -> Self {
        let start = RunStart { command: "bench", org_id: "1".into(), started_at: Utc::now(), holder: "bench".into() };
        let run = warehouse.begin_run(&start).await.expect("a run");
        let ranges = History::default().ranges_to_read(Utc::now() - TimeDelta::days(1), Utc::now(), TimeDelta::zero());
        let bookmark = History::default().planned(&ranges).expect("a bookmark");
        let window = warehouse.plan(run, resource, bookmark, &ranges).await.expect("windows").remove(0);
        Self { warehouse, resource, run, window }
    }

    /// Lands rows. Gives the rows a second, without the time that it takes to make batches of them.
    pub(crate) async fn land(&self, rows: &[Row]) -> f64 {
        let mut seconds = 0.0;
        for rows in rows.chunks(COMMIT) {
            let batches: Vec<_> = rows.chunks(BATCH).map(|rows| self.batch(rows)).collect();
            let (done, taken) = timed(self.warehouse.land(batches)).await;
            done.expect("it lands");
            seconds += taken.as_secs_f64();
        }
        rows.len() as f64 / seconds
    }

    fn batch(&self, rows: &[Row]) -> Batch {
        // The window stays where it is, as if it were read again and again.
        let progress = || self.window.progress.clone();
        let part = Part { window: self.window.id, read: rows.len() as u64, since: progress(), progress: progress() };
        Batch {
            resource: self.resource,
            run: self.run,
            parts: vec![part],
            rows: rows.to_vec(),
            rejects: Vec::new(),
            at: Utc::now(),
            overlap: TimeDelta::zero(),
        }
    }
}
