//! Every stop is a pause: killed anywhere, the next sync goes on where the last commit was. What a sync finds in a
//! world that moves on is told in `incremental`.

use std::time;

use chrono::{DateTime, Duration, Utc};
use desk_sandbox::{Fault, Logged, Settings};
use deskhouse::resource::Kind;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use tokio::process::Child;

use crate::support::{Database, Engine, House, Portal, compare, house, on_every_engine};

/// A history that takes a few seconds. Answers take longer than landing does, as a portal's do: what is lost to a kill
/// is what was in flight.
fn history() -> Settings {
    Settings {
        tickets: 16_000,
        from_cap: 999,
        latency: time::Duration::from_millis(40),
        latency_jitter: time::Duration::from_millis(30),
        ..Settings::default()
    }
}

type Range = (DateTime<Utc>, DateTime<Utc>);

/// The range of modified time that a request asks for.
fn asked(request: &Logged) -> Option<Range> {
    let pair = request.query.split('&').find_map(|pair| pair.strip_prefix("modifiedTimeRange="))?;
    let (from, to) = pair.split_once(',')?;
    Some((from.parse().expect("a time"), to.parse().expect("a time")))
}

/// Name of the resource that a request reads.
fn resource(request: &Logged) -> &str {
    request.path.trim_start_matches("/api/v1/").trim_end_matches("/search")
}

/// A window of the ledger.
#[derive(Debug, Clone)]
struct Held {
    resource: String,
    /// As it is asked for: a millisecond wider at each end.
    range: Range,
    /// Everything before has been read; a millisecond early, as it is asked for.
    at: DateTime<Utc>,
    done: bool,
}

impl Held {
    fn covers(&self, request: &Logged, range: Range) -> bool {
        self.resource == resource(request) && self.range.0 <= range.0 && range.1 <= self.range.1
    }
}

async fn windows(database: &Database) -> Vec<Held> {
    let [from, to, at] = ["from_time", "to_time", "at_time"].map(|name| database.canonical(name, Kind::Timestamp));
    let done = database.canonical("done", Kind::Boolean);
    let rows =
        database.query(&format!("select resource, {done}, {from}, {to}, {at} from {{t}}deskhouse_windows")).await;
    let held = |row: Vec<Option<String>>| {
        let text = |index: usize| row[index].as_deref().expect("a value");
        let time = |index: usize| text(index).parse::<DateTime<Utc>>().expect("a time");
        let wider = Duration::milliseconds(1);
        let range = (time(2) - wider, time(3) + wider);
        Held { resource: text(0).to_owned(), range, at: time(4) - wider, done: text(1) == "1" }
    };
    rows.into_iter().map(held).collect()
}

/// Holds the requests of a sync to the windows as they were when the one before it was stopped: nothing that was done
/// is asked for again, and what was begun goes on where it was.
fn assert_not_read_again(stopped: &[Held], now: &[Held], requests: &[Logged]) {
    let of_range = requests.iter().filter_map(|request| Some((request, asked(request)?)));
    for (request, range) in of_range {
        // The overlap lies in windows that were done; what is asked for it belongs to a window of its own.
        let is_done = |window: &Held| {
            stopped.iter().any(|held| held.done && held.range == window.range && held.resource == window.resource)
        };
        let of_a_done_one = stopped.iter().any(|window| window.done && window.covers(request, range));
        let of_another = now.iter().any(|window| window.covers(request, range) && !is_done(window));
        assert!(!of_a_done_one || of_another, "a window that was done is read again: {request:?}");
        // No two windows of this story end at one moment, so the end of a range tells whose page it is.
        let begun = stopped.iter().find(|window| window.covers(request, range) && window.range.1 == range.1);
        assert!(begun.is_none_or(|window| window.at <= range.0), "{begun:?} begins anew: {request:?}");
    }
}

/// Takes the log of requests to the Desk API away.
fn take_requests(portal: &Portal) -> Vec<Logged> {
    let requests = portal.api_requests();
    portal.sandbox.clear_requests();
    requests
}

/// Waits until the sync has sent so many requests; it must not end before.
async fn wait_for_requests(portal: &Portal, sync: &mut Child, count: usize) {
    tokio::select! {
        () = portal.sandbox.wait_for_requests(count) => {}
        status = sync.wait() => panic!("the sync ended before its request {count}: {status:?}"),
    }
}

/// Asks a process to stop.
fn terminate(sync: &Child) {
    let id = sync.id().expect("a running process").to_string();
    let sent = std::process::Command::new("kill").args(["-TERM", &id]).status().expect("kill runs");
    assert!(sent.success());
}

/// Seed of everything that is left to chance; a failed test prints it.
fn seed() -> u64 {
    let given = std::env::var("TEST_SEED").ok().map(|seed| seed.parse().expect("TEST_SEED is a number"));
    let seed = given.unwrap_or_else(rand::random);
    println!("to repeat this: TEST_SEED={seed}");
    seed
}

async fn state_of_run(database: &Database, run: i64) -> String {
    let sql = format!("select state from {{t}}deskhouse_runs where id = {run}");
    database.column(&sql).await.remove(0)
}

on_every_engine! {
    async fn a_sync_that_is_killed_again_and_again_pays_no_window_twice(engine: Engine) {
        const KILLS: usize = 20;
        // GIVEN the requests that an undisturbed sync needs
        let portal = Portal::start(history()).await;
        House::new(&portal, engine).await.sync().await;
        let undisturbed = take_requests(&portal).iter().filter(|request| asked(request).is_some()).count();

        // WHEN another is killed at moments left to chance, while the world goes on
        let mut dice = StdRng::seed_from_u64(seed());
        let portal = Portal::start(history()).await;
        let house = House::new(&portal, engine).await;
        let first_start = portal.sandbox.now();
        let mut requests = Vec::new();
        let mut stopped = Vec::new();
        for kill in 0..=KILLS {
            if kill < KILLS {
                let mut sync = house.start(&["sync", "--json"]);
                // Soon enough that there is something left to read after the last of them.
                wait_for_requests(&portal, &mut sync, dice.random_range(2..=15)).await;
                sync.kill().await.expect("the sync is killed");
            } else {
                house.sync().await;
            }
            let asked = take_requests(&portal);
            let now = windows(&house.database).await;
            assert_not_read_again(&stopped, &now, &asked);
            requests.extend(asked);
            stopped = now;
            if kill < KILLS {
                portal.sandbox.advance(Duration::minutes(1));
                portal.sandbox.edit("tickets", 3);
            }
        }

        assert!(stopped.iter().all(|window| window.done), "{stopped:?}");

        // THEN nothing is missing, and next to nothing was paid twice
        compare::assert_same(&portal, &house.database).await;
        let (history, since): (Vec<_>, Vec<_>) = requests
            .iter()
            .filter_map(asked)
            .partition(|(_, to)| *to <= first_start + Duration::seconds(30));
        let resources = compare::ALL.len();
        let (starts, of_history, of_since) = (KILLS + 1, history.len(), since.len());
        println!("{of_history} requests for history, {of_since} for what came since, {undisturbed} undisturbed");
        // Each start but the first reads the stretch since the start before it: a page a resource, and for articles a
        // second one, since they are not counted.
        let expected = (starts - 1) * (resources + 1);
        // A kill loses the page in flight of each stream, and the page that the killing request's stream was landing.
        let lost = KILLS * (resources + 1);
        assert!(
            (of_history + of_since) * 10 <= undisturbed * 11 + (expected + lost) * 10,
            "{of_history} + {of_since} requests are more than {undisturbed} + 10 % + {expected} + {lost}"
        );
        // Finding the portal is one more for each start, and nothing else was asked.
        assert!(requests.len() - of_history - of_since <= starts);
        let states = house.database.column("select state from {t}deskhouse_runs order by id desc").await;
        assert_eq!(states[0], "complete");
        assert!(states[1..].iter().all(|state| state == "interrupted"), "{states:?}");
    }

    async fn a_sync_that_is_asked_to_stop_keeps_what_it_has_read(engine: Engine) {
        let portal = Portal::start(history()).await;
        let house = House::new(&portal, engine).await;
        let mut sync = house.start(&["sync", "--json"]);
        wait_for_requests(&portal, &mut sync, 60).await;
        terminate(&sync);
        let ran = house.ended(sync).await.exits(130);
        let summary = ran.json();
        assert_eq!(summary["state"], "interrupted", "{summary}");
        assert!(ran.stderr.contains("interrupted; what was read is saved"), "{}", ran.stderr);
        assert_eq!(state_of_run(&house.database, 1).await, "interrupted");

        // Every page that was paid for is in the warehouse, and the ledger says the same as the summary.
        let requests = take_requests(&portal);
        let answered = requests.iter().filter(|request| request.status == 200 && resource(request) == "tickets");
        let tickets = house::of(&summary, "tickets");
        let paid = tickets["requests"].as_u64().expect("a number");
        assert!(answered.count() as u64 - paid <= 1, "more than the page in flight was thrown away");
        for resource in compare::ALL {
            let part = house::of(&summary, resource);
            let number = |what: &str| part[what].as_i64().expect("a number");
            let rows = format!("select count(*) from {{t}}{resource}");
            assert_eq!(house.database.number(&rows).await, number("rows_inserted"), "{part}");
            let read = format!("select sum(records_read) from {{t}}deskhouse_windows where resource = '{resource}'");
            assert_eq!(house.database.number(&read).await, number("records_read"), "{part}");
        }
        assert_eq!(tickets["state"], "interrupted", "{tickets}");
        assert_eq!(tickets["complete_until"], Value::Null, "{tickets}");

        // The next one goes on from there.
        let stopped = windows(&house.database).await;
        assert!(stopped.iter().any(|window| window.done), "{stopped:?}");
        assert!(stopped.iter().any(|window| !window.done && window.at > window.range.0), "{stopped:?}");
        portal.sandbox.advance(Duration::minutes(1));
        house.sync().await;
        assert_not_read_again(&stopped, &windows(&house.database).await, &take_requests(&portal));
        assert_eq!(state_of_run(&house.database, 2).await, "complete");
        compare::assert_same(&portal, &house.database).await;
    }

    async fn a_second_sync_beside_the_first_is_told_who_is_first(engine: Engine) {
        let portal = Portal::with_tickets(500).await;
        let house = House::new(&portal, engine).await;
        // The first waits for an answer, and would for longer than any test lasts.
        portal.sandbox.fault("/api/v1/tickets/search", [Fault::Stall(time::Duration::from_secs(3_600))]);
        let mut first = house.start(&["sync"]);
        // A token, the portal, and a page of each resource at least.
        wait_for_requests(&portal, &mut first, 2 + compare::ALL.len()).await;
        portal.sandbox.clear_requests();

        let second = house.run(&["sync"]).await.exits(6);
        let process = format!("process {} ", first.id().expect("a running process"));
        assert!(second.stderr.contains("another run holds the warehouse"), "{}", second.stderr);
        assert!(second.stderr.contains(&process), "{}", second.stderr);
        assert!(second.stderr.contains("hint: "), "{}", second.stderr);

        // Killed, the first holds nothing any more: no waiting time, nothing to clean up.
        first.kill().await.expect("the first is killed");
        house.sync().await;
        assert_eq!(state_of_run(&house.database, 1).await, "interrupted");
        compare::assert_same(&portal, &house.database).await;
    }
}
