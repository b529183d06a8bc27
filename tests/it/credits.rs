//! Credits as a budget: what is booked where, what this program may spend in a day, and who stands back when they are
//! short. The reserve is told in `limits`.

use std::time::Duration;

use desk_sandbox::{Fault, Settings};

use crate::support::{Engine, House, Portal, compare, house, on_every_engine};

/// Credits that the ledger holds, of rows that meet a condition.
async fn booked(house: &House, condition: &str) -> u64 {
    let sql = format!("select coalesce(sum(credits), 0) from {{t}}deskhouse_credits where {condition}");
    house.database.number(&sql).await.try_into().expect("not negative")
}

/// What the sandbox charged for paths that begin so.
fn charged(portal: &Portal, prefix: &str) -> u64 {
    let requests = portal.sandbox.requests();
    requests.iter().filter(|request| request.path.starts_with(prefix)).map(|request| request.credits).sum()
}

/// Goes on to the next credit day of the data centre.
fn next_day(portal: &Portal) {
    let now = portal.sandbox.now();
    portal.sandbox.advance(deskhouse::config::DataCenter::Us.credit_day_end(now) - now);
}

on_every_engine! {
    async fn every_credit_is_booked_by_day_resource_and_path(engine: Engine) {
        let portal = Portal::with_tickets(2_000).await;
        let house = House::new(&portal, engine).await;
        house.sync().await;
        assert_eq!(booked(&house, "1 = 1").await, charged(&portal, "/api/"));
        for (resource, path) in [("tickets", "/api/v1/tickets/search"), ("articles", "/api/v1/articles")] {
            let of = format!("resource = '{resource}' and endpoint = '{path}'");
            assert_eq!(booked(&house, &of).await, charged(&portal, path), "credits of {resource}");
        }
        let weights = "select cast(last_weight as text) from {t}deskhouse_credits where resource = 'tickets'";
        assert_eq!(house.database.column(weights).await, ["3"]);

        let first = charged(&portal, "/api/");
        next_day(&portal);
        house.sync().await;
        let days = "select cast(sum(credits) as text) from {t}deskhouse_credits group by day_began_at order by day_began_at";
        let second = charged(&portal, "/api/") - first;
        assert_eq!(house.database.column(days).await, [first.to_string(), second.to_string()]);
    }

    async fn the_daily_credits_bound_all_runs_of_a_day_and_the_next_day_goes_on(engine: Engine) {
        const CEILING: u64 = 60;
        let portal = Portal::with_tickets(4_000).await;
        let mut house = House::new(&portal, engine).await;
        house.set("DESKHOUSE_SYNC__RESOURCES", "contacts,tickets,tasks,articles");
        house.set("DESKHOUSE_SYNC__VERIFY_BUDGET", "0");
        house.set("DESKHOUSE_LIMITS__DAILY_CREDITS", CEILING.to_string());
        house.set("DESKHOUSE_LIMITS__CONCURRENCY", "4");
        let mut days = 0;
        loop {
            days += 1;
            let before = charged(&portal, "/api/");
            let ran = house.run(&["sync"]).await;
            let spent = charged(&portal, "/api/") - before;
            assert!(spent <= CEILING, "day {days} cost {spent}");
            if ran.code == 0 {
                break;
            }
            let ran = ran.exits(5);
            // Once all is read, looking for what was deleted leaves two percent of the day to others.
            assert!(spent + 3 + CEILING * 2 / 100 >= CEILING, "day {days} stopped early, at {spent}");
            assert!(ran.stderr.contains("`limits.daily_credits` 60"), "{}", ran.stderr);
            assert!(ran.stderr.contains("run the same command after 2026-06-"), "{}", ran.stderr);
            // Once more on the same day: what was spent is known, and the greeting is all that it costs.
            let before = portal.api_requests().len();
            house.run(&["-q", "sync"]).await.exits(5);
            assert!(portal.api_requests().len() <= before + 1);
            next_day(&portal);
            assert!(days < 8, "no end");
        }
        assert!(days > 2, "{days} days");
        for resource in ["contacts", "tickets", "tasks", "articles"] {
            let (missing, surplus) = compare::assert_fields(&portal, &house.database, resource).await;
            assert!(missing.is_empty() && surplus.is_empty(), "{resource}: {missing:?} {surplus:?}");
        }
        let windows = house.database.number("select count(*) from {t}deskhouse_windows").await as usize;
        let searches = portal.requests_for("/tickets/search");
        assert!(searches <= 4_000 / 100 + windows + 4 * days, "{searches} searches, {windows} windows, {days} days");
    }

    async fn what_is_spent_before_there_is_a_run_is_booked(engine: Engine) {
        let portal = Portal::with_tickets(10).await;
        let house = House::new(&portal, engine).await;
        portal.sandbox.fault("/api/v1/organizations", vec![Fault::Cut; 40]);
        assert_ne!(house.run(&["sync"]).await.code, 0);
        let charged = charged(&portal, "/api/");
        // What was cut off may have been charged.
        let held = "select coalesce(sum(credits + possible), 0) from {t}deskhouse_credits";
        assert!(charged > 0);
        assert_eq!(house.database.number(held).await as u64, charged);
    }

    async fn a_run_that_is_killed_has_its_credits_booked(engine: Engine) {
        let settings = Settings { tickets: 8_000, latency: Duration::from_millis(100), ..Settings::default() };
        let portal = Portal::start(settings).await;
        let mut house = House::new(&portal, engine).await;
        house.set("DESKHOUSE_LIMITS__CONCURRENCY", "1");
        let mut killed = house.start(&["sync"]);
        let asked = async {
            while portal.requests_for("/tickets/search") < 25 {
                tokio::task::yield_now().await;
            }
        };
        house::wait_for(asked, &mut killed).await;
        killed.kill().await.expect("it is running");
        // All but the last second, in which there is time for ten requests.
        let all = charged(&portal, "/api/");
        let booked = booked(&house, "1 = 1").await;
        assert!(booked + 15 * 3 >= all && booked <= all, "{booked} of {all} credits");
        let of_run = house.database.number("select credits from {t}deskhouse_runs").await;
        assert_eq!(of_run as u64, booked);
    }
}

/// What is under way counts: neither number is passed, however many requests are asked at a time.
#[tokio::test(flavor = "multi_thread")]
async fn neither_reserve_nor_ceiling_is_passed_by_what_is_in_flight() {
    for (concurrency, setting, value) in [
        (25, "CREDIT_RESERVE", "200"),
        (25, "DAILY_CREDITS", "451"),
        (8, "CREDIT_RESERVE", "20%"),
        (3, "DAILY_CREDITS", "100"),
    ] {
        let latency = Duration::from_millis(20);
        let settings = Settings { tickets: 40_000, daily_credits: 1_000, latency, ..Settings::default() };
        let portal = Portal::start(settings).await;
        let mut house = House::new(&portal, Engine::Sqlite).await;
        house.set("DESKHOUSE_LIMITS__CONCURRENCY", concurrency.to_string());
        house.set("DESKHOUSE_LIMITS__REQUESTS_PER_SECOND", "1000");
        house.set(&format!("DESKHOUSE_LIMITS__{setting}"), value);
        house.run(&["-q", "sync"]).await.exits(5);
        let (left, spent) = (portal.sandbox.credits_left(), charged(&portal, "/api/"));
        let (least, most) = match (setting, value) {
            ("DAILY_CREDITS", ceiling) => (0, ceiling.parse().expect("a number")),
            // The first answer of the day tells of 997.
            (_, "20%") => (199, 801),
            (_, reserve) => (reserve.parse().expect("a number"), 1_000),
        };
        assert!(left >= least && spent <= most, "{setting} {value} with {concurrency}: {left} left, {spent} spent");
        // Nor is much left that may be spent: two percent wait for what was deleted.
        assert!(left < least + 30 || spent + 10 > most, "{setting} {value}: {left} left, {spent} spent");
    }
}

/// The reserve is a share of what the portal's edition gives, whatever others have spent before the first look.
#[tokio::test(flavor = "multi_thread")]
async fn the_reserve_is_the_same_share_in_an_estimate_and_in_a_sync() {
    let settings = Settings { tickets: 3_000, daily_credits: 22_000, ..Settings::default() };
    let portal = Portal::start(settings).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    let told = house.run(&["estimate", "--json", "tickets"]).await.exits(0).json();
    let (today, a_day) = (told["credits_today"].as_u64(), told["credits_a_day"].as_u64());
    assert_eq!((today, a_day), (Some(portal.sandbox.credits_left() - 20_000), Some(80_000)));
    // Others leave it next to nothing.
    portal.sandbox.configure(|settings| settings.daily_credits = 20_160);
    let stopped = house.run(&["-q", "sync"]).await.exits(5);
    assert!(stopped.stderr.contains("reserve 20000"), "{}", stopped.stderr);
    let left = portal.sandbox.credits_left();
    assert!((20_000..20_010).contains(&left), "{left} left");
    let told = house.run(&["estimate", "--json", "tickets"]).await;
    assert_ne!(told.code, 0, "an estimate is paid from the same credits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_stands_back_while_a_sync_can_still_be_paid() {
    const DAILY: u64 = 360;
    const RESERVE: u64 = 100;
    let settings = Settings { tickets: 12_000, daily_credits: DAILY, ..Settings::default() };
    let portal = Portal::start(settings).await;
    let mut house = House::new(&portal, Engine::Sqlite).await;
    house.set("DESKHOUSE_LIMITS__CREDIT_RESERVE", RESERVE.to_string());
    house.set("DESKHOUSE_LIMITS__CONCURRENCY", "1");
    house.set("DESKHOUSE_SYNC__RESOURCES", "contacts,tickets");
    house.set("DESKHOUSE_SYNC__START_DATE", "2026-06-15");
    let range = ["backfill", "--from", "2000-01-01", "--to", "2026-06-15", "tickets"];
    let stopped = house.run(&range).await.exits(5);
    let left = portal.sandbox.credits_left();
    // A tenth of what may be spent, from the first number that the portal said.
    let kept = (DAILY - 3 - RESERVE) / 10;
    assert!(left >= RESERVE + kept && left < RESERVE + kept + 3, "{left} left");
    assert!(
        stopped.stderr.contains(&format!("reserve 100, {kept} kept for more important work")),
        "{}",
        stopped.stderr
    );
    // The nightly sync of the same day is paid from what was kept.
    house.sync().await;
    assert!(portal.sandbox.credits_left() >= RESERVE);
}

/// What a day may cost is known before the first request of a run.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_on_a_day_that_is_spent_asks_nothing() {
    for engine in Engine::ALL {
        let portal = Portal::on_real_time(Settings { tickets: 3_000, ..Settings::default() }).await;
        let mut house = House::new(&portal, engine).await;
        house.set("DESKHOUSE_LIMITS__DAILY_CREDITS", "40");
        let stopped = house.run(&["sync", "tickets"]).await.exits(5);
        assert!(stopped.stderr.contains("stopped at the daily credits"), "{}", stopped.stderr);
        portal.sandbox.clear_requests();
        let again = house.run(&["sync", "tickets"]).await.exits(5);
        assert!(again.stderr.contains("stopped at the daily credits"), "{}", again.stderr);
        assert!(portal.take_api_requests().is_empty());
        house.set("DESKHOUSE_LIMITS__DAILY_CREDITS", "400");
        house.run(&["sync", "tickets"]).await.exits(0);
        compare::assert_fields(&portal, &house.database, "tickets").await;
    }
}
