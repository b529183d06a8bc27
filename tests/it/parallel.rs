//! A long history is read by many walks at a time, and no more than the portal grants. That a stop is a pause all the same
//! is told in `resume`, how long it takes is measured in `tests/bench/history.rs`.

use std::time::Duration;

use desk_sandbox::Settings;

use crate::support::{Engine, House, Portal, compare, house, on_every_engine};

/// A portal as far away as a real one.
fn far_away() -> Settings {
    Settings {
        tickets: 8_000,
        latency: Duration::from_millis(60),
        latency_jitter: Duration::from_millis(20),
        ..Settings::default()
    }
}

on_every_engine! {
    async fn a_history_is_read_by_as_many_as_the_portal_grants(engine: Engine) {
        let portal = Portal::start(far_away()).await;
        portal.sandbox.configure(|settings| settings.concurrency = 10);
        let mut house = House::new(&portal, engine).await;
        house.set("DESKHOUSE_LIMITS__CONCURRENCY", "10");
        house.set("DESKHOUSE_LIMITS__REQUESTS_PER_SECOND", "1000");
        let summary = house.sync().await;
        compare::assert_same(&portal, &house.database).await;

        let requests = portal.api_requests();
        // As many as the portal grants are under way, unless the machine is too busy to ask them at a time.
        let peak = portal.sandbox.peak_in_flight();
        assert!((4..=10).contains(&peak), "{peak} were in flight");
        assert!(requests.iter().all(|request| request.status != 429));
        // Nothing is asked for twice but the row that each page begins with, and each window may end with a short page.
        let of_tickets = requests.iter().filter(|request| request.path == "/api/v1/tickets/search").count() as i64;
        let windows = "select count(*) from {t}deskhouse_windows where resource = 'tickets'";
        let windows = house.database.number(windows).await;
        let rows = house::of(&summary, "tickets")["rows_inserted"].as_i64().expect("a number");
        assert!(windows > 4, "{windows} windows");
        assert!(of_tickets <= rows / 100 * 103 / 100 + windows, "{of_tickets} requests, {rows} rows, {windows} windows");
        // Shallow pages cost least.
        assert!(portal.api_requests().iter().all(|request| request.credits <= 3));
    }

    async fn a_portal_that_grants_less_than_is_configured_is_found_out(engine: Engine) {
        let portal = Portal::start(far_away()).await;
        portal.sandbox.configure(|settings| settings.concurrency = 4);
        let mut house = House::new(&portal, engine).await;
        house.set("DESKHOUSE_LIMITS__CONCURRENCY", "20");
        house.set("DESKHOUSE_LIMITS__REQUESTS_PER_SECOND", "1000");
        house.sync().await;
        compare::assert_same(&portal, &house.database).await;
        let requests = portal.api_requests();
        let refused = requests.iter().filter(|request| request.status == 429).count();
        assert!(refused > 0, "it has to be found out somehow, with {} in flight", portal.sandbox.peak_in_flight());
        assert!(refused * 100 < requests.len() * 3, "{refused} of {} requests were refused", requests.len());
    }
}

/// What changed in a busy hour costs what changed, whatever is given away meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn what_changed_costs_a_page_a_hundred() {
    let portal = Portal::start(Settings { tickets: 8_000, ..Settings::default() }).await;
    let mut house = House::new(&portal, Engine::Sqlite).await;
    // What a comparison costs is another story.
    house.set("DESKHOUSE_SYNC__VERIFY_BUDGET", "0");
    house.sync().await;
    portal.sandbox.advance(chrono::Duration::hours(8));
    for _ in 0..1_000 {
        portal.sandbox.edit("tickets", 1);
        portal.sandbox.advance(chrono::Duration::seconds(4));
    }
    portal.sandbox.advance(chrono::Duration::hours(14));
    portal.sandbox.configure(|settings| settings.latency = Duration::from_millis(20));
    portal.sandbox.clear_requests();
    house.sync().await;
    let of_tickets = portal.api_requests().iter().filter(|request| request.path == "/api/v1/tickets/search").count();
    assert!(of_tickets <= 14, "{of_tickets} requests for 1,000 changes");
    compare::assert_same(&portal, &house.database).await;
}
