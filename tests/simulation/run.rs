//! One seed from its beginning to its end: runs that end in every way, and then one that nothing disturbs.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use chrono::{DateTime, NaiveDate, TimeDelta};
use desk_sandbox::Logged;
use deskhouse::auth::Cache;
use deskhouse::clock::Clock;
use deskhouse::http::{Client, Priority};
use deskhouse::ledger::{Brake, Key, Purpose, Range, State};
use deskhouse::resource;
use deskhouse::sync::{self, Backfill, Depth, Hand, Manner, Outcome, Plan, Silent};
use deskhouse::transport::Transport;
use deskhouse::warehouse;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio_util::sync::CancellationToken;

use super::client::client;
use super::disk::Disk;
use super::invariants::{self, Held};
use super::log::Log;
use super::network::Network;
use super::sabotage::{Bug, Sabotaged, Saboteur};
use super::scenario::{End, OVERLAP, Scenario};
use super::world::World;

/// Undisturbed runs that may be needed until everything is read: what a stopped run left, and then what is new.
const RUNS_TO_SETTLE: usize = 3;

/// How long after an answer what it cost is surely in the books: a second, and as long as an answer takes.
const UNBOOKED: TimeDelta = TimeDelta::milliseconds(1_500);

/// What is backfilled, in the worlds in which something is.
const BACKFILLED: &str = "tickets";

/// One in so many worlds is listened to, since a log costs time.
const ONE_IN_LOGGED: u64 = 10;

/// Nights of a year.
const NIGHTS: usize = 365;

/// What a seed came to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Figures {
    pub(crate) runs: u32,
    pub(crate) deaths: u32,
    pub(crate) requests: u64,
}

impl std::ops::AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.deaths += other.deaths;
        self.requests += other.requests;
    }
}

/// Lives through the scenario of a seed; the error says what was found to be wrong.
pub(crate) fn run(seed: u64, bug: Option<Bug>) -> Result<Figures, String> {
    let mut scenario = Scenario::of(seed);
    if let Some(bug) = bug {
        bug.provoke(&mut scenario);
    }
    simulated(seed, async { Life::new(scenario, bug).live().await })
}

/// Lives through a year of a small portal, read each night.
pub(crate) fn run_for_a_year(seed: u64) -> Result<Figures, String> {
    simulated(seed, async { Life::new(Scenario::of_a_year(seed), None).live_a_year().await })
}

fn simulated(seed: u64, life: impl Future<Output = Result<Figures, String>>) -> Result<Figures, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    RANDOM.with_borrow_mut(|random| *random = StdRng::seed_from_u64(seed));
    if !seed.is_multiple_of(ONE_IN_LOGGED) {
        return runtime.block_on(life);
    }
    let log = Log::default();
    let listening = log.listen();
    let lived = runtime.block_on(life);
    drop(listening);
    lived.and_then(|figures| log.is_discreet().map(|()| figures))
}

thread_local! {
    /// Spreads the waits of the program.
    static RANDOM: std::cell::RefCell<StdRng> = std::cell::RefCell::new(StdRng::seed_from_u64(0));
}

struct Life {
    world: World,
    /// Open for as long as the process lives, which makes the next run too if the last one came to its end.
    warehouse: Option<Sabotaged>,
    /// Closed after the program's connection, which then leaves the log alone.
    disk: Disk,
    /// Outlives a run, as the file on the disk does.
    tokens: Cache,
    bug: Option<Bug>,
    figures: Figures,
    /// What the last run left, if nothing has written since.
    held: Option<Held>,
    /// Credits spent so far, by the day.
    spent: BTreeMap<NaiveDate, u64>,
    /// Those of them that no book tells of.
    unbooked: u64,
}

impl Life {
    fn new(scenario: Scenario, bug: Option<Bug>) -> Self {
        let disk = if scenario.has_file { Disk::in_a_file() } else { Disk::in_memory() };
        Self {
            world: World::new(scenario),
            warehouse: None,
            disk,
            held: None,
            spent: BTreeMap::new(),
            unbooked: 0,
            tokens: Cache::memory(),
            bug,
            figures: Figures::default(),
        }
    }

    async fn live(mut self) -> Result<Figures, String> {
        let scenario = Arc::clone(&self.world.scenario);
        if let Some(refused) = scenario.refused {
            self.disk.reader.refuse(refused);
        }
        for (number, step) in scenario.steps.iter().enumerate() {
            if scenario.damaged == Some(number) {
                self.damaged_run().await.map_err(|wrong| format!("over a damaged ledger: {wrong}"))?;
            }
            self.world.pass(step.pause);
            for _ in 0..step.changes {
                self.world.change();
                self.world.pass(step.between);
            }
            self.world.change_the_lag();
            self.watched_run(step.end).await.map_err(|wrong| format!("run {number} ({:?}): {wrong}", step.end))?;
        }
        self.disk.reader.refuse_nothing();
        if scenario.damaged == Some(scenario.steps.len()) {
            self.damaged_run().await.map_err(|wrong| format!("over a damaged ledger: {wrong}"))?;
        }
        self.settle().await?;
        if scenario.is_repeated {
            self.world.pass(TimeDelta::minutes(1));
            let idle = self.watched_run(End::Itself).await.map_err(|wrong| format!("an idle run: {wrong}"))?;
            invariants::is_idle(&idle.ok_or("the idle run did not end")?)?;
            invariants::is_idle(&self.comparison().await?)?;
        }
        drop(self.warehouse);
        self.disk.give_back();
        Ok(self.figures)
    }

    /// A year of nights, after which the ledger is no longer than after four months of them.
    async fn live_a_year(mut self) -> Result<Figures, String> {
        let mut season = BTreeMap::new();
        for night in 0..NIGHTS {
            for _ in 0..self.world.throw(|dice| dice.random_range(0..8)) {
                self.world.change();
            }
            self.world.pass(TimeDelta::days(1));
            self.watched_run(End::Itself).await.map_err(|wrong| format!("night {night}: {wrong}"))?;
            if night == NIGHTS / 3 {
                season = self.disk.reader.ledger();
            }
        }
        self.settle().await?;
        for (table, rows) in self.disk.reader.ledger() {
            let then = season[table];
            if rows > then + then / 10 + 10 {
                return Err(format!("{table} has grown from {then} rows to {rows}"));
            }
        }
        Ok(self.figures)
    }

    /// Reads and compares until nothing is left to do, and holds the warehouse to the world.
    async fn settle(&mut self) -> Result<(), String> {
        self.world.settle();
        // The next credit day, on which there are enough.
        self.world.pass(TimeDelta::days(1));
        let mut last = None;
        for _ in 0..RUNS_TO_SETTLE {
            self.world.pass(TimeDelta::minutes(1));
            last = self.watched_run(End::Itself).await.map_err(|wrong| format!("a quiet run: {wrong}"))?;
            if last.as_ref().is_some_and(|outcome| outcome.state == State::Complete) {
                break;
            }
        }
        let settled = last.ok_or("the last run did not end")?;
        // What a count finds to be missing, such as a record that came back with its old time, a comparison brings.
        let is_counted_short = is_complete(&settled).is_err_and(|wrong| wrong.contains("the portal counts"));
        if !is_counted_short {
            is_complete(&settled)?;
        }
        self.world.pass(TimeDelta::minutes(1));
        is_complete(&self.comparison().await?).map_err(|wrong| format!("a comparison: {wrong}"))?;
        if is_counted_short {
            self.world.pass(TimeDelta::minutes(1));
            let counted = self.watched_run(End::Itself).await?.ok_or("the last run did not end")?;
            is_complete(&counted).map_err(|wrong| format!("after a comparison: {wrong}"))?;
        }
        invariants::is_the_world(&self.world, &self.disk.reader)
    }

    /// A run over a ledger of which a row cannot be read: it says so, and takes nothing for done. Then the row is put right.
    async fn damaged_run(&mut self) -> Result<(), String> {
        let Some(damage) = self.disk.reader.damage(&self.world) else { return Ok(()) };
        let before = self.disk.reader.of_the_ledger(&damage.resource);
        self.world.sandbox.clear_requests();
        let outcome = self.one_run(End::Itself).await;
        let after = self.disk.reader.of_the_ledger(&damage.resource);
        self.figures.runs += 1;
        self.held = None;
        // What the run cost before it came to that is in the books, or beside them.
        self.world.sandbox.requests().iter().for_each(|request| self.unbooked += request.credits);
        if let Some(Ok(outcome)) = outcome {
            return Err(format!("{damage:?} was passed over: {}", outcome.state.word()));
        }
        if before != after {
            return Err(format!("{damage:?} has moved the ledger from {before:?} to {after:?}"));
        }
        self.disk.reader.repair(&damage);
        Ok(())
    }

    /// A run, and whether it kept the promises that hold at any time.
    async fn watched_run(&mut self, end: End) -> Result<Option<Outcome>, String> {
        let before = self.held.take().unwrap_or_else(|| self.disk.reader.held(&self.world));
        self.world.sandbox.clear_requests();
        let outcome = self.one_run(end).await;
        let after = self.disk.reader.held(&self.world);
        self.figures.runs += 1;
        let requests = self.world.sandbox.requests();
        self.figures.requests += requests.len() as u64;
        for request in &requests {
            *self.spent.entry(request.at.date_naive()).or_default() += request.credits;
        }
        let dropped = self.world.take_dropped();
        if outcome.is_none() || end == End::Beside {
            // What is not in the books nobody knows of, after a death or beside another process.
            self.unbooked += dropped * invariants::DEAREST;
            let booked = self.world.now() - UNBOOKED;
            let is_unknown = |request: &&Logged| request.at > booked || end == End::Beside;
            self.unbooked += requests.iter().filter(is_unknown).map(|request| request.credits).sum::<u64>();
        }
        if !self.world.is_settled() {
            let seen = self.world.seen_left();
            invariants::budget_is_kept(&self.world.scenario, &self.spent, &seen, self.unbooked)?;
        }
        invariants::always(&self.world, &before, &after, &requests)?;
        if let (End::Signal(_), Some(Ok(outcome))) = (end, &outcome) {
            invariants::nothing_paid_is_dropped(&self.world, &requests, outcome)?;
        }
        self.held = Some(after);
        if let Some(Ok(outcome)) = &outcome {
            invariants::rejects_are_admitted(outcome)?;
        }
        match outcome {
            Some(Err(error @ sync::Error::Warehouse(_))) => Err(error.to_string()),
            Some(Err(error)) if self.world.is_settled() => Err(error.to_string()),
            Some(Ok(outcome)) => Ok(Some(outcome)),
            Some(Err(_)) | None => Ok(None),
        }
    }

    /// What a process does; none when it died.
    async fn one_run(&mut self, end: End) -> Option<Result<Outcome, sync::Error>> {
        let warehouse = self.warehouse().await;
        let (client, plan, stopped) = (self.client(Priority::Main), self.plan(), CancellationToken::new());
        let run = sync::sync(&plan, client, &warehouse, &Silent, &stopped);
        match end {
            End::Itself => {
                let outcome = run.await;
                self.warehouse = Some(warehouse);
                Some(outcome)
            }
            End::Signal(after) => {
                let signal = async {
                    tokio::time::sleep(after).await;
                    stopped.cancel();
                };
                let (outcome, ()) = tokio::join!(run, signal);
                Some(outcome)
            }
            End::Beside => {
                let claims = |purpose: Purpose| purpose.claims([BACKFILLED]);
                if self.disk.has_locks() {
                    assert!(self.open(claims(Purpose::Sync)).await.is_err(), "two syncs at once");
                }
                let beside = self.open(claims(Purpose::Backfill)).await.expect("nobody else backfills");
                let (backfill, client) = (self.backfill(), self.client(Priority::Backfill));
                let backfill = sync::sync(&backfill, client, &beside, &Silent, &stopped);
                let (outcome, beside) = tokio::join!(run, backfill);
                self.warehouse = Some(warehouse);
                Some(outcome.and_then(|outcome| beside.map(|_| outcome)))
            }
            End::DeathComparing(steps) => {
                let outcome = run.await;
                let comparison = self.compare(&warehouse, Priority::Verify, Brake::USUAL);
                let compared = until_death(comparison, steps).await;
                self.figures.runs += 1;
                self.figures.deaths += u32::from(compared.is_none());
                compared.map(|compared| compared.and(outcome))
            }
            End::Death(steps) => {
                let outcome = until_death(run, steps).await;
                self.figures.deaths += u32::from(outcome.is_none());
                outcome
            }
        }
    }

    /// A comparison that nothing disturbs.
    async fn comparison(&mut self) -> Result<Outcome, String> {
        let warehouse = self.warehouse().await;
        let compared = self.compare(&warehouse, Priority::Main, Brake::OFF).await;
        (self.warehouse, self.held) = (Some(warehouse), None);
        compared.map_err(|error| format!("a comparison: {error}"))
    }

    /// Compares everything with the portal, and mends what differs.
    async fn compare(&self, warehouse: &Sabotaged, priority: Priority, brake: Brake) -> Result<Outcome, sync::Error> {
        let manner = Manner { depth: Depth::Records, hand: Hand::Mend, brake };
        let (plan, stopped) = (self.plan(), CancellationToken::new());
        sync::verify(&plan, manner, self.client(priority), warehouse, &Silent, &stopped)
            .await
            .map(|(outcome, _)| outcome)
    }

    async fn warehouse(&mut self) -> Sabotaged {
        match self.warehouse.take() {
            Some(warehouse) => warehouse,
            None => self.open(Purpose::Sync.claims([])).await.expect("nobody else syncs"),
        }
    }

    /// Opens the warehouse for a process that claims this.
    async fn open(&self, claims: Vec<String>) -> Result<Sabotaged, warehouse::Error> {
        let warehouse = self.disk.open(claims, self.world.now()).await?;
        Ok(Sabotaged { warehouse, path: self.disk.name.clone(), bug: self.bug })
    }

    /// What a backfill of all history is to do.
    fn backfill(&self) -> Plan {
        let range = Range::new(DateTime::UNIX_EPOCH, self.world.now());
        let resources = resource::find(BACKFILLED).into_iter().collect();
        Plan { command: "backfill", resources, backfill: Some(Backfill { range, key: Key::Created }), ..self.plan() }
    }

    fn plan(&self) -> Plan {
        Plan {
            command: "sync",
            resources: self.world.scenario.resources.clone(),
            org_id: None,
            start_date: DateTime::UNIX_EPOCH,
            backfill: None,
            overlap: if self.bug == Some(Bug::BookmarkIsNow) { TimeDelta::zero() } else { OVERLAP },
            keep_raw: true,
            verify_budget: if self.world.is_settled() { 0 } else { self.world.scenario.verify_budget },
            detail: Vec::new(),
            holder: "a simulation".into(),
        }
    }

    fn client(&self, priority: Priority) -> Arc<Client> {
        let world = self.world.clone();
        let clock = Clock::new(move || world.machine_time());
        let transport: Arc<dyn Transport> = Arc::new(Network::new(self.world.clone()));
        let transport = match self.bug {
            Some(bug) => Arc::new(Saboteur::new(transport, bug)),
            None => transport,
        };
        let ceiling = self.world.scenario.ceiling.filter(|_| !self.world.is_settled());
        client(&self.world, transport, clock, self.tokens.clone(), |settings| {
            (settings.daily_credits, settings.priority) = (ceiling, priority);
            settings.random = || RANDOM.with_borrow_mut(|random| random.random());
        })
    }
}

fn is_complete(outcome: &Outcome) -> Result<(), String> {
    match outcome.all().find(|part| part.state != State::Complete) {
        Some(part) => {
            Err(format!("{} is {}: {:?} {:?}", part.resource, part.state.word(), part.error, outcome.failures))
        }
        None => Ok(()),
    }
}

/// Runs a future for so many steps of its own, and drops it wherever it is then: a process that dies.
async fn until_death<T>(future: impl Future<Output = T>, steps: u32) -> Option<T> {
    let (mut future, mut left) = (pin!(future), steps);
    poll_fn(|context| {
        left = left.saturating_sub(1);
        match future.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
