//! `kill -9` at moments left to chance: whatever was under way, the ledger holds what it says, and the same command run
//! to its end makes the warehouse whole. What a stop that is asked for leaves is told in `resume`.

use std::collections::BTreeSet;
use std::time::{self, Instant};

use chrono::Duration;
use desk_sandbox::{Logged, Settings};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::ledger::{
    Held, asked, assert_none_lost, assert_not_read_again, assert_sound, assert_vouched, bookmarks, windows,
};
use crate::support::{Database, Engine, House, Portal, compare, old, on_every_engine};

/// Answers take longer than landing does, as a portal's do: what is lost to a kill is what was in flight.
fn slow(tickets: usize) -> Settings {
    Settings {
        tickets,
        from_cap: 999,
        latency: time::Duration::from_millis(20),
        latency_jitter: time::Duration::from_millis(15),
        ..Settings::default()
    }
}

/// `limits.concurrency`: few, so that each life gets a little further.
const AT_A_TIME: usize = 2;

/// A random moment is at most so long after the request that it is told by.
const LATEST: u64 = 40;

/// Everything that is left to chance comes from a seed; a failed test prints it.
fn dice() -> StdRng {
    let given = std::env::var("TEST_SEED").ok().map(|seed| seed.parse().expect("TEST_SEED is a number"));
    let seed: u64 = given.unwrap_or_else(rand::random);
    println!("to repeat this: TEST_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

/// A command that is killed again and again, and the ledger as it was after the last time.
struct Story<'a> {
    portal: &'a Portal,
    house: &'a House,
    dice: StdRng,
    kills: usize,
    stopped: Vec<Held>,
}

impl<'a> Story<'a> {
    fn new(portal: &'a Portal, house: &'a House) -> Self {
        Self { portal, house, dice: dice(), kills: 0, stopped: Vec::new() }
    }

    /// Starts a command and kills it after one of its first `requests` requests and some milliseconds more. One that
    /// ends before that has to have ended well.
    async fn kill(&mut self, arguments: &[&str], requests: usize) {
        let request = self.dice.random_range(1..=requests);
        let later = time::Duration::from_millis(self.dice.random_range(0..=LATEST));
        self.goes_on();
        let mut command = self.house.start(arguments);
        tokio::select! {
            () = self.portal.sandbox.wait_for_requests(request) => {}
            _ = command.wait() => {}
        }
        // The moment comes, unless the end comes first.
        if tokio::time::timeout(later, command.wait()).await.is_ok() {
            self.house.ended(command).await.exits(0);
        } else {
            command.kill().await.expect("the command is killed");
            self.kills += 1;
        }
        self.hold().await;
    }

    /// Runs the command to its end.
    async fn finish(&mut self, arguments: &[&str]) {
        self.goes_on();
        self.house.run(arguments).await.exits(0);
        self.hold().await;
    }

    /// No two runs begin at the same time.
    fn goes_on(&self) {
        self.portal.sandbox.advance(Duration::minutes(1));
        self.portal.sandbox.clear_requests();
    }

    /// Holds the ledger to itself, to what it was before, and to what was asked for since.
    async fn hold(&mut self) {
        let requests = self.portal.take_api_requests();
        // Killed early in the first run, there may be no tables yet.
        if !has_tables(&self.house.database).await {
            assert!(self.stopped.is_empty(), "the tables are gone");
            return;
        }
        let now = windows(&self.house.database).await;
        assert_sound(&now, &bookmarks(&self.house.database).await);
        assert_none_lost(&self.stopped, &now);
        assert_not_read_again(&self.stopped, &now, &requests);
        self.stopped = now;
    }

    /// Holds rows to the windows that vouch for them.
    async fn vouch(&self) {
        assert_vouched(self.portal, &self.house.database, &self.stopped, &compare::ALL).await;
    }

    /// Every run that was killed is known to have been cut off; the last one came to its end.
    async fn assert_told(&self, command: &str) {
        let sql = format!("select state from {{t}}deskhouse_runs where command = '{command}' order by id desc");
        let states = self.house.database.column(&sql).await;
        assert_eq!(states[0], "complete");
        let cut_off = states.iter().filter(|state| *state == "interrupted").count();
        assert!(cut_off > 0 && cut_off <= self.kills, "{} kills: {states:?}", self.kills);
        assert!(states.iter().all(|state| ["complete", "interrupted"].contains(&state.as_str())), "{states:?}");
    }

    /// The story is worth nothing if most of it was not killed.
    fn assert_killed(&self, times: usize) {
        println!("{} of {times} were killed", self.kills);
        assert!(self.kills * 2 >= times, "{} of {times} were killed", self.kills);
    }
}

async fn has_tables(database: &Database) -> bool {
    let sql = match database.engine() {
        Engine::Sqlite => "select count(*) from sqlite_master where name = 'deskhouse_runs'",
        Engine::Postgres => {
            "select count(*) from pg_tables where schemaname = 'zoho_desk' and tablename = 'deskhouse_runs'"
        }
    };
    database.number(sql).await == 1
}

/// Holds a warehouse to the portal in everything but rows of records that have left, which have to be marked as deleted.
async fn assert_same_but_for_the_deleted(portal: &Portal, database: &Database) {
    for resource in compare::ALL {
        let (missing, surplus) = compare::assert_fields(portal, database, resource).await;
        assert!(missing.is_empty(), "{resource}: {missing:?} are missing");
        let deleted = format!("select id from {{t}}{resource} where _deleted_at is not null");
        let deleted: BTreeSet<_> = database.column(&deleted).await.into_iter().collect();
        let departed: BTreeSet<_> = portal.sandbox.departed(resource).into_iter().map(|one| one.id).collect();
        assert_eq!(surplus.into_iter().collect::<BTreeSet<_>>(), deleted, "{resource}: marked as deleted");
        // One that came and left between two runs was never held.
        assert!(deleted.is_subset(&departed), "{resource}: {deleted:?} of {departed:?} have left");
    }
}

on_every_engine! {
    /// The first run of all, and the runs after it, in a world that goes on.
    async fn a_sync_is_killed_again_and_again(engine: Engine) {
        const FIRST: usize = 14;
        const LATER: usize = 8;
        let portal = Portal::start(slow(3_000)).await;
        let mut house = House::new(&portal, engine).await;
        house.set("DESKHOUSE_LIMITS__CONCURRENCY", AT_A_TIME.to_string());
        let mut story = Story::new(&portal, &house);
        for kill in 0..FIRST {
            story.kill(&["sync", "--json"], 10).await;
            if kill % 3 == 0 {
                story.vouch().await;
            }
            portal.sandbox.edit("tickets", 3);
        }
        story.finish(&["sync", "--json"]).await;

        assert!(story.stopped.iter().all(|window| window.done), "{:?}", story.stopped);
        compare::assert_same(&portal, &house.database).await;

        // Later runs have changes to read, and the recycle bin.
        for change in 0..LATER {
            portal.sandbox.advance(Duration::minutes(20));
            portal.sandbox.mass_edit("tickets", 250);
            portal.sandbox.create("tickets", 10);
            portal.sandbox.edit("contacts", 30);
            portal.sandbox.trash("tickets", 1);
            story.kill(&["sync", "--json"], 16).await;
            if change % 4 == 3 {
                story.vouch().await;
                story.finish(&["sync", "--json"]).await;
                assert_same_but_for_the_deleted(&portal, &house.database).await;
            }
        }
        assert!(story.stopped.iter().all(|window| window.done), "{:?}", story.stopped);
        story.assert_told("sync").await;
        story.assert_killed(FIRST + LATER);
    }

    /// What a run that is killed minutes after another one has read to its end is not asked for again: no list, and no
    /// newest stretch of what has no window left, until what was left is read.
    async fn what_has_just_been_read_is_not_read_again_after_a_kill(engine: Engine) {
        let portal = Portal::start(slow(3_000)).await;
        let mut house = House::new(&portal, engine).await;
        house.set("DESKHOUSE_LIMITS__CONCURRENCY", AT_A_TIME.to_string());
        house.set("DESKHOUSE_SYNC__VERIFY_BUDGET", "0");
        let lists = |requests: &[Logged]| {
            requests.iter().filter(|request| ["/api/v1/agents", "/api/v1/contracts"].contains(&&*request.path)).count()
        };
        // Killed when the lists and the contracts, which are read one by one, are in.
        const SYNC: [&str; 4] = ["sync", "agents", "contracts", "tickets"];
        let mut sync = house.start(&SYNC);
        let complete = "select count(*) from {t}deskhouse_bookmarks where resource in ('agents', 'contracts')";
        while !has_tables(&house.database).await || house.database.number(complete).await < 2 {
            if sync.try_wait().expect("its state").is_some() {
                panic!("{:?}", house.ended(sync).await);
            }
        }
        sync.kill().await.expect("it is killed");
        let first = portal.take_api_requests();
        assert!(lists(&first) > 0);

        portal.sandbox.advance(Duration::minutes(5));
        house.run(&SYNC).await.exits(0);
        let second = portal.take_api_requests();
        assert_eq!(lists(&second), 0, "{second:?}");
        let (missing, surplus) = compare::assert_fields(&portal, &house.database, "tickets").await;
        assert!(missing.is_empty() && surplus.is_empty(), "{missing:?} {surplus:?}");

        // The one behind a run that has come to its end looks at all of it.
        portal.sandbox.advance(Duration::minutes(1));
        house.run(&SYNC).await.exits(0);
        assert!(lists(&portal.take_api_requests()) > 0);
    }

    /// A backfill of all history moves no bookmark, however often it is killed.
    async fn a_backfill_is_killed_again_and_again(engine: Engine) {
        const KILLS: usize = 10;
        let backfill = ["backfill", "--json", "--from", "2000-01-01", "--to", "2026-06-14"];
        let portal = Portal::start(slow(3_000)).await;
        let mut house = House::new(&portal, engine).await;
        house.set("DESKHOUSE_LIMITS__CONCURRENCY", AT_A_TIME.to_string());
        house.set("DESKHOUSE_SYNC__START_DATE", "2026-06-10");
        house.sync().await;
        let held = bookmarks(&house.database).await;
        let mut story = Story::new(&portal, &house);
        story.hold().await;
        for kill in 0..KILLS {
            story.kill(&backfill, 7).await;
            if kill % 3 == 0 {
                story.vouch().await;
            }
        }
        story.finish(&backfill).await;
        story.vouch().await;
        assert!(story.stopped.iter().all(|window| window.done), "{:?}", story.stopped);
        assert_eq!(bookmarks(&house.database).await, held);
        compare::assert_same(&portal, &house.database).await;
        story.assert_told("backfill").await;
        story.assert_killed(KILLS);

        // Done is done: the same range once more asks for nothing.
        portal.sandbox.clear_requests();
        house.run(&backfill).await.exits(0);
        assert!(portal.take_api_requests().iter().all(|request| asked(request).is_none()));
    }

    /// A comparison has something to mend each time it begins.
    async fn a_comparison_is_killed_again_and_again(engine: Engine) {
        const KILLS: usize = 9;
        let portal = Portal::start(slow(1_500)).await;
        let mut house = House::new(&portal, engine).await;
        house.set("DESKHOUSE_LIMITS__CONCURRENCY", AT_A_TIME.to_string());
        house.sync().await;
        let held = bookmarks(&house.database).await;
        let mut story = Story::new(&portal, &house);
        story.hold().await;
        for kill in 0..KILLS {
            portal.sandbox.delete("tickets", 1);
            portal.sandbox.delete_spam("tickets", 1);
            portal.sandbox.merge("tickets", 1);
            let missing = "select min(id) from {t}tickets where _deleted_at is null";
            house.database.execute(&format!("delete from {{t}}tickets where id = ({missing})")).await;
            // One that is missing and one that is too many in the same range hide from numbers.
            let look = if kill % 2 == 0 { &["verify", "--json"][..] } else { &["verify", "--json", "--deep"] };
            story.kill(look, 24).await;
            if kill % 3 == 2 {
                story.finish(&["verify", "--json", "--deep"]).await;
                assert_same_but_for_the_deleted(&portal, &house.database).await;
            }
        }
        assert_eq!(bookmarks(&house.database).await, held);
        story.assert_told("verify").await;
        story.assert_killed(KILLS);
    }

    /// A first command is killed while it makes the schema, or brings an old one up to date: there is the old schema or
    /// the new one, and never a part.
    async fn a_migration_is_killed_again_and_again(engine: Engine) {
        const KILLS: usize = 12;
        let portal = Portal::start(Settings { tickets: 40, ..Settings::default() }).await;
        let migrations = old::migrations();
        let mut dice = dice();
        // How long it takes until the schema is there: the first request comes after it.
        let reference = House::new(&portal, engine).await;
        let begin = Instant::now();
        let mut undisturbed = reference.start(&["sync"]);
        portal.sandbox.wait_for_requests(1).await;
        let opening = begin.elapsed();
        undisturbed.wait().await.expect("the sync ends");
        let whole = old::schema(&reference.database).await;
        // One token for all: the portal gives few.
        let token = reference.variable("DESKHOUSE_STATE__DIR").expect("a folder").to_owned();

        let mut kept = None;
        let (mut before, mut kills) = (0, 0);
        for _ in 0..KILLS {
            let house = match kept.take() {
                Some(house) => house,
                None => {
                    let mut house = House::new(&portal, engine).await;
                    house.set("DESKHOUSE_STATE__DIR", token.clone());
                    // Half of them are empty.
                    before = if dice.random() { 0 } else { dice.random_range(5..migrations.len()) };
                    if before > 0 {
                        old::make(&house.database, &migrations[..before]).await;
                    }
                    house
                }
            };
            let old_schema = old::schema(&house.database).await;
            let mut command = house.start(&["sync", "--json"]);
            let moment = opening.mul_f64(dice.random_range(0.0..1.0));
            if tokio::time::timeout(moment, command.wait()).await.is_err() {
                command.kill().await.expect("the command is killed");
                kills += 1;
            }
            let now = old::schema(&house.database).await;
            assert!(now == whole || now == old_schema, "a part of {before} migrations and more: {now:?}");
            println!("{before} migrations, killed after {moment:?} of {opening:?}: {}", if now == whole { "all" } else { "none" });
            if now == whole || dice.random_bool(0.3) {
                house.sync().await;
                assert_eq!(old::schema(&house.database).await, whole);
                compare::assert_same(&portal, &house.database).await;
            } else {
                kept = Some(house);
            }
        }
        assert!(kills * 2 >= KILLS, "{kills} kills");
    }
}
