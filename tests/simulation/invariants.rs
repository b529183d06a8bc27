//! What has to be true of a warehouse, after every run and at the end.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use desk_sandbox::{Logged, Placed};
use deskhouse::ledger::State;
use deskhouse::resource;
use deskhouse::sync::Outcome;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use serde_json::Value;

use super::scenario::{RESERVE, Scenario};
use super::world::World;

/// The most that a request costs in these worlds, whose pages are not deep.
pub(crate) const DEAREST: u64 = 3;

/// A look into a warehouse without the program's help.
pub(crate) struct Reader(pub(crate) Connection);

/// What a warehouse holds.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// By module and id.
    rows: BTreeMap<&'static str, BTreeMap<String, Version>>,
    windows: Vec<Window>,
    /// By list, which rows are alive and which are deleted.
    lists: BTreeMap<&'static str, BTreeMap<String, bool>>,
    /// Records that fit no row, by resource and id.
    rejected: HashSet<(String, String)>,
    /// By resource, up to when it is complete.
    complete: BTreeMap<String, DateTime<Utc>>,
}

#[derive(Debug)]
struct Version {
    /// None where the record did not say.
    modified: Option<DateTime<Utc>>,
    is_deleted: bool,
}

#[derive(Debug)]
struct Window {
    resource: String,
    id: i64,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    done: bool,
}

impl Reader {
    pub(crate) fn held(&self, world: &World) -> Held {
        let mut held = Held::default();
        for module in world.scenario.modules() {
            let sql = format!("select id, modified_time, _deleted_at is not null from {module}");
            let version = |row: &Row<'_>| {
                let modified = if row.get_ref(1)? == ValueRef::Null { None } else { Some(time(row, 1)?) };
                Ok((row.get(0)?, Version { modified, is_deleted: row.get(2)? }))
            };
            held.rows.insert(module, self.all(&sql, version).into_iter().collect());
        }
        for list in world.scenario.lists() {
            let sql = format!("select id, _deleted_at is null from {list}");
            held.lists.insert(list, self.all(&sql, |row| Ok((row.get(0)?, row.get(1)?))).into_iter().collect());
        }
        let sql = "select resource, id, from_time, to_time, done from deskhouse_windows where purpose = 'sync'";
        held.windows = self.all(sql, |row| {
            Ok(Window {
                resource: row.get(0)?,
                id: row.get(1)?,
                from: time(row, 2)?,
                to: time(row, 3)?,
                done: row.get(4)?,
            })
        });
        let sql = "select resource, record_id from deskhouse_rejects where column_name = ''";
        held.rejected = self.all(sql, |row| Ok((row.get(0)?, row.get(1)?))).into_iter().collect();
        let sql = "select resource, complete_until from deskhouse_bookmarks where complete_until is not null";
        held.complete = self.all(sql, |row| Ok((row.get(0)?, time(row, 1)?))).into_iter().collect();
        held
    }

    /// Rows of those tables of the ledger that each run writes to.
    pub(crate) fn ledger(&self) -> BTreeMap<&'static str, i64> {
        let tables = ["deskhouse_runs", "deskhouse_run_resources", "deskhouse_windows", "deskhouse_credits"];
        let rows = |table| self.all(&format!("select count(*) from {table}"), |row| row.get(0))[0];
        tables.into_iter().map(|table| (table, rows(table))).collect()
    }

    /// Takes every row away but for what tells of the schema.
    pub(crate) fn empty(&self) {
        let tables = "select name from sqlite_schema where type = 'table' and name not in ('deskhouse_migrations')";
        let tables: Vec<String> = self.all(tables, |row| row.get(0));
        self.0.execute_batch("begin immediate").expect("it begins");
        for table in tables {
            self.0
                .prepare_cached(&format!("delete from {table}"))
                .and_then(|mut all| all.execute([]))
                .expect("it runs");
        }
        self.0.execute_batch("commit").expect("it commits");
    }

    /// Why a row is deleted, if it is.
    fn reasons(&self, module: &str, id: &str) -> Vec<Option<String>> {
        let sql = format!("select _deleted_reason || ' at ' || _deleted_at from {module} where id = '{id}'");
        self.all(&sql, |row| row.get(0))
    }

    /// The records of a module as they were received, by id.
    fn received(&self, module: &str) -> HashMap<String, String> {
        let sql = format!("select id, _raw from {module}");
        self.all(&sql, |row| Ok((row.get(0)?, row.get(1)?))).into_iter().collect()
    }

    pub(crate) fn all<T>(&self, sql: &str, read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
        let mut query = self.0.prepare_cached(sql).expect("a query");
        let rows = query.query_map([], read).expect("it runs");
        rows.map(|row| row.expect("a row")).collect()
    }
}

fn time(row: &Row<'_>, index: usize) -> rusqlite::Result<DateTime<Utc>> {
    let text = row.get_ref(index)?.as_str()?;
    let time = DateTime::parse_from_rfc3339(text);
    time.map(|time| time.to_utc())
        .map_err(|_| rusqlite::Error::InvalidColumnType(index, text.to_owned(), rusqlite::types::Type::Text))
}

/// What holds after every run, however it ended.
pub(crate) fn always(world: &World, before: &Held, after: &Held, requests: &[Logged]) -> Result<(), String> {
    no_row_is_older(before, after)?;
    bookmarks_are_true(world, after)?;
    nothing_there_is_gone(world, after)?;
    finished_windows_rest(before, after, requests)?;
    limits_are_kept(world, requests)
}

/// A row never goes back to a version that is older than one held before.
fn no_row_is_older(before: &Held, after: &Held) -> Result<(), String> {
    for (module, rows) in &before.rows {
        for (id, row) in rows {
            match after.rows[module].get(id) {
                Some(now) if now.modified < row.modified => {
                    return Err(format!("{module} {id} went back from {:?} to {:?}", row.modified, now.modified));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// A row of a list that the portal has is never held as deleted: no row comes back in these worlds.
fn nothing_there_is_gone(world: &World, held: &Held) -> Result<(), String> {
    for (list, rows) in &held.lists {
        if let Some(id) = ids(world, list).iter().find(|id| rows.get(*id) == Some(&false)) {
            return Err(format!("{list} {id} is there, and held as deleted"));
        }
    }
    Ok(())
}

fn ids(world: &World, list: &str) -> Vec<String> {
    world.sandbox.list(list).iter().filter_map(|row| Some(row["id"].as_str()?.to_owned())).collect()
}

/// What a bookmark says is complete is complete: no unfinished window before it, and no record that changed before it
/// and is missing or older.
fn bookmarks_are_true(world: &World, held: &Held) -> Result<(), String> {
    // Lists and feeds have bookmarks too, and no time of change to hold them to.
    for (resource, complete) in held.complete.iter().filter(|(resource, _)| held.rows.contains_key(resource.as_str())) {
        let open =
            held.windows.iter().find(|window| window.resource == *resource && !window.done && window.from < *complete);
        if let Some(window) = open {
            return Err(format!("{resource} is complete until {complete}, but {window:?} is unfinished"));
        }
        for Placed { id, modified, is_archived } in world.sandbox.placed(resource) {
            // What comes back with its old time, or left the search before it was read, is found by comparing.
            if modified > *complete || is_archived || world.was_restored(&id) {
                continue;
            }
            match held.rows.get(resource.as_str()).and_then(|rows| rows.get(&id)) {
                Some(row) if row.modified >= Some(modified) => {}
                _ if held.rejected.contains(&(resource.clone(), id.clone())) => {}
                found => {
                    let found = found.map(|row| row.modified);
                    return Err(format!(
                        "{resource} is complete until {complete}, but {id} of {modified} is {found:?}"
                    ));
                }
            }
        }
    }
    Ok(())
}

/// No page is asked for that belongs only to windows that had been finished before.
fn finished_windows_rest(before: &Held, after: &Held, requests: &[Logged]) -> Result<(), String> {
    let rest: HashSet<(&str, i64)> =
        before.windows.iter().filter(|window| window.done).map(|window| (&*window.resource, window.id)).collect();
    let mut open: BTreeMap<&str, Vec<&Window>> = BTreeMap::new();
    for window in after.windows.iter().filter(|window| !rest.contains(&(&*window.resource, window.id))) {
        open.entry(&window.resource).or_default().push(window);
    }
    // A window may have been split since, so those that touch count as one.
    open.values_mut().for_each(|windows| windows.sort_by_key(|window| window.from));
    for request in requests.iter().filter(|request| !is_a_count(request)) {
        let Some((from, to)) = asked(request) else { continue };
        // A comparison asks for all of a list that has no other range, what changes meanwhile included.
        if to > request.at + TimeDelta::hours(12) {
            continue;
        }
        let resource = request.path.trim_start_matches("/api/v1/").trim_end_matches("/search");
        let slack = TimeDelta::milliseconds(1);
        // Ranges are asked for a millisecond wider than they are.
        let (read, to) = (from + slack, to - slack);
        let windows = open.get(resource).map_or(&[][..], Vec::as_slice);
        // What windows that touch cover from here on.
        let covers = |mut read: DateTime<Utc>| {
            for window in windows {
                if window.from <= read && read <= window.to {
                    read = window.to + slack;
                }
            }
            read > to
        };
        // Reading begins at a row that is held, if there is one, and leads to a window behind it. The rows between, which
        // may be refused by the database and be held by nobody, are where its next pages begin.
        let held = after.rows.get(resource).into_iter().chain(before.rows.get(resource)).flat_map(BTreeMap::values);
        let begins_at_held = || held.clone().filter_map(|row| row.modified).any(|modified| modified == read);
        let leads_to_window = || windows.iter().any(|window| window.from > read && covers(window.from));
        let was_held =
            || before.rows.get(resource).into_iter().flat_map(BTreeMap::values).filter_map(|row| row.modified);
        let is_behind_newest = || {
            let newest = |window: &&Window| was_held().filter(|modified| *modified < window.from).max();
            windows.iter().find(|window| window.from > read).and_then(newest).is_some_and(|newest| newest <= read)
        };
        if !(covers(read) || (begins_at_held() || is_behind_newest()) && leads_to_window()) {
            return Err(format!("no window asks for {}?{} among {windows:?}", request.path, request.query));
        }
    }
    Ok(())
}

/// Whether a request asks for no more than how many there are.
fn is_a_count(request: &Logged) -> bool {
    request.query.split('&').any(|pair| pair == "limit=1")
}

/// What was served to a run that was asked to stop is held: each answer is paid for. Only where every answer arrives and
/// none is asked for again.
pub(crate) fn nothing_paid_is_dropped(world: &World, requests: &[Logged], outcome: &Outcome) -> Result<(), String> {
    let scenario = &world.scenario;
    let is_plain = scenario.faults + scenario.changes == 0 && scenario.settings.falsehoods.every.is_none();
    for part in outcome.resources.iter().filter(|_| is_plain) {
        let Some(resource) = resource::find(part.resource).filter(|resource| resource.feed.is_counted()) else {
            continue;
        };
        let path = format!("/api/v1{}", resource.path);
        let is_page = |request: &&Logged| {
            let is_of_a_walk = asked(request).is_some() && !is_a_count(request) && !request.query.contains("sortBy=-");
            request.path == path && request.status == 200 && is_of_a_walk
        };
        // A doubted answer is asked for again in the same words.
        let served: BTreeMap<&str, usize> =
            requests.iter().filter(is_page).map(|request| (&*request.query, request.records)).collect();
        let served: usize = served.values().sum();
        // More may have been read alone.
        if served as u64 > part.counts.read {
            return Err(format!(
                "{served} records of {} were served, and {} were read",
                part.resource, part.counts.read
            ));
        }
    }
    Ok(())
}

/// No more is spent on a day than the ceiling, and no less is left than the reserve, however much is in flight and whatever
/// gets lost; but for the `unknown`, which a process that died had not written down yet.
pub(crate) fn budget_is_kept(
    scenario: &Scenario,
    spent: &BTreeMap<NaiveDate, u64>,
    seen: &BTreeMap<NaiveDate, u64>,
    unknown: u64,
) -> Result<(), String> {
    for (day, spent) in spent {
        // A share of the most that was seen left.
        let reserve = seen.get(day).map_or(0, |seen| seen * u64::from(RESERVE) / 100);
        let by_portal = scenario.settings.daily_credits - reserve;
        let allowed = scenario.ceiling.unwrap_or(by_portal).min(by_portal);
        if *spent > allowed + unknown {
            return Err(format!(
                "{spent} credits on {day}, of {allowed} that are allowed and {unknown} that nobody could know of"
            ));
        }
    }
    Ok(())
}

/// All processes together make no more requests at a time than one may.
fn limits_are_kept(world: &World, requests: &[Logged]) -> Result<(), String> {
    let (most, peak) = (world.scenario.concurrency, world.sandbox.peak_in_flight());
    if peak > most {
        return Err(format!("{peak} requests were in flight, and {most} were allowed"));
    }
    match requests.iter().find(|request| request.path.starts_with("/oauth/") && request.status == 400) {
        Some(_) => Err("the accounts server was asked too often".into()),
        None => Ok(()),
    }
}

/// At the end the warehouse holds what the portal holds, and knows of everything else that it is gone.
pub(crate) fn is_the_world(world: &World, reader: &Reader) -> Result<(), String> {
    let held = reader.held(world);
    for (list, rows) in &held.lists {
        let alive: HashSet<&String> = rows.iter().filter(|(_, alive)| **alive).map(|(id, _)| id).collect();
        let there = ids(world, list);
        if alive != there.iter().collect() {
            return Err(format!("{list} has {there:?}, and {alive:?} are held"));
        }
        let received = reader.received(list);
        for row in world.sandbox.list(list) {
            let id = row["id"].as_str().unwrap_or_default();
            if read(&received[id])?["name"] != row["name"] {
                return Err(format!("{list} {id} has another name: {}", received[id]));
            }
        }
    }
    for module in world.scenario.modules() {
        let (placed, received) = (world.sandbox.placed(module), reader.received(module));
        let settings = &world.scenario.settings;
        cells_are_the_worlds(reader, module, &placed, &received)?;
        let there: HashSet<&str> = placed.iter().map(|record| &*record.id).collect();
        let mut gone = held.rows[module].iter().filter(|(id, row)| !row.is_deleted && !there.contains(id.as_str()));
        if let Some((id, row)) = gone.next() {
            let left = world.sandbox.departed(module).into_iter().find(|one| one.id == *id);
            return Err(format!(
                "{module} {id} is held as of {:?} and is gone, and nobody noticed: {left:?}; a search shows archived {}: {}",
                row.modified, settings.archived_in_search, received[id]
            ));
        }
        for (Placed { id, modified, is_archived }, text) in placed.iter().zip(world.sandbox.rows(module)) {
            let Some(row) = held.rows[module].get(id).filter(|row| !row.is_deleted) else {
                let held = reader.reasons(module, id);
                return Err(format!(
                    "{module} {id} of {modified} is missing, held as deleted: {held:?}; archived {is_archived}, restored {}",
                    world.was_restored(id)
                ));
            };
            // The same text needs no reading, and of what the search hides nobody tells that it changed.
            if text == received[id] || (*is_archived && !settings.archived_in_search) {
                continue;
            }
            let (record, found) = (read(&text)?, read(&received[id])?);
            // An archived ticket may have been read alone, in which shape it looks different; when it last changed it says.
            let counts = |name: &str| !is_archived || ["modifiedTime", "isArchived"].contains(&name);
            let differs = |(name, value): (&String, &Value)| {
                (counts(name) && found.get(name) != Some(value)).then(|| name.clone())
            };
            let fields: Vec<String> = record.as_object().into_iter().flatten().filter_map(differs).collect();
            if !fields.is_empty() {
                return Err(format!("{module} {id} is held as of {:?} and differs in {fields:?}", row.modified));
            }
        }
    }
    Ok(())
}

/// A value that cannot be read is null in its row and told of, and all else of the row is the record's.
fn cells_are_the_worlds(
    reader: &Reader,
    module: &str,
    there: &[Placed],
    received: &HashMap<String, String>,
) -> Result<(), String> {
    let told = format!("select record_id, column_name from deskhouse_rejects where resource = '{module}'");
    let told: HashSet<(String, String)> = reader.all(&told, |row| Ok((row.get(0)?, row.get(1)?))).into_iter().collect();
    let definition = resource::find(module).ok_or("no resource")?;
    let columns: Vec<_> = definition.columns.iter().filter(|column| !column.is_detail).collect();
    let names: Vec<_> = columns.iter().map(|column| format!("\"{}\" is null", column.name)).collect();
    let rows = reader.all(&format!("select id, {} from {module}", names.join(", ")), |row| {
        let nulls = (1..=columns.len()).map(|place| row.get(place)).collect::<Result<Vec<bool>, _>>();
        Ok((row.get::<_, String>(0)?, nulls?))
    });
    let there: HashSet<&str> = there.iter().map(|record| &*record.id).collect();
    for (id, nulls) in rows.iter().filter(|(id, _)| there.contains(id.as_str())) {
        let record = read(&received[id])?;
        for (column, is_null) in columns.iter().zip(nulls) {
            let value = record.pointer(column.pointer).filter(|value| !value.is_null() && **value != "");
            let is_told = told.contains(&(id.clone(), column.name.to_owned()));
            if is_told != (*is_null && value.is_some()) {
                return Err(format!(
                    "{module} {id}: {} is null: {is_null}, of {value:?}, told of: {is_told}",
                    column.name
                ));
            }
        }
    }
    match told.iter().find(|(id, column)| column.is_empty() && there.contains(id.as_str())) {
        Some((id, _)) => Err(format!("{module} {id} still fits no row")),
        None => Ok(()),
    }
}

fn read(text: &str) -> Result<Value, String> {
    // Half an emoji, which no reader of values takes: the look-alike writes no whole one as an escape.
    serde_json::from_str(&text.replace("\\ud83d", "\u{fffd}")).map_err(|error| format!("{text}: {error}"))
}

/// A resource of which a record fits no row is not complete.
pub(crate) fn rejects_are_admitted(outcome: &Outcome) -> Result<(), String> {
    match outcome.all().find(|part| part.counts.rejected > 0 && part.state == State::Complete) {
        Some(part) => {
            Err(format!("{} is complete, and has {} records that fit no row", part.resource, part.counts.rejected))
        }
        None => Ok(()),
    }
}

/// A run that found nothing new wrote nothing.
pub(crate) fn is_idle(outcome: &Outcome) -> Result<(), String> {
    for resource in outcome.all() {
        let counts = resource.counts;
        if counts.inserted + counts.updated + counts.deleted > 0 {
            return Err(format!("an idle run changed {}: {counts:?}", resource.resource));
        }
    }
    Ok(())
}

/// The range of modified time that a request asks for.
fn asked(request: &Logged) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let pair = request.query.split('&').find_map(|pair| pair.strip_prefix("modifiedTimeRange="))?;
    let (from, to) = pair.split_once(',')?;
    Some((from.parse().ok()?, to.parse().ok()?))
}
