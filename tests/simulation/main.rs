//! Runs simulated worlds by the thousand, on all cores.
//!
//!     cargo test --release --test simulation -- --seeds 100000 [--from 0]
//!     cargo test --release --test simulation -- --seed 4711 [--bug OffsetPaging]
//!     cargo test --release --test simulation -- --bugs
//!     cargo test --release --test simulation -- --year [--seed 4711]
//!     cargo test --release --test simulation -- --estimates 200 [--from 0]
//!
//! With nothing behind `--` it runs those that CI runs: a fixed set, and then random ones for a while.

#[path = "mod.rs"]
mod simulation;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use simulation::{Bug, Figures, estimate_worlds, run, run_for_a_year};

const OPTIONS: [&str; 7] = ["--seeds", "--from", "--seed", "--bug", "--bugs", "--year", "--estimates"];

/// Seeds of every run in CI.
const FIXED: u64 = 100;

/// Seeds that failed once, and what they had found. They tell it for as long as the worlds are thrown as they were then.
const FAILED_ONCE: [(u64, &str); 11] = [
    (249, "a record that is gone and that the search goes on showing was counted as one that is not held"),
    (2_205, "records were asked for by as many ids as the portal gives up at"),
    (6_030, "a ticket that its list had left out was landed as it looks alone"),
    (9_791, "a page that was doubted when the credits ran out was dropped"),
    (9_848, "what a doubted answer had shown was dropped for the empty one behind it"),
    (10_993, "an empty answer ended what a killed run had left of a list that is not counted"),
    (28_824, "a comparison that ran out of credits told nothing of a record that fits no row"),
    (30_968, "an answer that was cut off behind its first row proved the end of a list"),
    (46_396, "a record between a page that was cut off and the page behind it was in neither"),
    (95_111, "what was spent before there was a run was in no books"),
    (98_510, "a record that was there again was taken back to an older version by an index that lagged"),
];

/// Worlds of every run in CI whose reading is estimated.
const ESTIMATED: u64 = 20;

/// How long CI runs random seeds.
const RANDOM_SECONDS: u64 = 60;

/// Within so many seeds each deliberate mistake has to be found.
const SEEDS_TO_FIND: u64 = 2_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1)?.parse::<u64>().ok()
    };
    let flag = |name: &str| arguments.iter().any(|argument| argument == name);
    // The name of a test, which cargo hands to every test program: there is none here.
    if arguments.first().is_some_and(|first| !OPTIONS.contains(&first.as_str())) {
        return ExitCode::SUCCESS;
    }
    let bug = arguments.iter().find_map(|argument| Bug::named(argument));
    if flag("--year") {
        return a_year(number("--seed").unwrap_or_default());
    }
    if let Some(worlds) = number("--estimates") {
        return estimate_worlds(number("--from").unwrap_or_default(), worlds);
    }
    if let Some(seed) = number("--seed") {
        return match run(seed, bug) {
            Ok(figures) => {
                println!("seed {seed}: {figures:?}");
                ExitCode::SUCCESS
            }
            Err(wrong) => failed(seed, &wrong),
        };
    }
    if flag("--bugs") {
        return find_bugs(|_| true);
    }
    if let Some(seeds) = number("--seeds") {
        let from = number("--from").unwrap_or(0);
        return simulate(from, |seed, _| seed < from + seeds);
    }
    for (seed, found) in FAILED_ONCE {
        if let Err(wrong) = run(seed, None) {
            eprintln!("once more {found}");
            return failed(seed, &wrong);
        }
    }
    let random = rand::random::<u32>().into();
    let enough = |_: u64, begun: Instant| begun.elapsed() < Duration::from_secs(RANDOM_SECONDS);
    for code in [
        simulate(0, |seed, _| seed < FIXED),
        estimate_worlds(0, ESTIMATED),
        find_bugs(Bug::is_quick),
        a_year(0),
        simulate(random, enough),
    ] {
        if code != ExitCode::SUCCESS {
            return code;
        }
    }
    ExitCode::SUCCESS
}

/// Runs seeds upwards from `first` on every core for as long as `goes_on`.
fn simulate(first: u64, goes_on: impl Fn(u64, Instant) -> bool + Sync) -> ExitCode {
    let begun = Instant::now();
    let (next, done, stop) = (AtomicU64::new(first), AtomicU64::new(0), AtomicBool::new(false));
    let total = Mutex::new(Figures::default());
    let failure = Mutex::new(None);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if !goes_on(seed, begun) {
                        break;
                    }
                    match run(seed, None) {
                        Ok(figures) => {
                            done.fetch_add(1, Ordering::Relaxed);
                            *total.lock().expect("no panic") += figures;
                        }
                        Err(wrong) => {
                            stop.store(true, Ordering::Relaxed);
                            failure.lock().expect("no panic").get_or_insert((seed, wrong));
                        }
                    }
                }
            });
        }
    });
    if let Some((seed, wrong)) = failure.into_inner().expect("no panic") {
        return failed(seed, &wrong);
    }
    let (done, seconds) = (done.into_inner(), begun.elapsed().as_secs_f64());
    let Figures { runs, deaths, requests } = total.into_inner().expect("no panic");
    println!(
        "{done} worlds from seed {first} in {seconds:.1} s ({:.0} a minute): {runs} runs, {deaths} of them killed, {requests} requests",
        done as f64 / seconds * 60.0
    );
    ExitCode::SUCCESS
}

/// Shows that each of the deliberate mistakes that `counts` chooses is found.
fn find_bugs(counts: impl Fn(Bug) -> bool) -> ExitCode {
    for bug in Bug::ALL.into_iter().filter(|&bug| counts(bug)) {
        let found = |seed| Some((seed, run(seed, Some(bug)).err().filter(|wrong| bug.is_shown_by(wrong))?));
        match (0..SEEDS_TO_FIND).find_map(found) {
            Some((seed, wrong)) => println!("{bug:?} is found by seed {seed}: {}", shortened(&wrong)),
            None => {
                eprintln!("{bug:?} is not found within {SEEDS_TO_FIND} seeds");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// Shows that a year of nights leaves no more behind than a season of them.
fn a_year(seed: u64) -> ExitCode {
    let begun = Instant::now();
    match run_for_a_year(seed) {
        Ok(figures) => {
            println!("a year of seed {seed} in {:.1} s: {figures:?}", begun.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!(
                "a year of seed {seed}: {wrong}\n\nhint: cargo test --release --test simulation -- --year --seed {seed}"
            );
            ExitCode::FAILURE
        }
    }
}

fn failed(seed: u64, wrong: &str) -> ExitCode {
    eprintln!("seed {seed}: {wrong}\n\nhint: cargo test --release --test simulation -- --seed {seed}");
    ExitCode::FAILURE
}

fn shortened(text: &str) -> String {
    text.chars().take(160).collect()
}
