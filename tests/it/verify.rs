//! Comparing the warehouse with the portal: what it finds, what it costs, what it does not believe.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use desk_sandbox::{Bounds, Farewell, Leaving, Merged, Settings};
use serde_json::Value;

use crate::support::{Engine, House, Portal, compare, house, on_every_engine};

/// A portal and a house that has just read all of it, an hour ago.
async fn synced(engine: Engine, settings: Settings) -> (Portal, House) {
    let portal = Portal::start(settings).await;
    let mut house = House::new(&portal, engine).await;
    // What a run counts and compares by itself, these stories leave to the command.
    house.set("DESKHOUSE_SYNC__VERIFY_BUDGET", "0");
    house.sync().await;
    portal.sandbox.advance(Duration::hours(1));
    portal.sandbox.clear_requests();
    (portal, house)
}

fn small() -> Settings {
    Settings { tickets: 1_500, ..Settings::default() }
}

async fn verify(house: &House, arguments: &[&str], code: i32) -> Value {
    house.run(&[&["verify", "--json"], arguments].concat()).await.exits(code).json()
}

/// Why rows of a table are deleted, by id.
async fn deleted(house: &House, table: &str) -> BTreeMap<String, String> {
    let sql = format!("select id, _deleted_reason from {{t}}{table} where _deleted_at is not null");
    let rows = house.database.query(&sql).await;
    rows.into_iter().map(|mut row| (row.remove(0).expect("an id"), row.remove(0).expect("a reason"))).collect()
}

/// Ids of all archived tickets.
fn archived(portal: &Portal) -> BTreeSet<String> {
    let records = portal.sandbox.records("tickets").into_iter().filter(|row| row["isArchived"] == true);
    records.map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}

fn reasons(gone: &[(&[String], &str)]) -> BTreeMap<String, String> {
    gone.iter().flat_map(|(ids, reason)| ids.iter().map(|id| (id.clone(), (*reason).to_owned()))).collect()
}

on_every_engine! {
    /// What left without a trace is found, asked for by its id and marked with its reason.
    async fn what_left_without_a_trace_is_found(engine: Engine) {
        let (portal, house) = synced(engine, small()).await;
        let (purged, spam, merged) = (
            portal.sandbox.delete("tickets", 3),
            portal.sandbox.delete_spam("tickets", 2),
            portal.sandbox.merge("tickets", 2),
        );
        let tasks = portal.sandbox.delete("tasks", 1);
        let articles = portal.sandbox.delete("articles", 1);
        house.sync().await;
        assert!(deleted(&house, "tickets").await.is_empty(), "no page shows what is gone");
        let found = verify(&house, &[], 0).await;
        assert_eq!(deleted(&house, "tickets").await, reasons(&[(&purged, "gone"), (&spam, "spam"), (&merged, "merged")]));
        assert_eq!(deleted(&house, "tasks").await, reasons(&[(&tasks, "gone")]));
        assert_eq!(deleted(&house, "articles").await, reasons(&[(&articles, "gone")]));
        assert_eq!(house::of(&found, "tickets")["rows_deleted"], 7);
        for one in portal.sandbox.departed("tickets") {
            let Leaving::Merged { into } = one.leaving else { continue };
            let sql = format!("select _merged_into from {{t}}tickets where id = '{}'", one.id);
            assert_eq!(house.database.column(&sql).await, [into]);
        }
        // Once more there is nothing to find.
        let again = verify(&house, &[], 0).await;
        for resource in compare::ALL {
            assert_eq!(house::of(&again, resource)["ranges_differing"], 0, "{again}");
        }
    }

    /// Where the portal tells nothing of what is gone, nothing is made up.
    async fn what_nobody_tells_of_is_gone(engine: Engine) {
        let (portal, house) = synced(engine, Settings { farewell: Farewell::NotFound, merged: Merged::NotFound, ..small() }).await;
        let (spam, merged) = (portal.sandbox.delete_spam("tickets", 1), portal.sandbox.merge("tickets", 1));
        verify(&house, &["tickets"], 0).await;
        assert_eq!(deleted(&house, "tickets").await, reasons(&[(&spam, "gone"), (&merged, "gone")]));
    }

    /// What is missing in the warehouse, or came back with an old time, is landed.
    async fn what_is_missing_is_landed(engine: Engine) {
        let (portal, house) = synced(engine, small()).await;
        house.database.execute("delete from {t}tickets where id in (select id from {t}tickets order by id limit 5)").await;
        portal.sandbox.trash("tickets", 4);
        portal.sandbox.advance(Duration::minutes(20));
        // The count at its end tells of the five.
        let ran = house.run(&["sync"]).await.exits(4);
        assert!(ran.stderr.contains("nothing explains why 5 are not"), "{}", ran.stderr);
        portal.sandbox.advance(Duration::minutes(5));
        let restored = portal.sandbox.restore("tickets", 4);
        assert_eq!(restored.len(), 4);
        let found = verify(&house, &["tickets"], 0).await;
        assert_eq!(house::of(&found, "tickets")["rows_inserted"], 5);
        assert!(deleted(&house, "tickets").await.is_empty());
        compare::assert_same(&portal, &house.database).await;
    }

    /// One that is missing and another one that is too many in one range hide each other, but not from a deep look.
    async fn a_swap_hides_from_numbers_and_not_from_a_deep_look(engine: Engine) {
        let (portal, house) = synced(engine, small()).await;
        // One second, so that no cut can come between them.
        house.database.execute("update {t}tickets set id = 'ghost' where id = (select min(id) from {t}tickets)").await;
        let found = verify(&house, &["tickets"], 0).await;
        assert_eq!(house::of(&found, "tickets")["ranges_differing"], 0);
        verify(&house, &["tickets", "--deep"], 0).await;
        assert_eq!(deleted(&house, "tickets").await.into_keys().collect::<Vec<_>>(), ["ghost"]);
        let live = "select count(*) from {t}tickets where _deleted_at is null";
        assert_eq!(house.database.number(live).await, 1_500);
        portal.sandbox.clear_requests();
    }

    /// A deep look says what it takes before it takes it, and reads as many pages at a time as a sync may.
    async fn a_deep_look_says_its_price_and_reads_side_by_side(engine: Engine) {
        let latency = std::time::Duration::from_millis(30);
        let settings = Settings { tickets: 3_000, latency, ..small() };
        let (portal, mut house) = synced(engine, settings).await;
        house.unset("DESKHOUSE_LIMITS__REQUESTS_PER_SECOND");
        portal.sandbox.clear_requests();
        let ran = house.run(&["verify", "tickets", "--deep"]).await.exits(0);
        let asked = portal.api_requests();
        let credits: u64 = asked.iter().map(|asked| asked.credits).sum();
        let said = ran.stderr.split("takes about ").nth(1).unwrap_or_else(|| panic!("no price in {}", ran.stderr));
        let numbers: Vec<u64> = said.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
        let near = |said: u64, took: u64| said.abs_diff(took) * 4 <= took;
        assert!(near(numbers[0], asked.len() as u64) && near(numbers[1], credits), "{said}: {} {credits}", asked.len());
        let at_once = asked.iter().map(|asked| asked.in_flight).max().expect("requests");
        assert!(at_once > 4, "{at_once} at a time");
    }

    /// A dry run tells what differs and what mending takes, and changes nothing.
    async fn a_dry_run_changes_nothing(engine: Engine) {
        let (portal, house) = synced(engine, small()).await;
        portal.sandbox.delete("tickets", 3);
        let found = verify(&house, &["tickets", "--dry-run"], 0).await;
        let found = house::of(&found, "tickets");
        assert_eq!((&found["rows_too_many"], &found["rows_missing"]), (&3.into(), &0.into()));
        let estimate = found["requests_to_mend"].as_u64().expect("a number");
        assert!(deleted(&house, "tickets").await.is_empty());
        let text = house.run(&["verify", "tickets", "--dry-run"]).await.exits(0).stdout;
        assert!(text.contains("tickets: 3 rows are too many and 0 are missing"), "{text}");
        portal.sandbox.clear_requests();
        verify(&house, &["tickets"], 0).await;
        assert_eq!(deleted(&house, "tickets").await.len(), 3);
        let asked = portal.api_requests().len() as u64;
        assert!(asked <= estimate + 10, "{asked} requests are more than {estimate} and those for the numbers");
    }

    /// A portal that suddenly shows nothing, or much less, is not believed.
    async fn too_much_is_not_believed(engine: Engine) {
        let (portal, house) = synced(engine, Settings { tickets: 300, ..Settings::default() }).await;
        portal.sandbox.delete("tickets", 40);
        portal.sandbox.delete("contacts", 1_000);
        let ran = house.run(&["verify", "--json"]).await.exits(4);
        assert!(ran.stderr.contains("the portal does not show 40 of 300 rows"), "{}", ran.stderr);
        assert!(ran.stderr.contains("--believe"), "{}", ran.stderr);
        for resource in compare::ALL {
            assert!(deleted(&house, resource).await.is_empty(), "{resource}");
        }
        verify(&house, &["--believe"], 0).await;
        assert_eq!(deleted(&house, "tickets").await.len(), 40);
        let live = "select count(*) from {t}contacts where _deleted_at is null";
        assert_eq!(house.database.number(live).await, 0);
    }

    /// Where a record may not be seen, nobody knows whether it is gone.
    async fn a_refusal_is_no_proof(engine: Engine) {
        let (portal, house) = synced(engine, small()).await;
        let gone = portal.sandbox.delete("tickets", 2);
        let refusal = |_| desk_sandbox::Fault::Status {
            status: 403, body: r#"{"errorCode":"FORBIDDEN","message":"No."}"#.into(), content_type: "application/json",
        };
        for id in &gone {
            portal.sandbox.fault(&format!("/api/v1/tickets/{id}"), (0..1).map(refusal));
        }
        let ran = house.run(&["verify", "tickets"]).await.exits(4);
        assert!(ran.stderr.contains("2 records may not be seen"), "{}", ran.stderr);
        assert!(deleted(&house, "tickets").await.is_empty());
        verify(&house, &["tickets"], 0).await;
        assert_eq!(deleted(&house, "tickets").await.len(), 2);
    }

    /// Archived tickets that the search leaves out are not gone.
    async fn what_is_archived_is_not_gone(engine: Engine) {
        let (portal, house) = synced(engine, small()).await;
        portal.sandbox.configure(|settings| settings.archived_in_search = false);
        let archived = portal.sandbox.archive("tickets", 3);
        let purged = portal.sandbox.delete("tickets", 1);
        verify(&house, &["tickets"], 0).await;
        let purged: Vec<_> = purged.into_iter().filter(|id| !archived.contains(id)).collect();
        let gone = deleted(&house, "tickets").await;
        assert!(gone.keys().all(|id| purged.contains(id)), "{gone:?}");
        for id in archived.iter().filter(|id| !gone.contains_key(*id)) {
            let sql = format!("select count(*) from {{t}}tickets where is_archived and id = '{id}'");
            assert_eq!(house.database.number(&sql).await, 1, "{id}");
        }
    }

    /// What is archived while it is held changes no number where the search goes on showing it, and no time.
    async fn what_is_archived_while_it_is_held_is_seen(engine: Engine) {
        for list_base in [0, 1] {
            let (portal, house) = synced(engine, Settings { list_base, ..small() }).await;
            let before = archived(&portal);
            portal.sandbox.archive("tickets", 3);
            let moved = archived(&portal).len() - before.len();
            assert!(moved > 0, "chance put nothing new into the archive");
            let found = verify(&house, &["tickets", "--dry-run"], 0).await;
            assert!(house::of(&found, "tickets")["ranges_differing"].as_u64() > Some(0), "{found}");
            let found = verify(&house, &["tickets"], 0).await;
            assert_eq!(house::of(&found, "tickets")["rows_updated"], moved, "{found}");
            compare::assert_same(&portal, &house.database).await;

            // Where nothing differs, a request for each of five departments, and four to know what to ask.
            portal.sandbox.clear_requests();
            let found = verify(&house, &["tickets"], 0).await;
            assert_eq!(house::of(&found, "tickets")["ranges_differing"], 0);
            assert_eq!(portal.requests_for("/tickets/archivedTickets") + portal.requests_for("/departments"), 9);
        }
    }

    /// What leaves an archive that is not searched is missing from no number.
    async fn what_leaves_a_hidden_archive_is_gone(engine: Engine) {
        let (portal, house) = synced(engine, Settings { archived_in_search: false, ..small() }).await;
        let before = archived(&portal);
        portal.sandbox.delete("tickets", 150);
        let after = archived(&portal);
        let left: BTreeSet<_> = before.difference(&after).cloned().collect();
        assert!(left.len() > 1, "chance took nothing out of the archive");
        verify(&house, &["tickets", "--believe"], 0).await;
        let gone: BTreeSet<_> = deleted(&house, "tickets").await.into_keys().collect();
        assert!(gone.len() == 150 && left.is_subset(&gone), "{left:?} of {gone:?}");
    }

    /// One that came into an archive while another one left it changes no number, and the search shows neither: seed 21890
    /// of the simulation.
    async fn a_swap_in_a_hidden_archive_is_seen_by_who_looks_at_every_record(engine: Engine) {
        let (portal, house) = synced(engine, Settings { archived_in_search: false, ..small() }).await;
        portal.sandbox.archive("tickets", 3);
        verify(&house, &["tickets"], 0).await;
        let (id, ghost) = (archived(&portal).pop_first().expect("an archived ticket"), "600000100000999999");
        house.database.execute(&format!("update {{t}}tickets set id = '{ghost}' where id = '{id}'")).await;
        let found = verify(&house, &["tickets"], 0).await;
        assert_eq!(house::of(&found, "tickets")["ranges_differing"], 0, "{found}");
        verify(&house, &["tickets", "--deep"], 0).await;
        assert_eq!(deleted(&house, "tickets").await, reasons(&[(&[ghost.to_owned()], "gone")]));
        let alive = format!("select count(*) from {{t}}tickets where id = '{id}' and is_archived");
        assert_eq!(house.database.number(&alive).await, 1, "it came back");
    }

    /// What was last changed before the start date was never asked for, and is not missing.
    async fn what_is_older_than_the_start_date_is_not_missing(engine: Engine) {
        let portal = Portal::start(small()).await;
        let mut house = House::new(&portal, engine).await;
        house.set("DESKHOUSE_SYNC__START_DATE", "2025-01-01");
        house.sync().await;
        let held = house.database.number("select count(*) from {t}tickets").await;
        assert!((100..1_400).contains(&held), "{held}");
        portal.sandbox.advance(Duration::hours(1));
        let found = verify(&house, &["--dry-run"], 0).await;
        for resource in compare::ALL {
            let found = house::of(&found, resource);
            assert_eq!((&found["rows_too_many"], &found["rows_missing"]), (&0.into(), &0.into()), "{found}");
            assert_eq!(found["rows_held"], found["records_found"]);
        }
        let gone = portal.sandbox.delete("tickets", 40);
        house.run(&["verify", "tickets", "--believe"]).await.exits(0);
        let marked = deleted(&house, "tickets").await;
        assert!(!marked.is_empty() && marked.keys().all(|id| gone.contains(id)));
        assert_eq!(house.database.number("select count(*) from {t}tickets").await, held, "nothing older was landed");
    }

    /// A run that was not finished has nothing to compare yet.
    async fn what_is_not_read_yet_is_not_compared(engine: Engine) {
        let portal = Portal::with_tickets(50).await;
        let house = House::new(&portal, engine).await;
        let ran = house.run(&["verify", "tickets"]).await.exits(4);
        assert!(ran.stderr.contains("run `deskhouse sync` first"), "{}", ran.stderr);
    }

    /// A nightly run compares a part, and a turn ends by itself.
    async fn a_nightly_run_compares_a_part(engine: Engine) {
        // The portal's nights pass in no time, and tokens are counted by the clock of the machine.
        let settings = Settings { tickets: 3_000, token_lifetime: Duration::days(1_000), ..Settings::default() };
        let (portal, mut house) = synced(engine, settings).await;
        // A credit: one range of one resource a night.
        house.set("DESKHOUSE_SYNC__VERIFY_BUDGET", "1");
        let purged = portal.sandbox.delete("tickets", 2);
        let mut nights = 0;
        while deleted(&house, "tickets").await.len() < 2 {
            nights += 1;
            assert!(nights < 40, "a turn does not end");
            portal.sandbox.advance(Duration::days(1));
            portal.sandbox.clear_requests();
            house.sync().await;
            let counted = portal.api_requests().into_iter().filter(|asked| asked.query.contains("createdTimeRange"));
            assert!(counted.count() <= 20);
        }
        assert_eq!(deleted(&house, "tickets").await, reasons(&[(&purged, "gone")]));
        assert!(nights > 1, "a night is not enough for a turn");
        // What was compared is not compared again the same night, and nothing is where there is no budget.
        house.set("DESKHOUSE_SYNC__VERIFY_BUDGET", "1000");
        house.sync().await;
        for (budget, days) in [("1000", 0), ("0", 1)] {
            house.set("DESKHOUSE_SYNC__VERIFY_BUDGET", budget);
            portal.sandbox.advance(Duration::days(days));
            portal.sandbox.clear_requests();
            house.sync().await;
            let asked = portal.api_requests().into_iter().filter(|asked| asked.query.contains("createdTimeRange"));
            let mut counted: Vec<_> = asked.map(|asked| (asked.path, asked.query)).collect();
            let requests = counted.len();
            counted.sort();
            counted.dedup_by(|one, other| one.0 == other.0);
            // The count at the end of a run, one for each resource, is of all time.
            assert_eq!(counted.len(), requests);
            assert!(counted.iter().all(|(_, query)| query.contains("createdTimeRange=1969-12-31")), "{counted:?}");
        }
    }
}

/// What a comparison may cost, in either reading of the bounds: seven of many that left without a trace are found, and
/// nothing else.
async fn seven_of_many(tickets: usize, bounds: Bounds) {
    let settings = Settings { tickets, same_instant: vec![700], bounds, ..Settings::default() };
    let (portal, house) = synced(Engine::Sqlite, settings).await;
    verify(&house, &["tickets"], 0).await;
    let idle = portal.api_requests().len();
    assert!(idle < 40, "{idle} requests to find nothing");
    let purged = portal.sandbox.delete("tickets", 7);
    portal.sandbox.clear_requests();
    let found = verify(&house, &["tickets"], 0).await;
    let asked = portal.api_requests().len();
    println!("{idle} requests where nothing differs, {asked} for seven of {tickets}");
    assert_eq!(deleted(&house, "tickets").await, reasons(&[(&purged, "gone")]));
    assert_eq!(house::of(&found, "tickets")["rows_updated"], 0);
    assert!(asked < 250, "{asked} requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn seven_of_many_are_found_where_bounds_are_included() {
    seven_of_many(15_000, Bounds::Inclusive).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seven_of_many_are_found_where_bounds_are_not_included() {
    seven_of_many(6_000, Bounds::Exclusive).await;
}
