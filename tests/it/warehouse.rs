//! The contract of a warehouse beside its batches, on every engine through the library: who opens it, for which portal, and
//! what it keeps of runs. Whole syncs are told in the other files.

use chrono::TimeDelta;
use deskhouse::ledger::{Counts, ResourceOutcome, RunEnd, State, Today, Usage};
use deskhouse::resource::Kind;
use deskhouse::warehouse::{Error, Warehouse};
use serde_json::json;

use crate::support::landing::{Run, start, ticket, value};
use crate::support::noon;
use crate::support::warehouse::{on_every_warehouse, open, open_at};

on_every_warehouse! {
    async fn a_run_leaves_its_row_however_it_ends<D>(database) {
        let run = Run::<D>::begin(database).await;
        run.land(run.page(&[ticket("1", "a", 60), ticket("1", "b", 50), json!({"id": "2", "modifiedTime": 0.5})])).await;
        let status = run.warehouse.status().await.expect("a status");
        assert_eq!(status.org_id.as_deref(), Some("600000001"));
        assert_eq!((status.runs[0].run, status.runs[0].state.as_str()), (run.run.0, "running"));
        assert_eq!((status.runs[0].records_read, status.runs[0].rows_changed), (3, 1));
        let held = status.resources.iter().find(|held| held.resource == "tickets").expect("tickets");
        assert_eq!((held.rows, held.rejected_records, held.open_windows), (1, 1, run.windows.len() as u64));
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
        assert_eq!(today(noon() - TimeDelta::hours(12)).await.expect("numbers"), Today { most: Some(5_000), ever: Some(5_000), ..Today::default() });
        let later = Today { ever: Some(5_000), ..Today::default() };
        assert_eq!(today(noon() + TimeDelta::hours(12)).await.expect("numbers"), later);
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
}
