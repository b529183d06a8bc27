//! The contract of a warehouse, held to on every engine through the library. Whole syncs are told in the other files.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use deskhouse::ledger::{
    Bookmark, Counts, History, Progress, ResourceOutcome, RunEnd, RunId, RunStart, State, Today, Usage, Window,
};
use deskhouse::record::Record;
use deskhouse::resource::{self, Kind, Resource};
use deskhouse::transform::Mapper;
use deskhouse::warehouse::{Batch, Error, Landed, Part, SqlWarehouse, Warehouse};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::support::warehouse::{Home, on_every_warehouse, open, open_at};
use crate::support::{Database, noon};

const OVERLAP: TimeDelta = TimeDelta::minutes(15);

fn tickets() -> &'static Resource {
    resource::find("tickets").expect("a resource")
}

fn iso(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// A ticket that last changed so many minutes before noon.
fn ticket(id: &str, subject: &str, minutes_ago: i64) -> Value {
    json!({"id": id, "subject": subject, "modifiedTime": iso(noon() - TimeDelta::minutes(minutes_ago))})
}

/// A run on an open warehouse, with a window for all of history.
struct Run<D: Home> {
    warehouse: SqlWarehouse<D>,
    run: RunId,
    windows: Vec<Window>,
}

impl<D: Home> Run<D> {
    async fn begin(database: &Database) -> Self {
        let warehouse = open::<D>(database).await.expect("the warehouse opens");
        let run = warehouse.begin_run(&start("600000001")).await.expect("a run");
        let mut begun = Self { warehouse, run, windows: Vec::new() };
        begun.windows = begun.plan(tickets(), noon()).await;
        begun
    }

    /// Plans what the ledger says is to be read by a run that starts at `now`.
    async fn plan(&self, resource: &'static Resource, now: DateTime<Utc>) -> Vec<Window> {
        let history = self.history(resource).await;
        let ranges = history.ranges_to_read(noon() - TimeDelta::days(1_000), now, OVERLAP);
        let bookmark = history.planned(&ranges).expect("a bookmark");
        self.warehouse.plan(self.run, resource, bookmark, &ranges).await.expect("windows")
    }

    async fn history(&self, resource: &'static Resource) -> History {
        self.warehouse.history(resource).await.expect("a history")
    }

    async fn bookmark(&self) -> Bookmark {
        self.history(tickets()).await.bookmark.expect("a bookmark")
    }

    /// A page of tickets for the first window, which stays open.
    fn page(&self, records: &[Value]) -> Batch {
        let texts: Vec<_> = records.iter().map(Value::to_string).collect();
        self.page_of_texts(&texts)
    }

    fn page_of_texts(&self, records: &[String]) -> Batch {
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
    fn step(&self, window: &Window, since: &Progress, progress: &Progress) -> Batch {
        let part = Part { window: window.id, read: 0, since: since.clone(), progress: progress.clone() };
        Batch { parts: vec![part], ..self.page(&[]) }
    }

    /// A page without records that ends a window.
    fn end_of(&self, window: &Window) -> Batch {
        self.step(window, &window.progress, &end(window))
    }

    async fn land(&self, batch: Batch) -> Landed {
        self.warehouse.land([batch]).await.expect("the batch lands")
    }

    async fn close(self) {
        self.warehouse.close().await;
    }
}

fn end(window: &Window) -> Progress {
    Progress { at: window.range.to, position: None, done: true }
}

fn start(org_id: &str) -> RunStart {
    RunStart { command: "sync", org_id: org_id.to_owned(), started_at: noon(), holder: "process 7 on a host".into() }
}

/// What became of records: read, inserted, updated, unchanged, rejected.
fn numbers(counts: Counts) -> [u64; 5] {
    [counts.read, counts.inserted, counts.updated, counts.unchanged, counts.rejected]
}

/// Subjects by ticket.
async fn subjects(database: &Database) -> BTreeMap<String, String> {
    let rows = database.query("select id, subject from {t}tickets").await;
    rows.into_iter().map(|mut row| (row.remove(0).expect("a key"), row.remove(0).unwrap_or_default())).collect()
}

fn named(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(id, subject)| ((*id).to_owned(), (*subject).to_owned())).collect()
}

/// A value of a ledger table as text.
async fn value(database: &Database, sql: &str) -> Option<String> {
    database.query(sql).await.first().and_then(|row| row[0].clone())
}

on_every_warehouse! {
    async fn a_batch_that_lands_twice_changes_nothing_the_second_time<D>(database) {
        let run = Run::<D>::begin(database).await;
        let batch = run.page(&[ticket("1", "a", 60), ticket("2", "b", 50), json!({"subject": "no key"})]);
        assert_eq!(numbers(run.land(batch.clone()).await.counts), [3, 2, 0, 0, 1]);
        let rows = database.rows(tickets()).await;
        let again = Batch { at: noon() + TimeDelta::hours(1), ..batch };
        assert_eq!(numbers(run.land(again).await.counts), [3, 0, 0, 2, 1]);
        assert_eq!(database.rows(tickets()).await, rows);
        let synced_at = database.canonical("_synced_at", Kind::Timestamp);
        let synced_at = format!("select distinct {synced_at} from {{t}}tickets");
        assert_eq!(database.column(&synced_at).await, [iso(noon())]);
        assert_eq!(database.number("select count(*) from {t}deskhouse_rejects").await, 1);
        run.close().await;
    }

    async fn a_newer_version_overwrites_and_an_older_one_does_not<D>(database) {
        let run = Run::<D>::begin(database).await;
        run.land(run.page(&[ticket("1", "first", 60), ticket("2", "first", 60)])).await;
        let landed = run.land(run.page(&[ticket("1", "newer", 59), ticket("2", "older", 61)])).await;
        assert_eq!(numbers(landed.counts), [2, 0, 1, 1, 0]);
        assert_eq!(subjects(database).await, named(&[("1", "newer"), ("2", "first")]));
        // The times are whole seconds, so a second version of one second is as new as the first.
        let landed = run.land(run.page(&[ticket("1", "same second", 59)])).await;
        assert_eq!(numbers(landed.counts), [1, 0, 1, 0, 0]);
        assert_eq!(subjects(database).await["1"], "same second");
        run.close().await;
    }

    async fn of_versions_in_one_batch_the_newest_counts<D>(database) {
        let run = Run::<D>::begin(database).await;
        let page = [
            ticket("1", "old", 60),
            ticket("2", "only", 60),
            ticket("1", "newest", 40),
            ticket("1", "middle", 50),
            ticket("3", "one of two equals", 30),
            ticket("3", "the other", 30),
        ];
        assert_eq!(numbers(run.land(run.page(&page)).await.counts), [6, 3, 0, 3, 0]);
        assert_eq!(subjects(database).await, named(&[("1", "newest"), ("2", "only"), ("3", "the other")]));
        run.close().await;
    }

    async fn a_record_that_fits_no_row_is_kept_until_it_fits<D>(database) {
        let run = Run::<D>::begin(database).await;
        let misfit = json!({"id": "1", "modifiedTime": "yesterday"});
        run.land(run.page(&[misfit.clone(), ticket("2", "fits", 60)])).await;
        let kept = database.query("select record_id, reason, cast(raw as text) from {t}deskhouse_rejects").await;
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0][0].as_deref(), Some("1"));
        assert_eq!(kept[0][1].as_deref(), Some("field `/modifiedTime` should be a timestamp, but is \"yesterday\""));
        assert_eq!(kept[0][2].as_deref(), Some(misfit.to_string().as_str()));
        // It comes again, as unfit in another way: the newer reason counts.
        run.land(run.page(&[json!({"id": "1", "modifiedTime": iso(noon()), "threadCount": "many"})])).await;
        let reason = value(database, "select reason from {t}deskhouse_rejects").await;
        assert_eq!(reason.as_deref(), Some("field `/threadCount` should be an integer, but is \"many\""));

        run.land(run.page(&[ticket("1", "fits now", 30)])).await;
        assert_eq!(database.number("select count(*) from {t}deskhouse_rejects").await, 0);
        assert_eq!(subjects(database).await, named(&[("1", "fits now"), ("2", "fits")]));
        run.close().await;
    }

    async fn a_window_remembers_how_far_it_was_read<D>(database) {
        let run = Run::<D>::begin(database).await;
        assert_eq!(run.history(tickets()).await.open, run.windows);
        let window = run.windows[0].clone();
        let at = window.range.from + TimeDelta::hours(1);
        let progress = Progress { at, position: Some("in the middle".into()), done: false };
        let rows = run.page(&[ticket("1", "a", 60)]).rows;
        run.land(Batch { rows, ..run.step(&window, &window.progress, &progress) }).await;
        let open = run.history(tickets()).await.open;
        assert_eq!(open.iter().find(|open| open.id == window.id).map(|open| &open.progress), Some(&progress));
        assert_eq!(open.len(), run.windows.len());

        // A server that crashed can have lost the batch before this one: then the ledger does not stand where it begins.
        let late = Batch { rows: run.page(&[ticket("2", "b", 60)]).rows, ..run.end_of(&window) };
        let error = run.warehouse.land([late.clone()]).await.expect_err("the ledger stands elsewhere");
        assert!(matches!(error, Error::LedgerMoved), "{error}");
        assert_eq!(subjects(database).await, named(&[("1", "a")]));

        run.land(run.step(&window, &progress, &end(&window))).await;
        let open = run.history(tickets()).await.open;
        assert_eq!(open, run.windows[1..]);
        // A batch that comes late does not open the window again.
        let late = Batch { rows: late.rows, ..run.step(&window, &window.progress, &progress) };
        let error = run.warehouse.land([late]).await.expect_err("the window is done");
        assert!(matches!(error, Error::LedgerMoved), "{error}");
        assert_eq!(run.history(tickets()).await.open, run.windows[1..]);
        run.close().await;
    }

    async fn the_bookmark_moves_with_the_window_that_frees_it<D>(database) {
        let run = Run::<D>::begin(database).await;
        let (last, others) = run.windows.split_last().expect("windows");
        assert!(!others.is_empty(), "one window would free the bookmark by itself");
        for window in others {
            let landed = run.land(run.end_of(window)).await;
            assert_eq!(landed.complete_until, None);
            assert_eq!(run.bookmark().await.complete_until, None);
        }
        let landed = run.land(run.end_of(last)).await;
        assert_eq!(landed.complete_until, Some(noon() - OVERLAP));
        assert_eq!(run.bookmark().await.complete_until, Some(noon() - OVERLAP));

        // A window that is made later holds the bookmark where it is, until it has been read.
        let tomorrow = noon() + TimeDelta::days(1);
        let later = run.plan(tickets(), tomorrow).await;
        assert_eq!(run.bookmark().await.complete_until, Some(noon() - OVERLAP));
        let in_between = Progress { at: noon(), position: None, done: false };
        let landed = run.land(run.step(&later[0], &later[0].progress, &in_between)).await;
        assert_eq!(landed.complete_until, None);
        assert_eq!(run.bookmark().await.complete_until, Some(noon() - OVERLAP));
        let landed = run.land(run.step(&later[0], &in_between, &end(&later[0]))).await;
        assert_eq!(landed.complete_until, Some(tomorrow - OVERLAP));
        // Another resource is none of its business.
        assert_eq!(run.history(resource::find("contacts").expect("a resource")).await, History::default());
        run.close().await;
    }

    async fn a_batch_that_does_not_land_moves_nothing<D>(database) {
        let run = Run::<D>::begin(database).await;
        let before = run.history(tickets()).await;
        // The last statement of the transaction fails: rows and progress were written before it.
        database.execute("alter table {t}deskhouse_run_resources rename to gone").await;
        let batch = Batch { rows: run.page(&[ticket("1", "a", 60)]).rows, ..run.end_of(&run.windows[0]) };
        let error = run.warehouse.land([batch]).await.expect_err("the table is gone");
        assert!(matches!(error, Error::Statement { .. }), "{error}");
        assert_eq!(run.history(tickets()).await, before);
        assert_eq!(subjects(database).await, BTreeMap::new());
        run.close().await;
    }

    async fn a_run_leaves_its_row_however_it_ends<D>(database) {
        let run = Run::<D>::begin(database).await;
        run.land(run.page(&[ticket("1", "a", 60), ticket("1", "b", 50), json!({"id": "2", "modifiedTime": 0.5})])).await;
        let status = run.warehouse.status().await.expect("a status");
        assert_eq!(status.org_id.as_deref(), Some("600000001"));
        assert_eq!((status.runs[0].run, status.runs[0].state.as_str()), (run.run.0, "running"));
        assert_eq!((status.runs[0].records_read, status.runs[0].rows_changed), (3, 1));
        let held = status.resources.iter().find(|held| held.resource == "tickets").expect("tickets");
        assert_eq!((held.rows, held.rejects, held.open_windows), (1, 1, run.windows.len() as u64));
        // Cut off here. The next run knows, and has a number of its own.
        run.close().await;

        let next = Run::<D>::begin(database).await;
        let end = RunEnd {
            state: State::Partial,
            finished_at: noon() + TimeDelta::minutes(5),
            usage: Usage { requests: 12, credits: 36 },
            credits_left: Some(4_000),
            credits_most: Some(5_000),
        };
        let outcome = ResourceOutcome {
            resource: "tickets",
            state: State::Failed,
            counts: Counts::default(),
            usage: Usage { requests: 11, credits: 33 },
            seconds: 1.5,
            complete_until: None,
            open_windows: 3,
            error: Some("no answer".into()),
        };
        next.warehouse.finish_run(next.run, &end, &[outcome]).await.expect("the run is closed");
        let runs = next.warehouse.status().await.expect("a status").runs;
        let states: Vec<_> = runs.iter().map(|run| (run.run, run.state.as_str())).collect();
        assert_eq!(states, [(2, "partial"), (1, "interrupted")]);
        assert_eq!((runs[0].requests, runs[0].credits, runs[0].credits_left), (12, 36, Some(4_000)));
        assert_eq!((runs[0].started_at, runs[0].finished_at), (Some(noon()), Some(noon() + TimeDelta::minutes(5))));
        assert_eq!(runs[1].finished_at, None);
        let row = "select state || ', ' || error from {t}deskhouse_run_resources where run_id = 2";
        assert_eq!(value(database, row).await.as_deref(), Some("failed, no answer"));
        let today = |since| next.warehouse.today(since);
        assert_eq!(today(noon() - TimeDelta::hours(12)).await.expect("numbers"), Today { most: Some(5_000), spent: 0 });
        assert_eq!(today(noon() + TimeDelta::hours(12)).await.expect("numbers"), Today::default());
        next.close().await;
    }

    async fn another_portal_is_refused<D>(database) {
        let run = Run::<D>::begin(database).await;
        run.close().await;
        let warehouse = open::<D>(database).await.expect("the warehouse opens");
        let error = warehouse.begin_run(&start("700000002")).await.expect_err("another portal");
        let Error::OtherPortal { held, asked } = &error else { panic!("{error}") };
        assert_eq!([held, asked], ["600000001", "700000002"]);
        assert_eq!(database.number("select count(*) from {t}deskhouse_runs").await, 1);
        assert_eq!(database.column("select org_id from {t}deskhouse_portal").await, ["600000001"]);
        warehouse.close().await;
    }

    async fn a_schema_that_is_up_to_date_is_left_alone<D>(database) {
        let at = database.canonical("applied_at", Kind::Timestamp);
        let all = format!("select name, checksum, {at} from {{t}}deskhouse_migrations order by version");
        open::<D>(database).await.expect("the warehouse opens").close().await;
        let applied = database.query(&all).await;
        assert!(applied.len() > 1, "{applied:?}");
        let later = open_at::<D>(database, noon() + TimeDelta::days(1)).await.expect("the warehouse opens");
        later.close().await;
        assert_eq!(database.query(&all).await, applied);
    }

    async fn of_two_that_open_at_once_one_is_told_that_it_is_locked<D>(database) {
        for _ in 0..2 {
            let (one, two) = tokio::join!(open::<D>(database), open::<D>(database));
            let (held, refused) = match (one, two) {
                (Ok(held), Err(error)) | (Err(error), Ok(held)) => (held, error),
                (one, two) => panic!("both opened: {}, neither did: {}", one.is_ok(), two.is_err()),
            };
            assert!(matches!(refused, Error::Locked { .. }), "{refused}");
            held.begin_run(&start("600000001")).await.expect("a run");
            let Some(Error::Locked { held_by, .. }) = open::<D>(database).await.err() else { panic!("not locked") };
            assert_eq!(held_by, Some(("process 7 on a host".into(), noon())));
            // Closed, the next one comes in.
            held.close().await;
        }
    }

    /// A server frees a lock only after the client has gone.
    async fn a_run_can_follow_another_at_once<D>(database) {
        for _ in 0..100 {
            open::<D>(database).await.expect("the warehouse is free").close().await;
        }
    }

    async fn every_text_reads_back_as_it_was_or_as_near_as_a_database_can<D>(database) {
        let run = Run::<D>::begin(database).await;
        let texts = [
            ("emoji", r#""👩‍👩‍👧 🇵🇹 ok""#, "👩‍👩‍👧 🇵🇹 ok"),
            ("escaped emoji", r#""\ud83d\ude00""#, "😀"),
            ("right to left", r#""שלום، مرحبا \u202eabc""#, "שלום، مرحبا \u{202e}abc"),
            ("combining", r#""e\u0301 ﬁ Å""#, "e\u{301} ﬁ Å"),
            ("quotes", r#""it's \"x\" \\ ; -- {t} ? $1 %""#, r#"it's "x" \ ; -- {t} ? $1 %"#),
            ("control", r#""a\tb\r\nc\u0001\u007f""#, "a\tb\r\nc\u{1}\u{7f}"),
            ("blank", r#""  ""#, "  "),
            ("empty", r#""""#, ""),
            ("nul", r#""a\u0000b""#, "a\u{fffd}b"),
            ("lone surrogate", r#""a\ud800b\udc00""#, "a\u{fffd}b\u{fffd}"),
            ("noncharacter", r#""\uffff\ufdd0""#, "\u{ffff}\u{fdd0}"),
        ];
        let modified = iso(noon());
        let records: Vec<_> = texts
            .iter()
            .map(|(id, json, _)| {
                format!(r#"{{"id":"{id}","subject":{json},"cf":{{"cf_x":{json}}},"modifiedTime":"{modified}"}}"#)
            })
            .collect();
        let landed = run.land(run.page_of_texts(&records)).await;
        assert_eq!((landed.counts.inserted, landed.counts.rejected), (records.len() as u64, 0));
        assert_eq!(landed.counts.mended, 2);
        let rows = database.rows(tickets()).await;
        for ((id, _, expected), received) in texts.iter().zip(&records) {
            let row = &rows[*id];
            assert_eq!(row["subject"].as_deref(), Some(*expected), "{id}");
            let custom = row["custom_fields"].as_deref().expect("an object");
            let custom: Value = serde_json::from_str(custom).expect("JSON");
            assert_eq!(custom["cf_x"], *expected, "{id}");
            assert_eq!(row["_raw"].as_deref(), Some(received.as_str()), "{id}");
        }
        run.close().await;
    }
}
