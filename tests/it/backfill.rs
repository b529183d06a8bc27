//! An explicit range of history: read beside the nightly job, stopped and taken up again, and without a word to the
//! bookmark.

use std::time::Duration;

use chrono::{DateTime, Utc};
use desk_sandbox::Settings;
use deskhouse::resource::Kind;
use serde_json::Value;

use crate::support::{Engine, House, Portal, compare, house, noon, on_every_engine};

const YEARS: [&str; 4] = ["--from", "2000-01-01", "--to", "2026-06-15"];

/// What the ledger says of how complete everything is.
/// All bookmarks but the bin's, which is looked into again for what a backfill brings.
async fn bookmarks(house: &House) -> Vec<Vec<Option<String>>> {
    let [since, until, complete] =
        ["read_since", "read_until", "complete_until"].map(|name| house.database.canonical(name, Kind::Timestamp));
    house
        .database
        .query(&format!(
            "select resource, {since}, {until}, {complete} from {{t}}deskhouse_bookmarks
            where resource <> 'recycle_bin' order by resource"
        ))
        .await
}

/// Tickets whose time at `path` lies in a range.
fn tickets_in(portal: &Portal, path: &str, from: &str, to: &str) -> usize {
    let time = |text: &str| text.parse::<DateTime<Utc>>().expect("a time");
    let holds = |record: &Value| {
        let at = record[path].as_str().map(time).expect("a time");
        time(from) <= at && at <= time(to)
    };
    portal.sandbox.records("tickets").iter().filter(|record| holds(record)).count()
}

async fn backfill(house: &House, more: &[&str]) -> Value {
    house.run(&[&["backfill", "--json"], more].concat()).await.exits(0).json()
}

on_every_engine! {
    async fn a_range_is_read_by_either_time_and_moves_no_bookmark(engine: Engine) {
        for (by, path) in [("modified", "modifiedTime"), ("created", "createdTime")] {
            let portal = Portal::with_tickets(900).await;
            let mut house = House::new(&portal, engine).await;
            house.set("DESKHOUSE_SYNC__START_DATE", "2026-06-01");
            house.sync().await;
            let held = bookmarks(&house).await;
            let range = ["--from", "2026-01-10", "--to", "2026-03-20"];
            let summary = backfill(&house, &[&range[..], &["--by", by, "tickets"]].concat()).await;
            let there = tickets_in(&portal, path, "2026-01-10T00:00:00Z", "2026-03-20T23:59:59.999Z");
            assert!(there > 20, "{there} tickets are too few to tell anything");
            assert_eq!(house::of(&summary, "tickets")["records_read"].as_u64(), Some(there as u64), "by {by}");
            assert_eq!(bookmarks(&house).await, held);

            // The same range once more: nothing is left.
            portal.sandbox.clear_requests();
            let again = backfill(&house, &[&range[..], &["--by", by, "tickets"]].concat()).await;
            assert_eq!(house::of(&again, "tickets")["records_read"], 0);
            assert_eq!(portal.requests_for("/tickets/search"), 0);
            // A wider one reads what is not covered yet.
            let wider = ["--from", "2026-01-01", "--to", "2026-03-20", "--by", by, "tickets"];
            let more = backfill(&house, &wider).await;
            let added = tickets_in(&portal, path, "2026-01-01T00:00:00Z", "2026-01-09T23:59:59.999Z");
            assert_eq!(house::of(&more, "tickets")["records_read"].as_u64(), Some(added as u64), "by {by}");
        }
    }

    async fn a_backfill_and_a_sync_run_beside_each_other(engine: Engine) {
        let settings = Settings { tickets: 6_000, latency: Duration::from_millis(20), ..Settings::default() };
        let portal = Portal::start(settings).await;
        let mut house = House::new(&portal, engine).await;
        house.set("DESKHOUSE_SYNC__START_DATE", "2026-01-01");
        house.set("DESKHOUSE_LIMITS__CONCURRENCY", "4");
        // Both read the same tickets at the same time.
        let history = house.start(&[&["backfill", "--json"], &YEARS[..]].concat());
        let nightly = house.start(&["sync", "--json"]);
        let (history, nightly) = tokio::join!(house.ended(history), house.ended(nightly));
        let (history, nightly) = (history.exits(0).json(), nightly.exits(0).json());
        assert_ne!(history["run"], nightly["run"]);
        let peak = portal.sandbox.peak_in_flight();
        assert!((2..=4).contains(&peak), "{peak} requests in flight");
        compare::assert_same(&portal, &house.database).await;
        let states = house.database.column("select state from {t}deskhouse_runs").await;
        assert_eq!(states, ["complete", "complete"]);
        let open = "select count(*) from {t}deskhouse_windows where not done";
        assert_eq!(house.database.number(open).await, 0);
        let complete = house.database.instant("complete_until", "deskhouse_bookmarks where resource = 'tickets'").await;
        assert_eq!(complete, Some(noon() - chrono::TimeDelta::minutes(15)));
        // Each landed row is counted by the one that landed it.
        let inserted: u64 = [&history, &nightly]
            .iter()
            .map(|summary| house::of(summary, "tickets")["rows_inserted"].as_u64().expect("a number"))
            .sum();
        assert_eq!(inserted, 6_000);
    }

    async fn a_killed_backfill_goes_on_where_it_was_and_a_sync_does_not_call_it_cut_off(engine: Engine) {
        let settings = Settings { tickets: 8_000, latency: Duration::from_millis(100), ..Settings::default() };
        let portal = Portal::start(settings).await;
        let mut house = House::new(&portal, engine).await;
        house.set("DESKHOUSE_LIMITS__CONCURRENCY", "1");
        house.set("DESKHOUSE_SYNC__START_DATE", "2026-06-14");
        let mut killed = house.start(&[&["backfill"], &YEARS[..], &["tickets"]].concat());
        while portal.requests_for("/tickets/search") < 10 {
            tokio::task::yield_now().await;
        }
        // While it runs, nobody else may backfill tickets, and a sync leaves it alone.
        let refused = house.run(&[&["backfill"], &YEARS[..], &["tickets"]].concat()).await.exits(6);
        assert!(refused.stderr.contains("another run holds the warehouse"), "{}", refused.stderr);
        house.sync().await;
        let states = "select state from {t}deskhouse_runs where command = 'backfill'";
        assert_eq!(house.database.column(states).await, ["running"]);
        killed.kill().await.expect("it is running");
        house.sync().await;
        assert_eq!(house.database.column(states).await, ["running"], "only another backfill can tell");

        let asked = portal.requests_for("/tickets/search");
        backfill(&house, &[&YEARS[..], &["tickets"]].concat()).await;
        let states = format!("{states} order by id");
        assert_eq!(house.database.column(&states).await, ["interrupted", "complete"]);
        let tickets = house.database.number("select count(*) from {t}tickets").await;
        assert_eq!(tickets, 8_000);
        // What the killed one held was left to the others when it did not come back.
        assert_eq!(house.database.number("select count(*) from {t}deskhouse_shares").await, 0);
        // All in all a little more than one reading: each stop repeats what was in flight, each window ends with a page
        // that is not full.
        let windows = house.database.number("select count(*) from {t}deskhouse_windows").await;
        let bound = 8_000 / 100 + 8 + windows;
        assert!((portal.requests_for("/tickets/search") as i64) < bound.max(asked as i64), "more than {bound} requests");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_that_cannot_be_read_is_refused_before_any_request() {
    let portal = Portal::with_tickets(10).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    let by_created = ["--from", "2026-01-01", "--to", "2026-02-01", "--by", "created"];
    let refused = house.run(&[&["backfill"], &by_created[..], &["articles"]].concat()).await.exits(2);
    assert!(refused.stderr.contains("does not search articles by time of creation"), "{}", refused.stderr);
    house.run(&["backfill", "--from", "2026-02-01", "--to", "2026-01-01"]).await.exits(2);
    house.run(&["backfill", "--from", "soon", "--to", "2026-01-01"]).await.exits(2);
    assert!(portal.api_requests().is_empty());
    // Where nothing is named, what cannot be read so is left out.
    let summary = backfill(&house, &by_created).await;
    assert!(summary["resources"].as_array().is_some_and(|resources| resources.len() == compare::ALL.len() - 1));
}
