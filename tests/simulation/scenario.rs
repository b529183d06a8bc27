//! What a seed decides: the world, its limits, how its network fails, and what happens between and during the runs.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use desk_sandbox::{Bounds, Clock, Falsehood, Falsehoods, Farewell, Merged, Settings};
use deskhouse::resource::{self, Feed, Resource};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Read again by each run. A lag of the index that is longer loses records, as the README says.
pub(crate) const OVERLAP: TimeDelta = TimeDelta::minutes(15);

/// Credits of a day on which nobody has to count them.
pub(crate) const PLENTY: u64 = 1_000_000;

/// Percent of a day's credits that the program is told to leave.
pub(crate) const RESERVE: u8 = 20;

/// Lists of the portal itself whose rows come, go and change.
pub(crate) const LISTS: [&str; 4] = ["agents", "teams", "roles", "profiles"];

/// One simulated history of a portal and of the runs that read it.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) settings: Settings,
    /// What the program is told to read.
    pub(crate) resources: Vec<&'static Resource>,
    /// Most requests at a time, as the program is told.
    pub(crate) concurrency: u32,
    /// Credits a day that the program is told to stop at.
    pub(crate) ceiling: Option<u64>,
    /// Largest `limit` that the portal takes, where it takes less than is documented.
    pub(crate) page_cap: Option<u32>,
    /// How far the machine's clock is beside the portal's when it begins.
    pub(crate) skew: TimeDelta,
    /// Of ten thousand requests, so many find the machine's clock set anew.
    pub(crate) jumps: u32,
    /// Of a hundred requests, so many fail.
    pub(crate) faults: u32,
    /// Of a hundred requests for a list that is read whole, so many are refused.
    pub(crate) refusals: u32,
    /// Of a hundred requests, so many find the world changed.
    pub(crate) changes: u32,
    /// Credits that a run may spend on comparing.
    pub(crate) verify_budget: u64,
    /// Longest lag of the index; it wanders between none and this.
    pub(crate) lag: TimeDelta,
    /// Before this step somebody damages the ledger.
    pub(crate) damaged: Option<usize>,
    /// Which rows the database refuses until all is quiet, if it refuses any.
    pub(crate) refused: Option<Refused>,
    pub(crate) steps: Vec<Step>,
    /// Whether everything is read and compared once more when nothing is left to do.
    pub(crate) is_repeated: bool,
    /// Whether the warehouse is a file, which each process opens anew, and not in memory.
    pub(crate) has_file: bool,
}

/// Rows of tickets that the database refuses: one in so many of all that there are, whatever is in it or if it has a subject.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused {
    pub(crate) one_in: u32,
    pub(crate) is_whole: bool,
    pub(crate) refusal: Refusal,
}

/// What SQLite says of a row that it refuses.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refusal {
    /// 1811: a trigger does not want it.
    Trigger,
    /// 18: a value is too big.
    TooBig,
    /// 20: a value is none of its type.
    Mismatch,
    /// 1299: a value is missing.
    Missing,
    /// 1555: its key is there.
    Twice,
}

impl Refusal {
    const ALL: [Self; 5] = [Self::Trigger, Self::TooBig, Self::Mismatch, Self::Missing, Self::Twice];
}

/// What happens before a run, and how the run ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// How long nothing runs.
    pub(crate) pause: TimeDelta,
    /// Changes made then, before the run begins.
    pub(crate) changes: u32,
    /// Time from one change to the next: a version that one run reads late may be one that the run before had passed.
    pub(crate) between: TimeDelta,
    pub(crate) end: End,
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself.
    Itself,
    /// The process is gone after so many steps of its own, whatever it was about to do.
    Death(u32),
    /// It is asked to stop after so long.
    Signal(Duration),
    /// A comparison follows it, whose process is gone after so many steps.
    DeathComparing(u32),
    /// By itself, and a backfill of all history runs beside it, while another run is sent away.
    Beside,
}

impl Scenario {
    pub(crate) fn of(seed: u64) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        // Most worlds are small, since most mistakes show in one, and some in one whose few records change all the time:
        // what needs many records is tried less often.
        let tickets = match dice.random_range(0..160) {
            0 => dice.random_range(320..1_200),
            1..=5 => dice.random_range(100..320),
            _ => {
                let below = [6, 20, 40][dice.random_range(0..3)];
                dice.random_range(0..below)
            }
        };
        let ties = |dice: &mut StdRng| match dice.random_range(0..3) {
            0 => vec![dice.random_range(1..260)],
            _ => Vec::new(),
        };
        let lag =
            if dice.random_ratio(1, 2) { TimeDelta::zero() } else { TimeDelta::seconds(dice.random_range(1..840)) };
        let concurrency = dice.random_range(1..=25);
        // Some lower than Zoho's, so that small worlds meet them.
        let from_cap = [99, 149, 4_999][dice.random_range(0..3)];
        let settings = Settings {
            seed: dice.random(),
            tickets,
            articles: dice.random_range(0..30),
            years: dice.random_range(1..4),
            mass_edits: ties(&mut dice),
            // A comparison does not cut an instant of creation apart.
            same_instant: if from_cap < 999 { Vec::new() } else { ties(&mut dice) },
            clock: Clock::Fixed(start()),
            from_cap,
            bounds: if dice.random() { Bounds::Inclusive } else { Bounds::Exclusive },
            archived_in_search: dice.random(),
            restoring_is_a_change: dice.random(),
            farewell: [Farewell::NotFound, Farewell::Flagged][dice.random_range(0..2)],
            merged: Merged::ALL[dice.random_range(0..Merged::ALL.len())],
            trashed_in_search: dice.random(),
            history_base: dice.random_range(0..=1),
            list_base: dice.random_range(0..=1),
            half_emojis: [None, Some(1), Some(3)][dice.random_range(0..3)],
            latency: Duration::from_millis(dice.random_range(1..200)),
            latency_jitter: Duration::from_millis(dice.random_range(0..150)),
            concurrency: dice.random_range(concurrency.min(2)..=25),
            requests_per_second: dice.random_ratio(1, 8).then(|| dice.random_range(4..60)),
            daily_credits: if dice.random_ratio(1, 4) { dice.random_range(20..200) } else { PLENTY },
            ..Settings::default()
        };
        // What was thought of later is thrown by dice of its own: seeds that have failed once tell it for as long as all
        // else of their worlds stays as it was.
        let mut other = StdRng::seed_from_u64(seed ^ 0x0dd_ce11);
        let unreadable = if other.random_ratio(1, 3) { other.random_range(1..40) } else { 0 };
        let settings = Settings {
            unreadable,
            falsehoods: falsehoods(&mut other),
            heaviest_page: if other.random_ratio(1, 5) { other.random_range(3..60) } else { u32::MAX },
            merged_in_search: other.random(),
            ..settings
        };
        let refused = other.random_ratio(1, 10).then(|| Refused {
            one_in: [2, 5, 20][other.random_range(0..3)],
            is_whole: other.random(),
            refusal: Refusal::ALL[other.random_range(0..Refusal::ALL.len())],
        });
        let damaged = other.random_ratio(1, 10).then(|| other.random_range(1..3));
        let faults = if dice.random_ratio(1, 3) { 0 } else { dice.random_range(1..12) };
        let ceiling = dice.random_ratio(1, 4).then(|| dice.random_range(20..200));
        // Before the portal has told its time, the machine's clock tells which day it is: that may cost one request, or a run.
        let is_counted = ceiling.is_some() || settings.daily_credits < PLENTY;
        let is_skewed = dice.random_ratio(1, 4) && !is_counted;
        let steps = (0..[1, 1, 2, 2, 3, 4][dice.random_range(0..6)]).map(|_| Step::thrown(&mut dice)).collect();
        Self {
            seed,
            settings,
            resources: resources(&mut dice),
            concurrency,
            ceiling,
            // So that small worlds have more than one page.
            page_cap: dice.random_ratio(1, 3).then(|| dice.random_range(10..100)),
            skew: if is_skewed { Self::skew(&mut dice) } else { TimeDelta::zero() },
            jumps: if is_skewed { dice.random_range(0..100) } else { 0 },
            faults,
            refusals: if dice.random_ratio(1, 4) { dice.random_range(1..30) } else { 0 },
            changes: if dice.random_ratio(1, 3) { 0 } else { dice.random_range(1..40) },
            verify_budget: if dice.random() { 0 } else { dice.random_range(1..60) },
            lag,
            damaged,
            refused,
            steps,
            is_repeated: dice.random_ratio(1, 4),
            has_file: dice.random_ratio(1, 5),
        }
    }

    /// How far a clock is beside the portal's.
    pub(crate) fn skew(dice: &mut StdRng) -> TimeDelta {
        TimeDelta::seconds(dice.random_range(-5_000..5_000))
    }

    /// A small portal that is read each night: nothing worse happens than that some requests fail.
    pub(crate) fn of_a_year(seed: u64) -> Self {
        let mut scenario = Self::of(seed);
        scenario.settings.tickets = 60;
        scenario.settings.mass_edits.clear();
        scenario.settings.daily_credits = PLENTY;
        scenario.settings.falsehoods = Falsehoods::default();
        Self { ceiling: None, refusals: 1, faults: 1, changes: 1, verify_budget: 30, steps: Vec::new(), ..scenario }
    }

    /// Modules that are read and whose records change: those that are read by their time of change.
    pub(crate) fn modules(&self) -> impl Iterator<Item = &'static str> {
        let changes = |resource: &&&Resource| resource.feed.cursor() == Some("modified_time");
        self.resources.iter().filter(changes).map(|resource| resource.name)
    }

    /// Lists that are read and whose rows change.
    pub(crate) fn lists(&self) -> impl Iterator<Item = &'static str> {
        self.resources.iter().map(|resource| resource.name).filter(|name| LISTS.contains(name))
    }

    /// The chance of everything that happens while the scenario runs.
    pub(crate) fn dice(&self) -> StdRng {
        StdRng::seed_from_u64(self.seed ^ 0x5eed_5eed_5eed_5eed)
    }
}

impl Step {
    fn thrown(dice: &mut StdRng) -> Self {
        let pause = match dice.random_range(0..5) {
            0 | 1 => TimeDelta::seconds(dice.random_range(1..600)),
            2 => TimeDelta::hours(dice.random_range(1..72)),
            _ => TimeDelta::hours(24),
        };
        let end = match dice.random_range(0..7) {
            0 | 1 => End::Itself,
            6 => End::DeathComparing(dice.random_range(1..60)),
            5 => End::Beside,
            2 | 3 => End::Death(dice.random_range(1..60)),
            _ => End::Signal(Duration::from_millis(dice.random_range(1..3_000))),
        };
        let between = if dice.random() { TimeDelta::zero() } else { TimeDelta::seconds(dice.random_range(1..60)) };
        let changes = if dice.random_ratio(1, 4) { 0 } else { dice.random_range(1..40) };
        Self { pause, changes, between, end }
    }
}

/// In a quarter of the worlds the portal's answers are sometimes not true, each once.
fn falsehoods(dice: &mut StdRng) -> Falsehoods {
    let how = [Falsehood::NoContent, Falsehood::Empty, Falsehood::Short][dice.random_range(0..3)];
    let every = dice.random_ratio(1, 4).then(|| dice.random_range(4..50));
    Falsehoods { how, every, ..Falsehoods::default() }
}

/// Everything in a twentieth of the worlds. Elsewhere some of it, as its owner may choose: tickets, some of what else
/// changes, and few of the lists, of which each takes as many requests as a small module and is the same in every world. No
/// children: in a world so small, what one mass edit takes away is more than a run believes.
fn resources(dice: &mut StdRng) -> Vec<&'static Resource> {
    let is_whole = dice.random_ratio(1, 20);
    let mut is_read = |resource: &Resource| {
        let share = if resource.feed.range().is_some() { 40 } else { 10 };
        let is_chosen = is_whole || resource.name == "tickets" || dice.random_range(0..100) < share;
        is_chosen && resource.feed != Feed::Children
    };
    resource::ALL.iter().copied().filter(|resource| is_read(resource)).collect()
}

/// When every simulated world begins to be read: in a winter, in which the days of a data centre in London are the
/// portal's.
pub(crate) fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_796_000_000, 0).expect("a time in range")
}
