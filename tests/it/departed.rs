//! Records that have left, beside a portal that tells of them in every way that the vendor leaves open.

use std::collections::BTreeMap;

use chrono::Duration;
use desk_sandbox::{Farewell, Fault, Leaving, Merged, Settings};

use crate::support::{Engine, House, Portal, compare, house, on_every_engine};

/// Deleted tickets and why, by id.
async fn deleted(house: &House) -> BTreeMap<String, String> {
    let sql = "select id, _deleted_reason from {t}tickets where _deleted_at is not null";
    let rows = house.database.query(sql).await;
    rows.into_iter().map(|mut cells| (cells.remove(0).expect("an id"), cells.remove(0).expect("a reason"))).collect()
}

fn all_for(reason: &str, ids: &[String]) -> BTreeMap<String, String> {
    ids.iter().map(|id| (id.clone(), reason.to_owned())).collect()
}

on_every_engine! {
    /// Half an emoji in every name: the bin's rows, a record alone and a history are read all the same.
    async fn half_an_emoji_hides_no_deletion(engine: Engine) {
        let portal = Portal::start(Settings { tickets: 300, half_emojis: Some(1), ..Settings::default() }).await;
        let house = House::new(&portal, engine).await;
        house.sync().await;
        compare::assert_same(&portal, &house.database).await;
        portal.sandbox.advance(Duration::hours(1));
        let mut expected = all_for("trashed", &portal.sandbox.trash("tickets", 3));
        house.sync().await;
        assert_eq!(deleted(&house).await, expected);
        expected.extend(all_for("spam", &portal.sandbox.delete_spam("tickets", 1)));
        expected.extend(all_for("merged", &portal.sandbox.merge("tickets", 1)));
        portal.sandbox.advance(Duration::minutes(30));
        house.run(&["verify", "tickets"]).await.exits(0);
        assert_eq!(deleted(&house).await, expected);
    }

    /// A row of the bin that does not say which record it is of ends the bin as partial, and the bin is read from the same
    /// place again until all can be told.
    async fn a_row_of_the_bin_without_an_id_is_told_and_asked_for_again(engine: Engine) {
        let portal = Portal::start(Settings { tickets: 300, ..Settings::default() }).await;
        let mut house = House::new(&portal, engine).await;
        house.set("DESKHOUSE_SYNC__VERIFY_BUDGET", "0");
        house.sync().await;
        portal.sandbox.advance(Duration::hours(1));
        let trashed = portal.sandbox.trash("tickets", 2);
        let time = portal.sandbox.departed("tickets")[0].at.format("%Y-%m-%dT%H:%M:%S.000Z");
        let body = format!(
            r#"{{"data":[{{"displayName":"a","deletedTime":"{time}"}},{{"id":"{}","deletedTime":"{time}"}},[],{{"id":null}}]}}"#,
            trashed[0]
        );
        let page = Fault::Status { status: 200, body, content_type: "application/json;charset=UTF-8" };
        portal.sandbox.fault("/api/v1/recycleBin", vec![page; 2]);
        portal.sandbox.advance(Duration::hours(1));
        let ran = house.run(&["sync", "--json"]).await.exits(4);
        let bin = &ran.json()["feeds"][0];
        assert_eq!((&bin["resource"], &bin["state"]), (&"recycle_bin".into(), &"partial".into()), "{bin}");
        assert!(ran.stderr.contains("rows have no id that can be read"), "{}", ran.stderr);
        assert_eq!(deleted(&house).await, all_for("trashed", &trashed[..1]));
        // Later than anything that an overlap would bring back.
        portal.sandbox.advance(Duration::days(1));
        house.sync().await;
        assert_eq!(deleted(&house).await, all_for("trashed", &trashed));
    }

    /// That a search shows what is in the bin brings nothing back, neither by night nor by a comparison; what was restored
    /// with its old time comes back by being asked for alone.
    async fn a_search_that_shows_the_bin_restores_nothing(engine: Engine) {
        for farewell in [Farewell::Flagged, Farewell::NotFound] {
            let settings = Settings { tickets: 1_500, trashed_in_search: true, farewell, ..Settings::default() };
            let portal = Portal::start(settings).await;
            let house = House::new(&portal, engine).await;
            house.sync().await;
            portal.sandbox.advance(Duration::hours(1));
            // Changed of late, so that each night reads them again.
            portal.sandbox.edit("tickets", 40);
            house.sync().await;
            let trashed = all_for("trashed", &portal.sandbox.trash("tickets", 40));
            for minutes in [1, 10, 20, 24 * 60] {
                portal.sandbox.advance(Duration::minutes(minutes));
                house.sync().await;
                assert_eq!(deleted(&house).await, trashed, "{minutes}");
            }
            for arguments in [&["verify", "tickets"][..], &["verify", "tickets", "--deep"]] {
                portal.sandbox.advance(Duration::minutes(30));
                house.run(arguments).await.exits(0);
                assert_eq!(deleted(&house).await, trashed, "{arguments:?}");
            }
            portal.sandbox.restore("tickets", 40);
            portal.sandbox.advance(Duration::minutes(1));
            house.run(&["verify", "tickets"]).await.exits(0);
            assert!(deleted(&house).await.is_empty());
            compare::assert_same(&portal, &house.database).await;
        }
    }

    /// What a search shows for the first time may have been in the bin for long: a resource that is read from tonight on, and
    /// rows that a comparison brings.
    async fn what_comes_after_the_bin_was_read_is_looked_for_in_it(engine: Engine) {
        let portal = Portal::start(Settings { tickets: 300, trashed_in_search: true, ..Settings::default() }).await;
        let mut house = House::new(&portal, engine).await;
        house.set("DESKHOUSE_SYNC__RESOURCES", "tickets");
        // A nightly comparison looks into the bin for reasons of its own.
        house.set("DESKHOUSE_SYNC__VERIFY_BUDGET", "0");
        house.sync().await;
        portal.sandbox.advance(Duration::hours(1));
        let trashed = portal.sandbox.trash("contacts", 3);
        portal.sandbox.advance(Duration::hours(1));
        house.sync().await;
        portal.sandbox.advance(Duration::days(3));
        house.set("DESKHOUSE_SYNC__RESOURCES", "tickets,contacts");
        house.sync().await;
        let held = "select id from {t}contacts where _deleted_reason = 'trashed' order by id";
        assert_eq!(house.database.column(held).await, trashed);
        portal.sandbox.advance(Duration::days(1));
        house.database.execute("delete from {t}contacts where _deleted_at is not null").await;
        let found = house.run(&["verify", "contacts", "--json"]).await.exits(0).json();
        assert_eq!(house.database.column(held).await, trashed);
        let contacts = house::of(&found, "contacts");
        assert_eq!((&contacts["rows_inserted"], &contacts["rows_deleted"]), (&3.into(), &3.into()), "{contacts}");
        // An idle night reads no more of the bin than ever.
        portal.sandbox.advance(Duration::days(1));
        house.sync().await;
        portal.sandbox.advance(Duration::days(1));
        portal.sandbox.clear_requests();
        house.sync().await;
        assert_eq!(portal.requests_for("/recycleBin"), 1);
    }

    /// Some of what was trashed is shown and some is not: a count is explained by as many as there are.
    async fn a_count_is_explained_by_what_is_shown_of_the_bin(engine: Engine) {
        let portal = Portal::start(Settings { tickets: 300, trashed_in_search: true, ..Settings::default() }).await;
        let mut house = House::new(&portal, engine).await;
        house.set("DESKHOUSE_SYNC__VERIFY_BUDGET", "0");
        house.sync().await;
        portal.sandbox.advance(Duration::hours(1));
        portal.sandbox.trash("tickets", 5);
        portal.sandbox.advance(Duration::hours(1));
        house.sync().await;
        portal.sandbox.purge_bin("tickets", 2);
        portal.sandbox.advance(Duration::hours(1));
        house.sync().await;
        let counted = "select explanation from {t}deskhouse_counts where resource = 'tickets'";
        assert_eq!(house.database.column(counted).await, ["3 records that have left are shown"]);
        // One more than that is none of them.
        let lost = "delete from {t}tickets where id in (select min(id) from {t}tickets where _deleted_at is null)";
        house.database.execute(lost).await;
        portal.sandbox.advance(Duration::hours(1));
        let ran = house.run(&["sync"]).await.exits(4);
        assert!(ran.stderr.contains("nothing explains why 1 are not"), "{}", ran.stderr);
    }

    /// The record that a merged one became answers in its place: that is the proof, and its id is told.
    async fn a_winner_that_answers_proves_the_merge(engine: Engine) {
        for (merged, history_base) in [(Merged::Winner, 0), (Merged::Flagged, 0), (Merged::History, 0), (Merged::History, 1)] {
            let settings = Settings { tickets: 300, merged, history_base, ..Settings::default() };
            let portal = Portal::start(settings).await;
            let house = House::new(&portal, engine).await;
            house.sync().await;
            portal.sandbox.advance(Duration::hours(1));
            let gone = portal.sandbox.merge("tickets", 2);
            portal.sandbox.advance(Duration::hours(1));
            house.run(&["verify", "tickets"]).await.exits(0);
            assert_eq!(deleted(&house).await, all_for("merged", &gone), "{merged:?}");
            for one in portal.sandbox.departed("tickets") {
                let Leaving::Merged { into } = one.leaving else { panic!("it was merged") };
                let sql = format!("select _merged_into from {{t}}tickets where id = '{}'", one.id);
                assert_eq!(house.database.column(&sql).await, [into], "{merged:?}");
            }
        }
    }

    /// What was merged and is shown by the search all the same no number tells: a deep look asks the plain list as well.
    async fn what_a_search_goes_on_showing_is_found_by_a_deep_look(engine: Engine) {
        for merged in Merged::ALL {
            let settings = Settings { tickets: 300, merged_in_search: true, merged, ..Settings::default() };
            let portal = Portal::start(settings).await;
            let house = House::new(&portal, engine).await;
            house.sync().await;
            portal.sandbox.advance(Duration::hours(1));
            let gone = portal.sandbox.merge("tickets", 3);
            portal.sandbox.advance(Duration::hours(1));
            house.sync().await;
            assert!(deleted(&house).await.is_empty(), "{merged:?}");
            for _ in 0..2 {
                house.run(&["verify", "tickets", "--deep"]).await.exits(0);
                let reason = if merged == Merged::NotFound { "gone" } else { "merged" };
                assert_eq!(deleted(&house).await, all_for(reason, &gone), "{merged:?}");
                portal.sandbox.advance(Duration::days(1));
                house.sync().await;
            }
        }
    }

    /// A portal that gives up at a page of many rows gives up at as many that are asked for by their ids.
    async fn what_is_asked_by_ids_is_asked_in_parts_where_it_is_too_heavy(engine: Engine) {
        let portal = Portal::start(Settings { tickets: 300, trashed_in_search: true, ..Settings::default() }).await;
        let house = House::new(&portal, engine).await;
        house.sync().await;
        portal.sandbox.advance(Duration::hours(1));
        portal.sandbox.trash("tickets", 30);
        portal.sandbox.advance(Duration::hours(1));
        house.sync().await;
        portal.sandbox.restore("tickets", 30);
        portal.sandbox.configure(|settings| settings.heaviest_page = 20);
        portal.sandbox.advance(Duration::hours(1));
        house.run(&["verify", "tickets"]).await.exits(0);
        assert!(deleted(&house).await.is_empty());
    }

    /// Records that are asked for alone use the permits that there are.
    async fn what_is_asked_in_numbers_is_asked_at_once(engine: Engine) {
        let settings = Settings {
            tickets: 1_500,
            archived_in_search: false,
            latency: std::time::Duration::from_millis(20),
            ..Settings::default()
        };
        let portal = Portal::start(settings).await;
        let mut house = House::new(&portal, engine).await;
        house.set("DESKHOUSE_LIMITS__CONCURRENCY", "6");
        house.set("DESKHOUSE_SYNC__VERIFY_BUDGET", "0");
        house.run(&["sync", "tickets"]).await.exits(0);
        portal.sandbox.advance(Duration::hours(1));
        for change in ["delete", "archive"] {
            match change {
                "delete" => portal.sandbox.delete("tickets", 60),
                _ => portal.sandbox.archive("tickets", 60),
            };
            portal.sandbox.advance(Duration::hours(1));
            portal.sandbox.clear_requests();
            house.run(&["verify", "tickets"]).await.exits(0);
            let peak = portal.sandbox.peak_in_flight();
            // How many exactly is learnt from the portal; one after the other it would be 1.
            assert!((2..=6).contains(&peak), "{change}: {peak} at a time");
        }
    }

    /// A comparison that is asked to stop begins no other resource.
    async fn a_comparison_that_is_stopped_begins_nothing_more(engine: Engine) {
        let settings = Settings { tickets: 1_500, latency: std::time::Duration::from_millis(60), ..Settings::default() };
        let portal = Portal::start(settings).await;
        let house = House::new(&portal, engine).await;
        house.sync().await;
        portal.sandbox.advance(Duration::hours(1));
        portal.sandbox.clear_requests();
        let verify = house.start(&["verify", "--json"]);
        portal.sandbox.wait_for_requests(4).await;
        let id = verify.id().expect("a running process").to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().expect("kill runs").success());
        let ran = house.ended(verify).await.exits(130);
        let begun = ran.json()["resources"].as_array().expect("resources").len();
        assert!(begun <= 1, "{begun} resources were begun: {}", ran.stdout);
    }
}
