//! Estimates held to what runs then take: quiet worlds of every size, read for the first time or for a range of their
//! history. Nothing fails here and nothing changes, since nobody can foresee that.

use std::process::ExitCode;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use desk_sandbox::{Falsehoods, Settings};
use deskhouse::auth::Cache;
use deskhouse::clock::Clock;
use deskhouse::http::{Client, Patience};
use deskhouse::ledger::{Key, Purpose, Range, State, Usage};
use deskhouse::resource::{self, Resource, Split};
use deskhouse::sync::{self, Backfill, Estimate, Held, Outcome, Pace, Plan, Silent};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio_util::sync::CancellationToken;

use super::client::client;
use super::disk::Disk;
use super::network::Network;
use super::scenario::{OVERLAP, PLENTY, Scenario};
use super::world::World;

/// Part of what a run takes by which an estimate may miss it.
const CLOSE: f64 = 0.05;

/// Requests by which it may in any case: in tiny worlds one request is more than its part.
const FEW: f64 = 2.0;

/// What a request costs in these worlds, whose pages are not deep.
const PRICE: f64 = 3.0;

/// Estimates runs in so many worlds, and makes the runs.
pub(crate) fn estimate_worlds(first: u64, worlds: u64) -> ExitCode {
    let (mut worst, mut told, mut took, mut wrong): (f64, _, _, _) = (0.0, 0, 0, 0);
    for seed in first..first + worlds {
        match simulated(seed) {
            Ok((estimate, run)) => {
                (told, took) = (told + estimate.credits, took + run.credits);
                worst = worst.max(off(estimate, run));
            }
            Err(why) => {
                eprintln!("estimate of seed {seed}: {why}\n");
                wrong += 1;
            }
        }
    }
    println!(
        "{worlds} estimates from seed {first}: {told} credits told, {took} taken, {wrong} too far off, no other further than {:.0} % of what it may be",
        worst * 100.0
    );
    if wrong > 0 {
        eprintln!("hint: cargo test --release --test simulation -- --estimates 1 --from SEED");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// How far off an estimate is, as a part of what it may be.
fn off(told: Usage, took: Usage) -> f64 {
    let one = |told: u64, took: u64, few: f64| (told as f64 - took as f64).abs() / (CLOSE * took as f64).max(few);
    one(told.requests, took.requests, FEW).max(one(told.credits, took.credits, FEW * PRICE))
}

fn simulated(seed: u64) -> Result<(Usage, Usage), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(estimated(seed))
}

/// Estimates the run of a seed, makes it, and holds the one to the other.
async fn estimated(seed: u64) -> Result<(Usage, Usage), String> {
    let mut dice = StdRng::seed_from_u64(seed ^ 0xe571_3a7e);
    let world = World::new(scenario(seed, &mut dice));
    fill(&world, &mut dice);
    world.settle();
    world.pass(TimeDelta::hours(2));
    let plan = plan(&world, &mut dice);

    let asking = quiet_client(&world);
    let (now, edition) = sync::greet(&plan, &asking).await.map_err(|error| error.to_string())?;
    let pace = Pace { concurrency: world.scenario.concurrency, requests_per_second: None, edition };
    let held = Held::nothing(&plan, now);
    let told = sync::estimate(&plan, &held, &asking, pace).await.map_err(|error| error.to_string())?;

    let disk = Disk::in_memory();
    let warehouse = disk.open(Purpose::Sync.claims([]), world.now()).await.map_err(|error| error.to_string())?;
    let took = sync::sync(&plan, quiet_client(&world), &warehouse, &Silent, &CancellationToken::new()).await;
    drop(warehouse);
    disk.give_back();
    let took = took.map_err(|error| error.to_string())?;
    if took.state != State::Complete {
        return Err(format!("the run is {}: {:?}", took.state.word(), took.failures));
    }
    if off(told.total, took.usage) > 1.0 {
        Err(side_by_side(&plan, &told, &took))
    } else {
        Ok((told.total, took.usage))
    }
}

/// What was told and what was taken, of everything in which they differ.
fn side_by_side(plan: &Plan, told: &Estimate, took: &Outcome) -> String {
    let mut text = format!("{:?} told, {:?} taken ({:?})", told.total, took.usage, plan.backfill);
    for cost in told.all() {
        let of_run = took.all().find(|outcome| outcome.resource == cost.resource);
        if let (Some(usage), Some(of_run)) = (cost.usage(), of_run)
            && usage != of_run.usage
        {
            text.push_str(&format!("\n{}: {usage:?} told, {:?} taken; {:?}", cost.resource, of_run.usage, cost.parts));
        }
    }
    text
}

fn scenario(seed: u64, dice: &mut StdRng) -> Scenario {
    let below = [30, 300, 3_000, 12_000][dice.random_range(0..4)];
    let articles = [10, 200][dice.random_range(0..2)];
    let scenario = Scenario::of(seed);
    let settings = Settings {
        tickets: dice.random_range(0..below),
        articles: dice.random_range(0..articles),
        years: dice.random_range(1..6),
        // No more at once than offsets reach: what cuts such a second apart is told by no count.
        mass_edits: if dice.random() { vec![dice.random_range(1..900)] } else { Vec::new() },
        same_instant: if dice.random_ratio(1, 3) { vec![dice.random_range(1..900)] } else { Vec::new() },
        list_cap: if dice.random_ratio(1, 4) { 50 } else { u32::MAX },
        // What is shown although it has left is told by no count.
        trashed_in_search: false,
        from_cap: [999, 4_999][dice.random_range(0..2)],
        unreadable: 0,
        falsehoods: Falsehoods::default(),
        heaviest_page: u32::MAX,
        concurrency: 25,
        requests_per_second: None,
        daily_credits: PLENTY,
        index_lag: TimeDelta::zero(),
        ..scenario.settings
    };
    Scenario { settings, ceiling: None, skew: TimeDelta::zero(), ..scenario }
}

/// What happened in the world before anybody reads it.
fn fill(world: &World, dice: &mut StdRng) {
    let sandbox = &world.sandbox;
    for (module, most) in [("tickets", 60), ("contacts", 20), ("articles", 3)] {
        sandbox.trash(module, dice.random_range(0..most));
    }
    sandbox.archive("tickets", dice.random_range(0..120));
    let contract = sandbox.list("contracts").swap_remove(0);
    for number in 0..dice.random_range(0..300) {
        let mut contract = contract.clone();
        contract["id"] = format!("8{number:017}").into();
        sandbox.put_in_list("contracts", "", contract);
    }
}

/// A first sync of some or all resources, or a backfill of a part of history.
fn plan(world: &World, dice: &mut StdRng) -> Plan {
    let now = world.now();
    let time = |dice: &mut StdRng| now - TimeDelta::seconds(dice.random_range(0..6 * 365 * 86_400));
    let is_whole = dice.random_ratio(1, 3);
    let mut resources: Vec<_> = resource::ALL.iter().copied().filter(|_| is_whole || dice.random_ratio(1, 3)).collect();
    let mut backfill = None;
    if dice.random_ratio(1, 2) {
        let (one, other) = (time(dice), time(dice));
        let key = if dice.random() { Key::Created } else { Key::Modified };
        resources.retain(|resource| match key {
            Key::Modified => resource.feed.range().is_some(),
            Key::Created => resource.splits.first() == Some(&Split::CreatedTime),
        });
        backfill = Some(Backfill { range: Range::new(one.min(other), one.max(other)), key });
    }
    let with_details = |resource: &&&'static Resource| resource.has_detail();
    let detail = resource::ALL.iter().filter(with_details).copied().filter(|_| dice.random_ratio(1, 4)).collect();
    let start_date = if dice.random_ratio(1, 4) { time(dice) } else { DateTime::<Utc>::UNIX_EPOCH };
    Plan {
        command: "sync",
        resources,
        org_id: None,
        start_date,
        backfill,
        overlap: OVERLAP,
        keep_raw: true,
        verify_budget: 60,
        detail,
        holder: "a simulation".into(),
    }
}

fn quiet_client(world: &World) -> Arc<Client> {
    let clock = Clock::new({
        let world = world.clone();
        move || world.now()
    });
    let transport = Arc::new(Network::new(world.clone()));
    client(world, transport, clock, Cache::memory(), |settings| settings.patience = Patience { tries: 3 })
}
