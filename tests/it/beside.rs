//! Runs beside each other on one warehouse: together they make no more requests at a time than one alone may.

use std::time::Duration;

use desk_sandbox::Settings;
use deskhouse::ledger::{Purpose, Share, Sharing};
use deskhouse::warehouse::{SqlWarehouse, Warehouse};

use crate::support::warehouse::on_every_warehouse;
use crate::support::{Engine, House, Portal, compare, noon, on_every_engine};

const YEARS: [&str; 5] = ["backfill", "--from", "2000-01-01", "--to", "2026-06-15"];

/// A portal, and a house that asks it so many at a time.
async fn portal_and_house(engine: Engine, tickets: usize, most: u32) -> (Portal, House) {
    let portal = Portal::start(Settings { tickets, latency: Duration::from_millis(25), ..Settings::default() }).await;
    let mut house = House::new(&portal, engine).await;
    house.set("DESKHOUSE_LIMITS__CONCURRENCY", most.to_string());
    (portal, house)
}

/// Everything is there, within the limit, and nobody holds anything any more.
async fn all_is_well(portal: &Portal, house: &House, most: u32) {
    let peak = portal.sandbox.peak_in_flight();
    assert!(peak <= most, "{peak} requests were in flight, and {most} are configured");
    // A machine that is busy with other things need not make as many as it may, but some of them.
    assert!(peak > most / 3, "{peak} requests were in flight of {most}");
    compare::assert_same(portal, &house.database).await;
    assert_eq!(house.database.number("select count(*) from {t}deskhouse_shares").await, 0);
}

on_every_engine! {
    async fn runs_that_start_together_share(engine: Engine) {
        for most in [4, 5] {
            let (portal, house) = portal_and_house(engine, 3_000, most).await;
            let (history, nightly) = (house.start(&YEARS), house.start(&["sync"]));
            let (history, nightly) = tokio::join!(house.ended(history), house.ended(nightly));
            history.exits(0);
            nightly.exits(0);
            all_is_well(&portal, &house, most).await;
        }
    }

    async fn one_that_comes_later_waits_until_the_other_has_made_room(engine: Engine) {
        for (first, second, most) in [(&YEARS[..], &["sync"][..], 5), (&["sync"][..], &YEARS[..], 4)] {
            let (portal, house) = portal_and_house(engine, 5_000, most).await;
            let first = house.start(first);
            portal.sandbox.wait_for_requests(20).await;
            let second = house.start(second);
            let (first, second) = tokio::join!(house.ended(first), house.ended(second));
            first.exits(0);
            second.exits(0);
            all_is_well(&portal, &house, most).await;
        }
    }

    async fn more_runs_than_requests_take_turns(engine: Engine) {
        for most in [1, 2] {
            let (portal, house) = portal_and_house(engine, 1_500, most).await;
            let backfill = |resource| [&YEARS[..], &[resource]].concat();
            let tickets = house.start(&backfill("tickets"));
            portal.sandbox.wait_for_requests(3).await;
            let (contacts, nightly) = (house.start(&backfill("contacts")), house.start(&["sync"]));
            let ended = tokio::join!(house.ended(tickets), house.ended(contacts), house.ended(nightly));
            for ran in [ended.0, ended.1, ended.2] {
                ran.exits(0);
            }
            all_is_well(&portal, &house, most).await;
        }
    }

    /// What a run that never was had for its greeting is free at once.
    async fn one_that_is_refused_leaves_nothing_behind(engine: Engine) {
        let (portal, mut house) = portal_and_house(engine, 100, 4).await;
        house.sync().await;
        house.set("ZOHO_ORG_ID", "700000002");
        let refused = house.run(&YEARS).await;
        assert_ne!(refused.code, 0);
        all_is_well(&portal, &house, 4).await;
    }
}

on_every_warehouse! {
    async fn what_two_runs_are_granted_is_never_more_than_one_may_make<D>(database) {
        let open = async |claims| {
            let dialect = D::at(database).await.expect("the database is there");
            SqlWarehouse::open_for(dialect, claims, noon()).await.expect("the warehouse opens")
        };
        let one = open(Purpose::Sync.claims([])).await;
        let two = open(Purpose::Backfill.claims(["tickets"])).await;
        let said = |held| Sharing { wanted: 5, held, had_turn: false };
        let share = async |of: &SqlWarehouse<D>, held| of.share(said(held)).await.expect("a share");
        assert_eq!(share(&one, 0).await, Share { requests: 5, is_settled: true, runs: 1 });
        assert_eq!(share(&two, 0).await, Share { requests: 0, is_settled: false, runs: 2 });
        let mut held = (5, 0);
        for _ in 0..20 {
            let (first, second) = tokio::join!(share(&one, held.0), share(&two, held.1));
            held = (first.requests, second.requests);
            assert!(held.0 + held.1 <= 5, "{held:?}");
        }
        assert_eq!(held, (3, 2));
        one.leave().await.expect("it leaves");
        assert_eq!(share(&two, 2).await, Share { requests: 5, is_settled: true, runs: 1 });
        two.close().await;

        // Cut off, and its successor holds what it claimed.
        let three = open(Purpose::Backfill.claims(["contacts", "tickets"])).await;
        assert_eq!(share(&three, 0).await, Share { requests: 5, is_settled: true, runs: 1 });
        assert_eq!(share(&one, 0).await.requests, 0);
        three.close().await;
        one.close().await;
    }
}
