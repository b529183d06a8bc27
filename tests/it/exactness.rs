//! Two thousand operations of every kind between and during ten syncs: then the warehouse is the portal, exactly. Generic
//! over the modules that the portal has, and the lists beside them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use desk_sandbox::{Leaving, Settings};
use deskhouse::resource::{self, Feed};
use serde_json::Value;

use crate::support::{Engine, House, Portal, compare, house, on_every_engine};

/// Random numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// Operations in all, and the syncs that they happen between and during.
type Span = (usize, usize);

/// What was done to a portal.
#[derive(Default)]
struct Done {
    /// How often what was done.
    operations: BTreeMap<&'static str, usize>,
    /// What has ever been in the bin.
    binned: BTreeSet<String>,
    /// What has been taken out of lists.
    taken: BTreeMap<&'static str, BTreeSet<String>>,
    /// Rows that were taken out of a list since the last sync: more than a few at once are not believed.
    taken_lately: usize,
}

/// Lists whose rows come and go, with the paths that they are asked for by.
const LISTS: [(&str, &str); 2] = [("contracts", "contracts"), ("article_feedback", "articleFeedbacks")];

/// Adds a row to a list, changes one, or takes one out of it.
fn operate_on_list(portal: &Portal, dice: &mut Dice, done: &mut Done) -> &'static str {
    let (name, path) = LISTS[dice.below(2) as usize];
    let now = portal.sandbox.now();
    let rows = portal.sandbox.list(path);
    let mut row = rows[dice.below(rows.len() as u64) as usize].clone();
    let second = now.format("%Y-%m-%dT%H:%M:%S.000Z").to_string();
    match dice.below(10) {
        0..5 => {
            row["id"] = Value::from(format!("8{:017}", now.timestamp_millis() * 100 + dice.below(100) as i64));
            row["createdTime"] = Value::from(second.clone());
            if name == "contracts" {
                row["modifiedTime"] = Value::from(second);
            }
            portal.sandbox.put_in_list(path, "", row);
            "add to a list"
        }
        // No time tells when a feedback is resolved.
        5..9 => {
            if name == "contracts" {
                row["description"] = Value::from(format!("Changed at {second}."));
                row["modifiedTime"] = Value::from(second);
            } else {
                row["status"] = Value::from(if row["status"] == "RESOLVED" { "UNRESOLVED" } else { "RESOLVED" });
            }
            portal.sandbox.put_in_list(path, "", row);
            "change in a list"
        }
        _ if done.taken_lately < 2 => {
            let id = row["id"].as_str().expect("an id").to_owned();
            portal.sandbox.take_from_list(path, &id);
            done.taken_lately += 1;
            done.taken.entry(name).or_default().insert(id);
            "take from a list"
        }
        _ => "nothing",
    }
}

/// Asks the portal to do something, and takes down what.
fn operate(portal: &Portal, dice: &mut Dice, done: &mut Done) {
    let name =
        if dice.below(100) < 8 { operate_on_list(portal, dice, done) } else { operate_on_module(portal, dice, done) };
    *done.operations.entry(name).or_default() += 1;
}

/// Asks the portal to do something to records of a module; gives its name.
fn operate_on_module(portal: &Portal, dice: &mut Dice, all: &mut Done) -> &'static str {
    let sandbox = &portal.sandbox;
    let module = compare::ALL[dice.below(compare::ALL.len() as u64) as usize];
    sandbox.advance(Duration::seconds(dice.below(40) as i64));
    let (done, name) = match dice.below(100) {
        0..30 => (sandbox.edit(module, 1), "edit"),
        30..48 => (sandbox.create(module, 1), "create"),
        48..51 => (sandbox.mass_edit(module, 25), "mass edit"),
        51..65 => (sandbox.trash(module, 1), "trash"),
        65..73 => (sandbox.restore(module, 1), "restore"),
        73..79 => (sandbox.delete(module, 1), "purge"),
        79..82 => (sandbox.purge_bin(module, 1), "purge from the bin"),
        82..86 => (sandbox.delete_spam(module, 1), "delete as spam"),
        86..90 => (sandbox.merge("tickets", 1), "merge"),
        90..96 => (sandbox.move_department(module, 1), "move"),
        _ => (sandbox.archive("tickets", 1), "archive"),
    };
    if name == "trash" {
        all.binned.extend(done.iter().cloned());
    }
    if done.is_empty() { "nothing" } else { name }
}

/// What is known of one that is gone: reason, who, what it was merged into, and when where the bin says so.
type Stone = (String, Option<String>, Option<String>, Option<DateTime<Utc>>);

async fn stones(house: &House, table: &str) -> BTreeMap<String, Stone> {
    let key = resource::find(table).expect("a resource").columns[0].name;
    let sql = format!(
        "select {key}, _deleted_reason, _deleted_by, _merged_into from {{t}}{table} where _deleted_at is not null"
    );
    let mut stones = BTreeMap::new();
    for row in house.database.query(&sql).await {
        let [id, reason, by, into] = <[Option<String>; 4]>::try_from(row).expect("four columns");
        let id = id.expect("an id");
        let at = house.database.instant("_deleted_at", &format!("{table} where {key} = '{id}'")).await;
        stones.insert(id, (reason.expect("a reason"), by, into, at));
    }
    stones
}

/// Holds the rows of a table that are alive to the portal's records, field by field, and the others to what the portal
/// knows of where they went.
async fn assert_exact(portal: &Portal, house: &House, table: &str, binned: &BTreeSet<String>) {
    let stones = stones(house, table).await;
    let (missing, rest) = compare::assert_fields(portal, &house.database, table).await;
    assert!(missing.is_empty(), "{table}: {missing:?} are missing");
    assert_eq!(
        rest,
        stones.keys().cloned().collect::<Vec<_>>(),
        "{table}: rows beside the portal's are the deleted ones"
    );
    let departed = portal.sandbox.departed(table);
    for (id, (reason, by, into, at)) in &stones {
        let one = departed.iter().find(|one| one.id == *id).unwrap_or_else(|| panic!("{table} {id} has not left"));
        let at = at.expect("a time");
        // One that was seen in the bin, came back with its old time and left again without a trace was never seen alive: the
        // first deletion is the one that is known. The bin tells of a later one.
        let is_first = reason == "trashed" && binned.contains(id) && at <= one.at;
        if is_first && !matches!(one.leaving, Leaving::Trashed { .. }) {
            continue;
        }
        match &one.leaving {
            Leaving::Trashed { by: agent } => {
                assert_eq!((reason.as_str(), by.as_ref(), at), ("trashed", Some(agent), one.at), "{table} {id}");
            }
            Leaving::Spam => assert_eq!(reason, "spam", "{table} {id}"),
            Leaving::Merged { into: other } if table == "tickets" => {
                assert_eq!((reason.as_str(), into.as_ref()), ("merged", Some(other)), "{table} {id}");
            }
            Leaving::Purged | Leaving::Merged { .. } => assert_eq!(reason, "gone", "{table} {id}"),
        }
        assert!(at >= one.at, "{table} {id} was not gone before it went");
    }
}

/// Holds the translations to the portal's; those that are gone went with their article, or before it.
async fn assert_exact_parts(portal: &Portal, house: &House) {
    let (missing, rest) = compare::assert_fields(portal, &house.database, "article_translations").await;
    let (parts, articles) = (stones(house, "article_translations").await, stones(house, "articles").await);
    assert!(missing.is_empty(), "{missing:?} are missing");
    assert_eq!(rest, parts.keys().cloned().collect::<Vec<_>>());
    let sql = "select translation_id, article_id from {t}article_translations where _deleted_at is not null";
    let (mut with, mut alone) = (0, 0);
    for row in house.database.query(sql).await {
        let [id, article] = <[Option<String>; 2]>::try_from(row).expect("two columns");
        let (part, article) = (&parts[&id.expect("an id")], articles.get(&article.expect("an id")));
        match article {
            Some(article) if part == article => with += 1,
            _ => {
                assert_eq!(part.0, "gone", "{part:?} of {article:?}");
                alone += 1;
            }
        }
    }
    assert!(with > 10 && alone > 2, "{with} went with their article, {alone} before it");
}

async fn exactness(engine: Engine, seed: u64, (operations, syncs): Span, settings: Settings) {
    // Nights pass in no time, and tokens are counted by the clock of the machine.
    let settings = Settings { tickets: 1_200, seed, token_lifetime: Duration::days(1_000), ..settings };
    let portal = Portal::start(settings).await;
    let mut house = House::new(&portal, engine).await;
    // In this small world a night takes more than a twentieth of a table away, which no comparison believes unasked.
    house.set("DESKHOUSE_SYNC__VERIFY_BUDGET", "0");
    let resources: Vec<_> = compare::ALL.into_iter().chain(compare::BESIDE).collect();
    house.set("DESKHOUSE_SYNC__RESOURCES", resources.join(","));
    house.sync().await;
    let (mut dice, mut done) = (Dice(seed), Done::default());
    for round in 0..syncs {
        // Half of them between the syncs, half while one runs.
        let each = operations / syncs / 2;
        for _ in 0..each {
            operate(&portal, &mut dice, &mut done);
        }
        let asked = portal.sandbox.requests().len();
        let running = house.start(&["sync", "--json"]);
        for step in 0..each {
            if step % 20 == 0 {
                // Not before the run has asked again, or after it has ended.
                let more = portal.sandbox.wait_for_requests(asked + 1 + step / 10);
                let _ = tokio::time::timeout(std::time::Duration::from_millis(200), more).await;
            }
            operate(&portal, &mut dice, &mut done);
        }
        house.ended(running).await.exits(0);
        done.taken_lately = 0;
        // An hour or a night.
        portal.sandbox.advance(Duration::minutes(if round % 2 == 0 { 60 } else { 1_400 }));
    }
    let told = &done.operations;
    assert!(told.values().sum::<usize>() == operations && told.len() >= 14, "{told:?}");

    let summary = house.sync().await;
    let found = house.run(&["verify", "--believe", "--json"]).await.exits(0).json();
    for table in compare::ALL {
        assert_exact(&portal, &house, table, &done.binned).await;
        let live = i64::try_from(portal.sandbox.records(table).len()).expect("few");
        let rows = format!("select rows from {{t}}deskhouse_freshness where resource = '{table}'");
        assert_eq!(house.database.number(&rows).await, live, "{table}");
    }
    assert_exact_parts(&portal, &house).await;
    for (table, _) in LISTS {
        let (missing, rest) = compare::assert_fields(&portal, &house.database, table).await;
        assert!(missing.is_empty(), "{table}: {missing:?} are missing");
        // One that came and went between two syncs was never seen.
        let taken = done.taken.remove(table).unwrap_or_default();
        let stones = stones(&house, table).await;
        assert_eq!(rest, stones.keys().cloned().collect::<Vec<_>>(), "{table}");
        assert!(rest.iter().all(|id| taken.contains(id)) && !rest.is_empty(), "{table}: {rest:?} of {taken:?}");
        assert!(stones.values().all(|(reason, ..)| reason == "gone"), "{table}: {stones:?}");
    }
    let reasons: BTreeSet<String> = stones(&house, "tickets").await.into_values().map(|(reason, ..)| reason).collect();
    assert_eq!(reasons.into_iter().collect::<Vec<_>>(), ["gone", "merged", "spam", "trashed"]);
    // And a second look finds nothing.
    let again: Value = house.run(&["verify", "--json"]).await.exits(0).json();
    for table in compare::ALL.into_iter().chain(compare::BESIDE) {
        let told = (house::of(&summary, table), house::of(&found, table), house::of(&again, table));
        let (_, _, again) = told;
        for name in ["ranges_differing", "rows_inserted", "rows_updated", "rows_deleted"] {
            assert_eq!(again[name], 0, "{table} {name}: {told:?}");
        }
    }
    let mut moving = resource::ALL.iter().filter(|resource| !matches!(resource.feed, Feed::List(_)));
    let compared = |name| compare::ALL.contains(&name) || compare::BESIDE.contains(&name);
    assert!(moving.all(|resource| compared(resource.name)), "every table was compared");
}

on_every_engine! {
    /// What is restored has its old time.
    async fn after_2000_operations_the_warehouse_is_the_portal(engine: Engine) {
        exactness(engine, 7, (2_000, 10), Settings::default()).await;
    }

    /// Restoring is a change, and the search index lags by five minutes.
    async fn beside_a_lagging_index_too(engine: Engine) {
        let settings = Settings { restoring_is_a_change: true, index_lag: Duration::minutes(5), ..Settings::default() };
        exactness(engine, 11, (1_000, 5), settings).await;
    }
}
