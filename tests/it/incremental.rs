//! Later syncs: they find what changed, cost what changed, and write nothing else. What happens when one is cut off is
//! told in `resume`.

use std::collections::{BTreeMap, BTreeSet};
use std::time;

use chrono::{DateTime, Duration, Utc};
use desk_sandbox::{Bounds, Settings};
use deskhouse::resource::Kind;
use serde_json::{Value, json};

use crate::support::{Database, Engine, House, Portal, compare, house, noon, on_every_engine};

/// What later syncs read again before the last one's start, by default.
const OVERLAP: Duration = Duration::minutes(15);

/// Rows of the largest page of tickets.
const PAGE: usize = 100;

/// A house that has synced a portal with these tickets once; the portal's log of requests is empty.
async fn synced(engine: Engine, settings: Settings) -> (Portal, House) {
    let portal = Portal::start(settings).await;
    let house = House::new(&portal, engine).await;
    house.sync().await;
    portal.sandbox.clear_requests();
    (portal, house)
}

fn with_tickets(tickets: usize) -> Settings {
    Settings { tickets, ..Settings::default() }
}

/// A number of the summary about one resource.
#[track_caller]
fn count(summary: &Value, resource: &str, what: &str) -> usize {
    let value = house::of(summary, resource)[what].as_u64();
    value.unwrap_or_else(|| panic!("no {what} of {resource} in {summary}")) as usize
}

/// When each row was written and by which run.
async fn stamps(database: &Database, table: &str) -> BTreeMap<String, (String, String)> {
    let synced_at = database.canonical("_synced_at", Kind::Timestamp);
    let rows = database.query(&format!("select id, {synced_at}, cast(_run_id as text) from {{t}}{table}")).await;
    let value = |cell: &Option<String>| cell.clone().expect("a value");
    rows.iter().map(|row| (value(&row[0]), (value(&row[1]), value(&row[2])))).collect()
}

/// How many records of the portal last changed at such times.
fn changed(portal: &Portal, resource: &str, when: impl Fn(DateTime<Utc>) -> bool) -> usize {
    let time = |record: &Value| record["modifiedTime"].as_str().expect("a time").parse().expect("a time");
    portal.sandbox.records(resource).iter().filter(|record| when(time(record))).count()
}

async fn bookmark(database: &Database, resource: &str) -> DateTime<Utc> {
    let from = format!("deskhouse_bookmarks where resource = '{resource}'");
    database.instant("complete_until", &from).await.expect("a bookmark")
}

on_every_engine! {
    async fn what_changed_is_found_for_a_request_a_resource(engine: Engine) {
        let (portal, mut house) = synced(engine, with_tickets(2_000)).await;
        // What a night costs without the part that it compares.
        house.set("DESKHOUSE_SYNC__VERIFY_BUDGET", "0");
        let sandbox = &portal.sandbox;
        sandbox.advance(Duration::hours(20));
        let edited = [
            ("tickets", 40),
            ("contacts", 7),
            ("tasks", 3),
            ("articles", 2),
            ("accounts", 2),
            ("calls", 6),
            ("events", 1),
            ("products", 1),
        ];
        for (resource, number) in edited {
            assert_eq!(sandbox.edit(resource, number).len(), number);
        }
        sandbox.advance(Duration::hours(1));
        let created = [
            ("tickets", 30),
            ("contacts", 5),
            ("tasks", 4),
            ("articles", 1),
            ("accounts", 1),
            ("calls", 8),
            ("events", 2),
            ("products", 1),
        ];
        for (resource, number) in created {
            sandbox.create(resource, number);
        }

        let summary = house.sync().await;

        for ((resource, edited), (_, created)) in edited.into_iter().zip(created) {
            assert_eq!(count(&summary, resource, "rows_updated"), edited, "{summary}");
            assert_eq!(count(&summary, resource, "rows_inserted"), created, "{summary}");
            // A search counts what is to come, so one page is known to be all, and once more at the end. Articles come
            // without a count: the page after the last change has to be asked for, and what lies behind its row.
            let pages = if resource == "articles" { 3 } else { 2 };
            assert_eq!(count(&summary, resource, "requests"), pages, "{summary}");
        }
        // One more finds the portal and its time, and others look into the recycle bin, twice where it is empty. Before it the token of the day before is refused, at no cost.
        let paid = portal.api_requests().into_iter().filter(|request| request.credits > 0);
        assert_eq!(paid.count(), 7 * 2 + 3 + 1 + 2, "{:?}", portal.api_requests());
        compare::assert_same(&portal, &house.database).await;
    }

    async fn a_row_that_did_not_change_is_not_written_again(engine: Engine) {
        let (portal, house) = synced(engine, with_tickets(1_000)).await;
        portal.sandbox.advance(Duration::minutes(1));
        let edited: BTreeSet<_> = portal.sandbox.edit("tickets", 20).into_iter().collect();
        let before = stamps(&house.database, "tickets").await;
        let second = house.sync().await;
        let after = stamps(&house.database, "tickets").await;
        let written = after.iter().filter(|(id, stamp)| before.get(*id) != Some(*stamp)).map(|(id, _)| id.clone());
        assert_eq!(written.collect::<BTreeSet<_>>(), edited);
        let run = second["run"].to_string();
        assert!(edited.iter().all(|id| after[id].1 == run), "{second}");

        // The overlap reads them once more and finds them as they are.
        portal.sandbox.advance(Duration::minutes(1));
        let third = house.sync().await;
        assert!(count(&third, "tickets", "rows_unchanged") >= edited.len(), "{third}");
        assert_eq!(count(&third, "tickets", "rows_updated"), 0, "{third}");
        assert_eq!(stamps(&house.database, "tickets").await, after);
    }

    async fn more_changes_in_one_second_than_a_page_holds_are_all_found(engine: Engine) {
        let (portal, house) = synced(engine, Settings { from_cap: 999, ..with_tickets(4_000) }).await;
        portal.sandbox.advance(Duration::hours(1));
        let edited = portal.sandbox.mass_edit("tickets", 350).len();

        let summary = house.sync().await;

        assert_eq!(count(&summary, "tickets", "rows_updated"), edited, "{summary}");
        // Each page inside the second repeats its anchor. One page finds the second, and one finds it ended.
        let pages = edited.div_ceil(PAGE - 1) + 2;
        assert!(count(&summary, "tickets", "requests") <= pages, "{summary}");
        compare::assert_same(&portal, &house.database).await;
    }

    async fn more_changes_in_one_second_than_the_cap_reaches_are_all_found(engine: Engine) {
        let settings = Settings { from_cap: 999, ..with_tickets(4_000) };
        let (portal, house) = synced(engine, settings.clone()).await;
        portal.sandbox.advance(Duration::hours(1));
        let edited = portal.sandbox.mass_edit("tickets", 1_300).len();
        assert!(edited > settings.from_cap as usize + 1);

        let summary = house.sync().await;

        assert_eq!(count(&summary, "tickets", "rows_updated"), edited, "{summary}");
        // By offset up to the cap, then all once more by created time; a refusal teaches the cap, and a page or two
        // find each end.
        let (by_offset, by_created) = (settings.from_cap as usize / (PAGE - 1), edited.div_ceil(PAGE - 1));
        assert!(count(&summary, "tickets", "requests") <= by_offset + by_created + 6, "{summary}");
        compare::assert_same(&portal, &house.database).await;
    }

    async fn a_change_that_the_index_shows_late_is_found_by_a_later_sync(engine: Engine) {
        let (portal, house) = synced(engine, with_tickets(500)).await;
        for lag in [Duration::seconds(5), Duration::minutes(10)] {
            portal.sandbox.advance(Duration::hours(1));
            portal.sandbox.configure(|settings| settings.index_lag = lag);
            portal.sandbox.edit("tickets", 10);
            portal.sandbox.create("contacts", 3);
            portal.sandbox.advance(lag - Duration::seconds(1));
            let summary = house.sync().await;
            assert_eq!(count(&summary, "tickets", "rows_updated"), 0, "{summary}");
            assert_eq!(count(&summary, "contacts", "rows_inserted"), 0, "{summary}");

            portal.sandbox.advance(Duration::seconds(1));
            let summary = house.sync().await;
            assert_eq!(count(&summary, "tickets", "rows_updated"), 10, "{summary}");
            assert_eq!(count(&summary, "contacts", "rows_inserted"), 3, "{summary}");
            compare::assert_same(&portal, &house.database).await;
        }
    }

    /// Reading begins at the newest row that is held, which is before the overlap where nothing has changed since.
    async fn a_change_that_shows_later_than_the_overlap_is_found_behind_the_newest_row(engine: Engine) {
        let (portal, mut house) = synced(engine, with_tickets(500)).await;
        house.set("DESKHOUSE_SYNC__OVERLAP", "5m");
        portal.sandbox.advance(Duration::hours(1));
        portal.sandbox.configure(|settings| settings.index_lag = Duration::minutes(10));
        portal.sandbox.edit("tickets", 10);
        for (minutes, found) in [(9, 0), (3, 10)] {
            portal.sandbox.advance(Duration::minutes(minutes));
            let summary = house.sync().await;
            assert_eq!(count(&summary, "tickets", "rows_updated"), found, "{summary}");
        }
    }

    async fn an_older_version_does_not_overwrite_a_newer_one(engine: Engine) {
        let (portal, house) = synced(engine, with_tickets(500)).await;
        portal.sandbox.advance(Duration::hours(1));
        let mut ticket = portal.sandbox.records("tickets").swap_remove(0);
        let mut show = |subject: &str, minutes: i64| {
            let time = noon() + Duration::minutes(minutes);
            ticket["subject"] = json!(subject);
            ticket["modifiedTime"] = json!(time.format("%Y-%m-%dT%H:%M:%S.000Z").to_string());
            portal.sandbox.put("tickets", ticket.clone());
        };
        show("newer", 58);
        let summary = house.sync().await;
        assert_eq!(count(&summary, "tickets", "rows_updated"), 1, "{summary}");
        let written = stamps(&house.database, "tickets").await;

        // As when another copy of the index answers, which has not heard of the change.
        show("older", 55);
        portal.sandbox.advance(Duration::minutes(1));
        let summary = house.sync().await;
        assert!(count(&summary, "tickets", "rows_unchanged") >= 1, "{summary}");
        assert_eq!(count(&summary, "tickets", "rows_updated"), 0, "{summary}");
        assert_eq!(stamps(&house.database, "tickets").await, written);

        show("newest", 59);
        house.sync().await;
        compare::assert_same(&portal, &house.database).await;
    }

    async fn an_older_version_in_the_index_gives_way_once_the_newer_shows(engine: Engine) {
        let lag = Duration::minutes(10);
        let (portal, house) = synced(engine, Settings { index_lag: lag, ..with_tickets(500) }).await;
        portal.sandbox.advance(Duration::hours(1));
        // Every ticket twice, so that what is read first is surely not what counts in the end.
        let all = portal.sandbox.records("tickets").len();
        portal.sandbox.mass_edit("tickets", all);
        portal.sandbox.advance(lag - Duration::minutes(1));
        portal.sandbox.mass_edit("tickets", all);
        portal.sandbox.advance(Duration::minutes(1));
        let summary = house.sync().await;
        assert_eq!(count(&summary, "tickets", "rows_updated"), all, "{summary}");
        portal.sandbox.advance(lag);
        let summary = house.sync().await;
        assert_eq!(count(&summary, "tickets", "rows_updated"), all, "{summary}");
        compare::assert_same(&portal, &house.database).await;
    }

    async fn a_start_date_that_is_moved_back_reads_the_missing_history_only(engine: Engine) {
        let portal = Portal::with_tickets(2_000).await;
        let mut house = House::new(&portal, engine).await;
        let start = noon() - Duration::days(365);
        house.set("DESKHOUSE_SYNC__START_DATE", start.to_rfc3339());
        house.sync().await;
        let mut older = 0;
        for resource in compare::ALL {
            let (missing, surplus) = compare::assert_fields(&portal, &house.database, resource).await;
            assert_eq!(surplus, Vec::<String>::new(), "{resource}");
            assert_eq!(missing.len(), changed(&portal, resource, |time| time < start), "{resource}");
            older += missing.len();
        }
        assert!(older > 1_000, "only {older} records are older than the start date");

        portal.sandbox.advance(Duration::minutes(1));
        house.unset("DESKHOUSE_SYNC__START_DATE");
        let summary = house.sync().await;
        let sum = |what: &str| compare::ALL.iter().map(|resource| count(&summary, resource, what)).sum::<usize>();
        assert_eq!(sum("rows_inserted"), older, "{summary}");
        compare::assert_same(&portal, &house.database).await;
        // Nothing newer than the old start was read again but the overlap, which is the newest window.
        let windows = "select records_read from {t}deskhouse_windows where resource = 'tickets'";
        let overlap = changed(&portal, "tickets", |time| time >= noon() - OVERLAP);
        let newest = house.database.number(&format!("{windows} order by to_time desc limit 1")).await;
        // And the rows at which it begins, so that no answer can be empty and true.
        assert!((overlap as i64..=overlap as i64 + 20).contains(&newest), "{newest} and {overlap}");
    }

    async fn a_resource_that_is_named_is_read_alone(engine: Engine) {
        let (portal, house) = synced(engine, with_tickets(500)).await;
        let contacts = bookmark(&house.database, "contacts").await;
        let tickets = bookmark(&house.database, "tickets").await;
        portal.sandbox.advance(Duration::hours(2));
        for resource in compare::ALL {
            portal.sandbox.edit(resource, 5);
        }

        let summary = house.run(&["sync", "tickets", "--json"]).await.exits(0).json();

        assert_eq!(summary["resources"].as_array().map(Vec::len), Some(1), "{summary}");
        assert_eq!(count(&summary, "tickets", "rows_updated"), 5, "{summary}");
        for path in ["/contacts/search", "/tasks/search", "/articles"] {
            assert_eq!(portal.requests_for(path), 0, "{path}");
        }
        assert_eq!(bookmark(&house.database, "contacts").await, contacts);
        assert!(bookmark(&house.database, "tickets").await > tickets);
        // The others have missed nothing by it.
        let summary = house.sync().await;
        assert_eq!(count(&summary, "contacts", "rows_updated"), 5, "{summary}");
        compare::assert_same(&portal, &house.database).await;
    }

    async fn a_world_that_changes_all_the_time_is_whole_once_it_rests(engine: Engine) {
        let lag = Duration::seconds(5);
        // Both readings of bounds for the price of one.
        let bounds = if engine == Engine::Sqlite { Bounds::Inclusive } else { Bounds::Exclusive };
        let settings = Settings { change_every: Some(3), index_lag: lag, from_cap: 999, bounds, ..with_tickets(6_000) };
        let (portal, house) = synced(engine, settings).await;
        assert!(portal.sandbox.now() > noon(), "nothing has changed");
        house.sync().await;
        portal.sandbox.configure(|settings| settings.change_every = None);
        portal.sandbox.advance(lag + OVERLAP);

        let summary = house.sync().await;

        for resource in compare::ALL {
            assert_eq!(house::of(&summary, resource)["open_windows"], 0, "{summary}");
            // What the portal deleted is still there; that is all that may differ.
            let (missing, surplus) = compare::assert_fields(&portal, &house.database, resource).await;
            assert_eq!(missing, Vec::<String>::new(), "{resource}");
            let rows = house.database.number(&format!("select count(*) from {{t}}{resource}")).await as usize;
            assert_eq!(rows, portal.sandbox.records(resource).len() + surplus.len(), "{resource}");
        }
    }

    async fn rows_follow_the_setting_of_raw_as_they_are_read_again(engine: Engine) {
        let (portal, mut house) = synced(engine, with_tickets(500)).await;
        portal.sandbox.advance(Duration::hours(1));
        let edited = portal.sandbox.edit("tickets", 12).len();
        house.sync().await;
        compare::assert_same(&portal, &house.database).await;
        let without_raw = "select count(*) from {t}tickets where _raw is null";
        for raw in ["false", "true"] {
            house.set("DESKHOUSE_WAREHOUSE__RAW", raw);
            portal.sandbox.advance(Duration::minutes(1));
            let summary = house.sync().await;
            let updated = count(&summary, "tickets", "rows_updated");
            assert!((edited..=edited + 20).contains(&updated), "{summary}");
            let expected = if raw == "false" { updated } else { 0 };
            assert_eq!(house.database.number(without_raw).await, expected as i64, "raw = {raw}");
        }
        compare::assert_same(&portal, &house.database).await;
    }

    /// The portal's year is not the machine's, so a bookmark by the wrong clock would be far off.
    async fn the_bookmark_is_the_start_of_the_run_less_the_overlap_by_the_portals_clock(engine: Engine) {
        let portal = Portal::with_tickets(300).await;
        let house = House::new(&portal, engine).await;
        for run in 1..=2 {
            let by_the_portal = portal.sandbox.now();
            let summary = house.sync().await;
            let started_at: DateTime<Utc> = summary["started_at"].as_str().expect("a time").parse().expect("a time");
            // The `Date` of an answer is in whole seconds, and time goes on for us while the portal's stands still.
            let off = (started_at - by_the_portal).abs().to_std().expect("a length");
            assert!(off < time::Duration::from_secs(30), "{started_at} is not {by_the_portal}");
            for resource in compare::ALL {
                let expected = DateTime::from_timestamp_millis((started_at - OVERLAP).timestamp_millis());
                let freshness = format!("deskhouse_freshness where resource = '{resource}'");
                assert_eq!(Some(bookmark(&house.database, resource).await), expected, "{resource} after run {run}");
                assert_eq!(house.database.instant("complete_until", &freshness).await, expected, "{resource}");
                let shown = house::of(&summary, resource)["complete_until"].as_str().expect("a time").parse().ok();
                assert_eq!(shown, expected, "{resource}");
            }
            portal.sandbox.advance(Duration::days(3));
        }
    }
}
