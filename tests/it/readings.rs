//! All that the vendor leaves open about what has left, at once: whatever a portal does about it, one sync and one
//! comparison after two thousand operations make the warehouse equal to it.

use chrono::Duration;
use desk_sandbox::{Departed, Farewell, Leaving, Merged, Settings};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::{Engine, House, Portal, compare, on_every_engine};

const OPERATIONS: usize = 2_000;

/// One portal for each way in which it may tell of a record that has left; the other questions are answered so that each
/// answer meets all of these.
fn readings() -> impl Iterator<Item = Settings> {
    (0u32..16).map(|number| {
        let bit = |bit: u32| (number >> bit) & 1 == 1;
        let merged = Merged::ALL[(number & 3) as usize];
        let (is_trash_shown, farewell) = (bit(2), if bit(3) { Farewell::Flagged } else { Farewell::NotFound });
        Settings {
            seed: 100 + u64::from(number),
            tickets: 1_000,
            merged,
            farewell,
            trashed_in_search: is_trash_shown,
            merged_in_search: bit(1) ^ bit(2) ^ bit(3),
            history_base: u32::from(bit(2) ^ bit(3)),
            list_base: u32::from(bit(0) ^ bit(2)),
            from_cap: if bit(1) ^ bit(3) { 999 } else { 4_999 },
            half_emojis: bit(2).then_some(2),
            ..Settings::default()
        }
    })
}

/// Edits for the most part, and everything else that happens to tickets. Where not all is looked at closely, none goes into
/// the archive, whose swaps only a deep look sees.
fn live(portal: &Portal, seed: u64, is_deep: bool) {
    let mut dice = StdRng::seed_from_u64(seed);
    let sandbox = &portal.sandbox;
    for _ in 0..OPERATIONS {
        sandbox.advance(Duration::seconds(dice.random_range(0..3)));
        match dice.random_range(0..200) {
            0..=7 => sandbox.trash("tickets", 1),
            8..=11 => sandbox.restore("tickets", 1),
            12 => sandbox.purge_bin("tickets", 1),
            13..=14 => sandbox.merge("tickets", 1),
            15 => sandbox.delete_spam("tickets", 1),
            16 => sandbox.delete("tickets", 1),
            17..=20 => sandbox.move_department("tickets", 1),
            21..=24 if is_deep => sandbox.archive("tickets", 1),
            21..=60 => sandbox.create("tickets", 1),
            _ => sandbox.edit("tickets", 1),
        };
    }
}

/// Reason, and what it was merged into, of a record that has left: as much as any reading lets anybody know.
fn expected(portal: &Portal, settings: &Settings, one: &Departed) -> (&'static str, Option<String>) {
    match &one.leaving {
        Leaving::Trashed { .. } => ("trashed", None),
        Leaving::Spam if settings.farewell == Farewell::Flagged => ("spam", None),
        Leaving::Spam | Leaving::Purged => ("gone", None),
        Leaving::Merged { into } => match settings.merged {
            Merged::NotFound => ("gone", None),
            Merged::History | Merged::Flagged => ("merged", Some(into.clone())),
            // The one that it became may have become another one since.
            Merged::Winner => {
                let next = portal.sandbox.departed("tickets").into_iter().find(|next| next.id == *into);
                match next {
                    Some(next) if matches!(next.leaving, Leaving::Merged { .. }) => expected(portal, settings, &next),
                    Some(next) if matches!(next.leaving, Leaving::Purged) => ("gone", None),
                    Some(_) if settings.farewell == Farewell::NotFound => ("gone", None),
                    _ => ("merged", Some(into.clone())),
                }
            }
        },
    }
}

async fn assert_equal(portal: &Portal, house: &House, settings: &Settings) {
    let (missing, surplus) = compare::assert_fields(portal, &house.database, "tickets").await;
    assert!(missing.is_empty(), "missing: {missing:?}");
    let sql = "select id, _deleted_reason, _merged_into from {t}tickets where _deleted_at is not null order by id";
    let held: Vec<(String, String, Option<String>)> = house
        .database
        .query(sql)
        .await
        .into_iter()
        .map(|row| {
            let [id, reason, into] = <[Option<String>; 3]>::try_from(row).expect("three columns");
            (id.expect("an id"), reason.expect("a reason"), into)
        })
        .collect();
    let mut gone = portal.sandbox.departed("tickets");
    gone.retain(|one| surplus.contains(&one.id));
    gone.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(gone.len(), surplus.len(), "every row that the portal has not has left it");
    let told: Vec<_> = gone
        .iter()
        .map(|one| {
            let (reason, into) = expected(portal, settings, one);
            (one.id.clone(), reason.to_owned(), into)
        })
        .collect();
    let differing: Vec<_> =
        held.iter().filter(|one| !told.contains(one)).zip(told.iter().filter(|one| !held.contains(one))).collect();
    assert!(held == told, "held and told differ: {differing:?}");
}

on_every_engine! {
    async fn whatever_a_portal_tells_of_what_has_left_a_sync_and_a_comparison_agree_with_it(engine: Engine) {
        for settings in readings() {
            let Settings { merged, farewell, trashed_in_search, merged_in_search, .. } = settings;
            let Settings { history_base, list_base, from_cap, .. } = settings;
            println!(
                "{merged:?}, {farewell:?}, shown {trashed_in_search} {merged_in_search}, bases {history_base} {list_base}, {from_cap}"
            );
            let portal = Portal::start(settings.clone()).await;
            let house = House::new(&portal, engine).await;
            house.run(&["sync", "tickets"]).await.exits(0);
            live(&portal, settings.seed, merged_in_search);
            portal.sandbox.advance(Duration::hours(1));
            // What came back with its old time no page shows as changed: a sync may say that something is lacking.
            let sync = house.run(&["sync", "tickets"]).await;
            assert!([0, 4].contains(&sync.code), "{}", sync.stderr);
            // That the search shows what was merged no number tells.
            let verify = if merged_in_search { &["verify", "tickets", "--deep"][..] } else { &["verify", "tickets"] };
            house.run(verify).await.exits(0);
            assert_equal(&portal, &house, &settings).await;
        }
    }
}
