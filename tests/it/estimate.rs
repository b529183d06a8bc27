//! What a run would cost, told before it is spent, and held to what the run then takes; and a run that waits for the
//! credits that it lacks.

use chrono::TimeDelta;
use desk_sandbox::{Fault, Settings};
use deskhouse::config::DataCenter;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::support::{Engine, House, Portal, compare, house, on_every_engine};

async fn estimate(house: &House, more: &[&str]) -> Value {
    house.run(&[&["estimate", "--json"], more].concat()).await.exits(0).json()
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// Holds an estimate to what the run has taken.
#[track_caller]
fn assert_close(told: &Value, took: &Value) {
    for (name, few) in [("requests", 2.0), ("credits", 6.0)] {
        let (told, took) = (number(told, name), number(took, name));
        assert!((told - took).abs() <= (0.05 * took).max(few), "{told} {name} told, {took} taken");
    }
}

/// Holds the whole of an estimate to its parts.
#[track_caller]
fn assert_parts_add_up(told: &Value) {
    let all = |name: &str| told[name].as_array().expect("a list").clone();
    let costs = [all("resources"), all("feeds")].concat();
    for name in ["requests", "credits"] {
        let sum = |costs: &[Value]| costs.iter().map(|cost| number(cost, name)).sum::<f64>();
        assert_eq!(sum(&costs), number(told, name), "{name}");
        for cost in &costs {
            assert_eq!(sum(cost["parts"].as_array().expect("parts")), number(cost, name), "{name} of {cost}");
        }
    }
}

/// Requests of one part of what a resource takes.
fn requests_of(told: &Value, resource: &str, part: &str) -> f64 {
    let costs = ["resources", "feeds"].into_iter().flat_map(|kind| told[kind].as_array().expect("a list"));
    let parts =
        costs.filter(|cost| cost["resource"] == resource).flat_map(|cost| cost["parts"].as_array().expect("parts"));
    parts.filter(|found| found["name"] == part).map(|found| number(found, "requests")).sum()
}

on_every_engine! {
    async fn a_first_sync_takes_what_was_estimated(engine: Engine) {
        let portal = Portal::with_tickets(8_000).await;
        let house = House::new(&portal, engine).await;
        let told = estimate(&house, &[]).await;
        let asked = portal.api_requests().len();
        // The greeting, one for each search, and a few to find the end of the list of articles.
        assert!(asked <= 1 + (compare::ALL.len() - 1) + 10, "{asked} requests for an estimate");
        assert_eq!(number(&told["spent"], "requests") as usize, asked);
        for resource in compare::ALL {
            let (told, there) = (number(house::of(&told, resource), "records"), portal.sandbox.records(resource).len());
            assert!((told - there as f64).abs() <= 0.05 * there as f64, "{resource}: {told} told, {there} there");
        }
        // Nothing was made: the first run finds an empty warehouse.
        let summary = house.sync().await;
        for resource in compare::ALL {
            let (told, took) = (house::of(&told, resource), house::of(&summary, resource));
            let (told, took) = (number(told, "requests"), number(took, "requests"));
            // Each window that is split off in flight ends with a page that is not full: with eight requests at a time, a
            // few for each resource.
            assert!((told - took).abs() <= 0.05 * took + 8.0, "{resource}: {told} requests told, {took} taken");
        }
        let ratio = number(&told, "credits") / number(&summary, "credits");
        assert!((0.85..1.1).contains(&ratio), "{ratio} of the credits were told");

        // Up to date, next to nothing is left to pay: a page and a count of each search, and a look into the bin.
        let told = estimate(&house, &[]).await;
        let took = house.sync().await;
        let (told, took) = (number(&told, "requests"), number(&took, "requests"));
        assert!((told - took).abs() <= 1.0, "{told} requests told, {took} taken");
    }

    /// All resources of a new configuration, an archive that no search shows, and a bin that is not empty.
    async fn each_part_of_a_first_sync_is_told(engine: Engine) {
        let portal = Portal::start(Settings { archived_in_search: false, list_base: 1, ..Settings::default() }).await;
        portal.sandbox.trash("tickets", 120);
        portal.sandbox.advance(TimeDelta::hours(1));
        let mut house = House::new(&portal, engine).await;
        house.unset("DESKHOUSE_SYNC__RESOURCES");
        house.set("DESKHOUSE_SYNC__DETAIL", "articles");
        let told = estimate(&house, &[]).await;
        let summary = house.sync().await;
        assert_close(&told, &summary);
        assert_parts_add_up(&told);
        for (resource, part) in [
            ("contracts", "details"),
            ("holiday_lists", "proof of the end"),
            ("layouts", "proof of the end"),
            ("tickets", "archive"),
            ("tickets", "count at the end"),
            ("articles", "details"),
            ("article_translations", "lists"),
            ("recycle_bin", "proof of the end"),
            ("portal", "greeting"),
        ] {
            assert!(requests_of(&told, resource, part) > 0.0, "{resource}: {part} in {told}");
        }
        // What is no walk of many is told to the request.
        for resource in ["contracts", "layouts", "fields", "agents", "articles", "article_feedback"] {
            let (told, took) = (house::of(&told, resource), house::of(&summary, resource));
            assert_eq!(number(told, "requests"), number(took, "requests"), "{resource}");
            assert_eq!(number(told, "credits"), number(took, "credits"), "{resource}");
        }
    }

    async fn a_small_backfill_takes_what_was_estimated(engine: Engine) {
        let portal = Portal::with_tickets(3_000).await;
        let house = House::new(&portal, engine).await;
        for range in [["--from", "2026-01-01", "--to", "2026-01-10"], ["--from", "2025-03-01", "--to", "2025-05-31"]] {
            for by in ["created", "modified"] {
                let range = [&range[..], &["--by", by, "tickets", "contacts"]].concat();
                let told = estimate(&house, &[&["--backfill"], &range[..]].concat()).await;
                let took = house.run(&[&["backfill", "--json"], &range[..]].concat()).await.exits(0).json();
                assert_close(&told, &took);
            }
        }
    }

    async fn a_backfill_is_estimated_without_what_was_read(engine: Engine) {
        let portal = Portal::with_tickets(3_000).await;
        let house = House::new(&portal, engine).await;
        let range = ["--from", "2026-01-01", "--to", "2026-03-31", "tickets"];
        let told = estimate(&house, &[&["--backfill"], &range[..]].concat()).await;
        let taken = house.run(&[&["backfill", "--json"], &range[..]].concat()).await.exits(0).json();
        let records = number(house::of(&taken, "tickets"), "records_read");
        let told = number(house::of(&told, "tickets"), "records");
        // Pages overlap by a record.
        assert!(told > 100.0 && records >= told && records <= told * 1.03 + 8.0, "{told} told, {records} read");
        let again = estimate(&house, &[&["--backfill"], &range[..]].concat()).await;
        // The greeting is left.
        assert_eq!((number(house::of(&again, "tickets"), "requests"), number(&again, "requests")), (0.0, 1.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_many_walks_left_is_estimated_in_a_handful_of_requests() {
    let portal = Portal::start(Settings { tickets: 12_000, daily_credits: 400, ..Settings::default() }).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    house.run(&["-q", "sync"]).await.exits(5);
    portal.sandbox.configure(|settings| settings.daily_credits = 1_000_000);
    portal.sandbox.clear_requests();
    let told = estimate(&house, &[]).await;
    let asked = portal.api_requests().len();
    // Four for each search at most, however many windows are left, and a few to find the end of the list of articles.
    assert!(asked <= 1 + (compare::ALL.len() - 1) * 4 + 10, "{asked} requests for an estimate");
    let took = house.sync().await;
    let (told, took) = (number(&told, "requests"), number(&took, "requests"));
    // How many windows are split off in flight depends on how fast the machine is.
    assert!((told - took).abs() <= 0.25 * took + 20.0, "{told} requests told, {took} taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_manages_small_pages_only_is_estimated_too() {
    let portal = Portal::start(Settings { tickets: 300, heaviest_page: 30, ..Settings::default() }).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    let told = estimate(&house, &["articles", "contracts", "tickets"]).await;
    let lengths = ["articles", "contracts", "tickets"].map(|resource| house::of(&told, resource)["records"].clone());
    assert_eq!(lengths, [portal.sandbox.records("articles").len(), 40, 300]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_may_not_be_read_is_named_and_the_others_are_counted() {
    let portal = Portal::with_tickets(300).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    portal.sandbox.fault("/api/v1/tasks/search", [Fault::Scope]);
    let told = house.run(&["estimate", "--json"]).await.exits(4).json();
    assert_eq!(house::of(&told, "tickets")["records"], 300);
    let tasks = house::of(&told, "tasks");
    assert!(tasks["records"].is_null() && tasks["error"].as_str().is_some_and(|error| error.contains("not granted")));
}

#[tokio::test(flavor = "multi_thread")]
async fn days_follow_from_what_may_be_spent() {
    let portal = Portal::with_tickets(3_000).await;
    let mut house = House::new(&portal, Engine::Sqlite).await;
    house.set("DESKHOUSE_LIMITS__DAILY_CREDITS", "50");
    let told = estimate(&house, &["tickets"]).await;
    let (credits, days) = (number(&told, "credits"), number(&told, "days"));
    assert!(days >= 2.0 && (days - 1.0) * 50.0 >= credits - 50.0, "{credits} credits in {days} days");
    let text = house.run(&["estimate", "tickets"]).await.exits(0);
    assert!(text.stdout.contains(&format!("it takes {days} credit days")), "{}", text.stdout);
    house.run(&["estimate", "--backfill"]).await.exits(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_waits_for_the_next_credit_day() {
    let portal = Portal::on_real_time(Settings { tickets: 3_000, ..Settings::default() }).await;
    let mut house = House::new(&portal, Engine::Sqlite).await;
    house.set("DESKHOUSE_LIMITS__DAILY_CREDITS", "120");
    // The day ends while the first run is waiting for it.
    let now = portal.sandbox.now();
    portal.sandbox.advance(DataCenter::Us.credit_day_end(now) - now - TimeDelta::seconds(8));
    let waited = house.run(&["sync", "--until-done"]).await.exits(0);
    assert!(waited.stderr.contains("waiting for the credits of the next day"), "{}", waited.stderr);
    let states = house.database.column("select state from {t}deskhouse_runs order by id").await;
    assert_eq!(states, ["out of credits", "complete"]);
    assert_eq!(house.database.number("select count(*) from {t}tickets").await, 3_000);
    compare::assert_same(&portal, &house.database).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_the_wait() {
    let portal = Portal::with_tickets(3_000).await;
    let mut house = House::new(&portal, Engine::Sqlite).await;
    house.set("DESKHOUSE_LIMITS__DAILY_CREDITS", "50");
    let mut child = house.start(&["sync", "--until-done", "--json"]);
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    while let Some(line) = lines.next_line().await.expect("text") {
        if line.contains("waiting for the credits of the next day") {
            break;
        }
    }
    let id = child.id().expect("it is running").to_string();
    let killed = tokio::process::Command::new("kill").args(["-TERM", &id]).status().await.expect("kill runs");
    assert!(killed.success());
    assert_eq!(house.ended(child).await.exits(130).stdout, "");
    // The warehouse was free meanwhile, and what was read is kept.
    assert!(house.database.number("select count(*) from {t}tickets").await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_record_by_record_is_estimated_too() {
    let portal = Portal::with_tickets(300).await;
    let mut house = House::new(&portal, Engine::Sqlite).await;
    house.set("DESKHOUSE_SYNC__DETAIL", "articles");
    house.set("DESKHOUSE_SYNC__VERIFY_BUDGET", "0");
    let named = ["articles", "article_translations"];
    let assert_told = async || {
        let told = estimate(&house, &named).await;
        let took = house.run(&[&["sync", "--json"], &named[..]].concat()).await.exits(0).json();
        for resource in named {
            let (told, took) = (house::of(&told, resource), house::of(&took, resource));
            // A list that lacks a translation which is held is asked for its end, for three credits.
            for (name, more) in [("requests", 8.0), ("credits", 24.0)] {
                let (told, took) = (number(told, name), number(took, name));
                assert!((told - took).abs() <= 0.1 * took + more, "{resource}: {told} {name} told, {took} taken");
            }
        }
    };
    assert_told().await;
    portal.sandbox.advance(TimeDelta::days(1));
    portal.sandbox.edit("articles", 12);
    portal.sandbox.advance(TimeDelta::hours(1));
    assert_told().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_is_estimated_for_a_backfill_only() {
    let portal = Portal::with_tickets(20).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    let ran = house.run(&["estimate", "--from", "2026-01-01"]).await.exits(2);
    assert!(ran.stderr.contains("`--from` and `--to` are the range of a backfill"), "{}", ran.stderr);
    assert!(portal.take_api_requests().is_empty());
}
