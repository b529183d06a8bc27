//! Builds a world: how many records there are, when each was made and last changed, and to whom it belongs.

use chrono::{DateTime, Duration, Timelike, Utc};

use crate::cast::{AGENTS, Cast, DEPARTMENTS};
use crate::dice::Dice;
use crate::record::{Content, Made, Module, NO_AGENT, NOBODY, Record};
use crate::settings::{Clock, Settings};

const SECOND: i64 = 1_000;
const DAY: i64 = 86_400 * SECOND;

/// A created and a modified time.
type Times = (i64, i64);

/// The cast of a world with these settings.
pub(crate) fn cast(settings: &Settings) -> Cast {
    let end = match settings.clock {
        Clock::Fixed(moment) => moment.with_nanosecond(0).unwrap_or(moment),
        // Midnight, so that two worlds made on one day are the same.
        Clock::Real => DateTime::from_timestamp(Utc::now().timestamp() / 86_400 * 86_400, 0).unwrap_or_default(),
    };
    let tickets = settings.tickets as u32;
    let contacts = (tickets / 8).max(20);
    Cast {
        seed: settings.seed,
        unreadable: settings.unreadable,
        org_id: settings.org_id.clone(),
        tickets,
        contacts,
        accounts: (contacts / 6).max(1),
        tasks: tickets / 10,
        articles: settings.articles as u32 + tickets / 200,
        calls: tickets / 20,
        events: tickets / 40,
        products: 24,
        half_emojis: settings.half_emojis,
        start: (end - Duration::days(365 * i64::from(settings.years.max(1)))).timestamp_millis(),
        end: end.timestamp_millis(),
    }
}

/// The records that a module begins with, ascending by key and by created time.
pub(crate) fn records(cast: &Cast, settings: &Settings, module: Module) -> Vec<Record> {
    let times = match module {
        Module::Tickets => ticket_times(cast, settings),
        other => plain_times(cast, other, cast.count(other)),
    };
    let place = |(serial, (created, modified))| {
        let serial = serial as u32;
        record(cast, module, serial, created, modified)
    };
    let mut records: Vec<Record> = times.into_iter().enumerate().map(place).collect();
    if module == Module::Tickets {
        spread_over_departments(&mut records);
    }
    records
}

/// A record with everything that the dice decide about it.
pub(crate) fn record(cast: &Cast, module: Module, serial: u32, created: i64, modified: i64) -> Record {
    let mut dice = cast.dice(module, serial, 2);
    let department = dice.pick(&[0, 0, 0, 1, 1, 2, 2, 3, 3, 4]);
    let agent = if dice.chance(85) { dice.below(u64::from(AGENTS)) as u8 } else { NO_AGENT };
    let party = match module {
        Module::Tickets => dice.below(u64::from(cast.contacts)) as u32,
        Module::Contacts => cast.account_of(serial).unwrap_or(NOBODY),
        // Both are numbered in the order of creation, so an activity speaks of a ticket of its own time or before.
        Module::Tasks | Module::Calls | Module::Events if cast.tickets > 0 && dice.chance(80) => {
            let count = u64::from(cast.count(module).max(1));
            let until = ((u64::from(serial) + 1) * u64::from(cast.tickets) / count).max(1);
            dice.below(until).min(u64::from(cast.tickets) - 1) as u32
        }
        _ => NOBODY,
    };
    let settled = cast.end - modified > 45 * DAY;
    let made = Made {
        serial,
        revision: 0,
        party,
        department,
        agent,
        status: status(&mut dice, module, settled),
        archived: false,
    };
    Record { key: module.key(serial), created, modified, content: Content::Made(made) }
}

/// What an edit makes of a record, besides its new time.
pub(crate) fn edited(cast: &Cast, module: Module, mut made: Made) -> Made {
    made.revision += 1;
    made.archived = false;
    let mut dice = cast.dice(module, made.serial, 2 + made.revision);
    made.status = status(&mut dice, module, false);
    if dice.chance(25) {
        made.agent = dice.below(u64::from(AGENTS)) as u8;
    }
    if dice.chance(3) {
        made.department = dice.below(u64::from(DEPARTMENTS)) as u8;
    }
    made
}

/// An index into the module's list of statuses.
fn status(dice: &mut Dice, module: Module, settled: bool) -> u8 {
    match module {
        Module::Tickets if settled => dice.pick(&[5, 5, 5, 5, 5, 5, 6, 6, 6, 4]),
        Module::Tickets => dice.pick(&[0, 0, 1, 2, 3, 4, 5, 5, 6]),
        Module::Tasks if settled => dice.pick(&[3, 3, 3, 3, 4]),
        Module::Tasks => dice.pick(&[0, 0, 1, 2, 3, 4]),
        Module::Articles => dice.pick(&[0, 0, 0, 0, 0, 0, 1, 2, 3, 4]),
        Module::Calls if settled => dice.pick(&[0, 0, 0, 2, 3]),
        Module::Calls => dice.pick(&[0, 1, 1, 2, 4]),
        Module::Events if settled => dice.pick(&[1, 1, 1, 2]),
        Module::Events => dice.pick(&[0, 0, 1, 2]),
        Module::Contacts | Module::Accounts | Module::Products => 0,
    }
}

fn plain_times(cast: &Cast, module: Module, count: u32) -> Vec<Times> {
    let mut dice = Dice::of(&[cast.seed, 20, module as u64]);
    let mut times: Vec<Times> = (0..count).map(|_| random_times(cast, &mut dice)).collect();
    times.sort_unstable();
    times
}

fn ticket_times(cast: &Cast, settings: &Settings) -> Vec<Times> {
    let count = cast.tickets as usize;
    let imports = imports(cast, settings);
    let ties: Vec<(i64, usize)> = settings
        .mass_edits
        .iter()
        .enumerate()
        .map(|(number, size)| {
            (
                (cast.end - (20 + 37 * number as i64) * DAY - 3_601 * SECOND).max(cast.start + DAY),
                (*size).min(count / 4),
            )
        })
        .collect();

    let reserved: Vec<i64> = imports.iter().chain(&ties).map(|(moment, _)| *moment).collect();
    let free = |time: i64| if reserved.contains(&time) { time + SECOND } else { time };
    let mut dice = Dice::of(&[cast.seed, 20, Module::Tickets as u64]);
    let mut times: Vec<Times> =
        imports.iter().flat_map(|(moment, size)| std::iter::repeat_n((*moment, *moment), *size)).collect();
    while times.len() < count {
        let (created, modified) = random_times(cast, &mut dice);
        times.push((free(created), free(modified.max(created)).max(free(created))));
    }
    times.sort_unstable();

    let mut taken: Vec<bool> =
        times.iter().map(|(created, _)| imports.iter().any(|(moment, _)| moment == created)).collect();
    for (moment, size) in ties {
        let eligible: Vec<usize> = (0..count).filter(|place| !taken[*place] && times[*place].0 < moment).collect();
        for number in 0..size.min(eligible.len()) {
            let place = eligible[number * eligible.len() / size.min(eligible.len())];
            times[place].1 = moment;
            taken[place] = true;
        }
    }
    times
}

/// The bulk imports: a moment each, and how many tickets they brought.
fn imports(cast: &Cast, settings: &Settings) -> Vec<(i64, usize)> {
    let mut left = cast.tickets as usize;
    let apart = (cast.end - cast.start) / (settings.same_instant.len() as i64 + 1);
    let mut imports = Vec::new();
    for (number, size) in settings.same_instant.iter().enumerate() {
        let size = (*size).min(left);
        left -= size;
        imports.push(((cast.start + apart * (number as i64 + 1)) / SECOND * SECOND, size));
    }
    imports
}

/// Mostly working hours, some bursts; changed within days of creation, or any time later.
fn random_times(cast: &Cast, dice: &mut Dice) -> Times {
    let days = (cast.end - cast.start) / DAY;
    let created = if dice.chance(10) {
        let burst = dice.below(24) as i64 * days / 24;
        cast.start + burst * DAY + 9 * 3_600 * SECOND + dice.below(7_200) as i64 * SECOND
    } else {
        let hour = 5.0 + 14.0 * (dice.fraction() + dice.fraction()) / 2.0;
        cast.start + dice.below(days as u64) as i64 * DAY + (hour * 3_600.0) as i64 * SECOND
    };
    let room = (cast.end - created).max(0);
    let later = match dice.below(100) {
        0..=69 => (-(1.0 - dice.fraction()).ln() * 4.0 * DAY as f64) as i64,
        // Evenings on which somebody works through a backlog: many changes, seconds apart.
        70..=74 => {
            let evening = cast.start + (dice.below(40) as i64 + 1) * days / 40 * DAY - 4 * 3_600 * SECOND;
            evening - created + dice.below(600) as i64 * SECOND
        }
        _ => (dice.fraction() * room as f64) as i64,
    };
    let modified = if (0..=room).contains(&later) { created + later } else { created + room / 2 };
    (created, modified / SECOND * SECOND)
}

/// Tickets made in the same second take the departments in turn: an import that one department could hold
/// would let a reader escape by asking for departments one by one.
fn spread_over_departments(records: &mut [Record]) {
    for place in 1..records.len() {
        let (before, from) = records.split_at_mut(place);
        if before[place - 1].created == from[0].created
            && let Content::Made(made) = &mut from[0].content
        {
            made.department = (place % usize::from(DEPARTMENTS)) as u8;
        }
    }
}
