//! Every stop is a pause: stopped anywhere, the next sync goes on where the last commit was. What a kill leaves is told in
//! `kill`, what a sync finds in a world that moves on in `incremental`.

use std::collections::HashSet;
use std::time;

use chrono::{DateTime, Duration, Utc};
use desk_sandbox::{Fault, Settings};
use serde_json::Value;
use tokio::process::Child;

use crate::support::ledger::{assert_not_read_again, resource, windows};
use crate::support::{Database, Engine, House, Portal, compare, house, on_every_engine};

/// A history that takes a few seconds. Answers take longer than landing does, as a portal's do: what is lost to a kill
/// is what was in flight.
fn history() -> Settings {
    Settings {
        tickets: 8_000,
        from_cap: 999,
        latency: time::Duration::from_millis(40),
        latency_jitter: time::Duration::from_millis(30),
        ..Settings::default()
    }
}

/// Asks a process to stop.
fn terminate(sync: &Child) {
    let id = sync.id().expect("a running process").to_string();
    let sent = std::process::Command::new("kill").args(["-TERM", &id]).status().expect("kill runs");
    assert!(sent.success());
}

async fn state_of_run(database: &Database, run: i64) -> String {
    let sql = format!("select state from {{t}}deskhouse_runs where id = {run}");
    database.column(&sql).await.remove(0)
}

on_every_engine! {
    async fn a_sync_that_is_asked_to_stop_keeps_what_it_has_read(engine: Engine) {
        let portal = Portal::start(history()).await;
        let house = House::new(&portal, engine).await;
        let mut sync = house.start(&["sync", "--json"]);
        house::wait_for(portal.sandbox.wait_for_requests(100), &mut sync).await;
        terminate(&sync);
        let ran = house.ended(sync).await.exits(130);
        let summary = ran.json();
        assert_eq!(summary["state"], "interrupted", "{summary}");
        assert!(ran.stderr.contains("interrupted; what was read is saved"), "{}", ran.stderr);
        assert_eq!(state_of_run(&house.database, 1).await, "interrupted");

        // Every page that was paid for is in the warehouse, and the ledger says the same as the summary.
        let requests = portal.take_api_requests();
        // An empty page is paid for, too, and so is one that teaches how far offsets reach.
        let is_good = |status: u16| matches!(status, 200 | 204 | 422);
        let answered = requests.iter().filter(|request| is_good(request.status) && resource(request) == "tickets");
        let tickets = house::of(&summary, "tickets");
        let paid = tickets["requests"].as_u64().expect("a number");
        assert_eq!(answered.count() as u64, paid, "a page that was on its way was thrown away");
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

        // The newest history came first, and `status` says how much of it is whole.
        let status = house.run(&["status", "--json"]).await.exits(0).json();
        let held = status["resources"].as_array().and_then(|all| all.iter().find(|one| one["resource"] == "tickets"));
        let since = held.and_then(|held| held["whole_since"].as_str()).expect("some of it is whole");
        let since: DateTime<Utc> = since.parse().expect("a time");
        let whole = portal.sandbox.placed("tickets").into_iter().filter(|placed| placed.modified > since);
        let held: HashSet<_> = house.database.column("select id from {t}tickets").await.into_iter().collect();
        let mut newest = 0;
        for placed in whole {
            assert!(held.contains(&placed.id), "{} of {} is not held", placed.id, placed.modified);
            newest += 1;
        }
        assert!(newest > 0, "nothing changed since {since}");

        // The next one goes on from there.
        let stopped = windows(&house.database).await;
        assert!(stopped.iter().any(|window| window.done), "{stopped:?}");
        assert!(stopped.iter().any(|window| !window.done && window.at > window.range.0), "{stopped:?}");
        portal.sandbox.advance(Duration::minutes(1));
        house.sync().await;
        assert_not_read_again(&stopped, &windows(&house.database).await, &portal.take_api_requests());
        assert_eq!(state_of_run(&house.database, 2).await, "complete");
        compare::assert_same(&portal, &house.database).await;
    }

    async fn a_second_sync_beside_the_first_is_told_who_is_first(engine: Engine) {
        let portal = Portal::with_tickets(500).await;
        let house = House::new(&portal, engine).await;
        // The first waits for an answer, and would for longer than any test lasts.
        let stalled = "/api/v1/tickets/search";
        portal.sandbox.fault(stalled, [Fault::Stall(time::Duration::from_secs(3_600))]);
        let mut first = house.start(&["sync"]);
        house::wait_for(portal.sandbox.wait_for_request_of(stalled), &mut first).await;
        portal.sandbox.clear_requests();

        let second = house.run(&["sync"]).await.exits(6);
        let process = format!("process {} ", first.id().expect("a running process"));
        assert!(second.stderr.contains("another run holds the warehouse"), "{}", second.stderr);
        assert!(second.stderr.contains(&process), "{}", second.stderr);
        assert!(second.stderr.contains("hint: "), "{}", second.stderr);

        // Killed, the first holds nothing any more: no waiting time, nothing to clean up.
        first.kill().await.expect("the first is killed");
        let note = "a run that was killed stays `running` until the next one begins";
        let status = house.run(&["status"]).await.exits(0).stdout;
        assert!(status.contains(note), "{status}");
        house.sync().await;
        let status = house.run(&["status"]).await.exits(0).stdout;
        assert!(!status.contains(note), "{status}");
        assert_eq!(state_of_run(&house.database, 1).await, "interrupted");
        compare::assert_same(&portal, &house.database).await;
    }
}
