//! What the ledger of a warehouse says of windows and bookmarks, read through SQL, and what must be true of it whenever
//! a run is stopped.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use desk_sandbox::Logged;
use deskhouse::resource::{self, Kind};
use serde_json::Value;

use super::{Database, Portal};

type Range = (DateTime<Utc>, DateTime<Utc>);

/// The range of modified time that a request asks for.
pub(crate) fn asked(request: &Logged) -> Option<Range> {
    let pair = request.query.split('&').find_map(|pair| pair.strip_prefix("modifiedTimeRange="))?;
    let (from, to) = pair.split_once(',')?;
    Some((from.parse().expect("a time"), to.parse().expect("a time")))
}

/// Name of the resource that a request reads.
pub(crate) fn resource(request: &Logged) -> &str {
    request.path.trim_start_matches("/api/v1/").trim_end_matches("/search")
}

/// A window of the ledger.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    resource: String,
    id: i64,
    purpose: String,
    /// As it is asked for: a millisecond wider at each end.
    pub(crate) range: Range,
    /// Everything before has been read; a millisecond early, as it is asked for.
    pub(crate) at: DateTime<Utc>,
    pub(crate) done: bool,
}

impl Held {
    fn covers(&self, request: &Logged, range: Range) -> bool {
        self.resource == resource(request) && self.range.0 <= range.0 && range.1 <= self.range.1
    }

    /// Its range, as it stands in the ledger.
    fn exact(&self) -> Range {
        (self.range.0 + WIDER, self.range.1 - WIDER)
    }
}

const WIDER: Duration = Duration::milliseconds(1);

pub(crate) async fn windows(database: &Database) -> Vec<Held> {
    let [from, to, at] = ["from_time", "to_time", "at_time"].map(|name| database.canonical(name, Kind::Timestamp));
    let (done, id) = (database.canonical("done", Kind::Boolean), database.canonical("id", Kind::Integer));
    let sql = format!("select resource, {done}, {from}, {to}, {at}, {id}, purpose from {{t}}deskhouse_windows");
    let held = |row: Vec<Option<String>>| {
        let text = |index: usize| row[index].as_deref().expect("a value");
        let time = |index: usize| text(index).parse::<DateTime<Utc>>().expect("a time");
        Held {
            resource: text(0).to_owned(),
            id: text(5).parse().expect("a number"),
            purpose: text(6).to_owned(),
            range: (time(2) - WIDER, time(3) + WIDER),
            at: time(4) - WIDER,
            done: text(1) == "1",
        }
    };
    database.query(&sql).await.into_iter().map(held).collect()
}

/// Holds the requests of a run to the windows as they were when the one before it was stopped: nothing that was done
/// is asked for again, and what was begun goes on where it was.
pub(crate) fn assert_not_read_again(stopped: &[Held], now: &[Held], requests: &[Logged]) {
    let of_range = requests.iter().filter_map(|request| Some((request, asked(request)?)));
    for (request, range) in of_range {
        // The overlap lies in windows that were done; what is asked for it belongs to a window of its own.
        let is_done = |window: &Held| {
            stopped.iter().any(|held| held.done && held.range == window.range && held.resource == window.resource)
        };
        let of_a_done_one = stopped.iter().any(|window| window.done && window.covers(request, range));
        let of_another = now.iter().any(|window| window.covers(request, range) && !is_done(window));
        assert!(!of_a_done_one || of_another, "a window that was done is read again: {request:?}");
        // No two windows of these stories end at one moment, so the end of a range tells whose page it is.
        let begun = stopped.iter().find(|window| window.covers(request, range) && window.range.1 == range.1);
        assert!(begun.is_none_or(|window| window.at <= range.0), "{begun:?} begins anew: {request:?}");
    }
}

/// How complete a resource is: planned since, planned until, complete until.
pub(crate) type Bookmark = [Option<DateTime<Utc>>; 3];

/// The bookmarks by resource; those of feeds that have no windows among them.
pub(crate) async fn bookmarks(database: &Database) -> BTreeMap<String, Bookmark> {
    let [since, until, complete] =
        ["read_since", "read_until", "complete_until"].map(|name| database.canonical(name, Kind::Timestamp));
    // The bin's goes back where older rows come: it is looked into again for them.
    let sql = format!(
        "select resource, {since}, {until}, {complete} from {{t}}deskhouse_bookmarks where resource <> 'recycle_bin'"
    );
    let held = |row: Vec<Option<String>>| {
        let time = |index: usize| row[index].as_deref().map(|text| text.parse::<DateTime<Utc>>().expect("a time"));
        (row[0].clone().expect("a name"), [time(1), time(2), time(3)])
    };
    database.query(&sql).await.into_iter().map(held).collect()
}

/// Holds the ledger to itself, after a run was stopped anywhere: windows cover all that was planned, and no bookmark has
/// passed one that is unfinished.
pub(crate) fn assert_sound(windows: &[Held], bookmarks: &BTreeMap<String, Bookmark>) {
    for (resource, [since, until, complete]) in bookmarks {
        let (since, until) = (since.expect("a time"), until.expect("a time"));
        let mut of_syncs: Vec<_> =
            windows.iter().filter(|held| held.resource == *resource && held.purpose == "sync").collect();
        if of_syncs.is_empty() {
            continue;
        }
        of_syncs.sort_by_key(|held| held.range);
        let mut reached = since - WIDER;
        for held in &of_syncs {
            let (from, to) = held.exact();
            assert!(from <= reached + WIDER, "{resource}: no window between {reached} and {from}");
            reached = reached.max(to);
            assert!(held.done || complete.is_none_or(|complete| complete <= from), "{complete:?} has passed {held:?}");
        }
        assert_eq!(reached, until, "{resource}: windows end where planning did");
        assert!(complete.is_none_or(|complete| complete <= until), "{resource}: {complete:?} of {until}");
    }
    let has_bookmark = |held: &&Held| held.purpose != "sync" || bookmarks.contains_key(&held.resource);
    assert!(windows.iter().all(|held| has_bookmark(&held)), "windows without a bookmark: {windows:?}");
}

/// Holds windows to what they were when an earlier run was stopped: none is lost, what is done stays done, and none has
/// gone back.
pub(crate) fn assert_none_lost(stopped: &[Held], now: &[Held]) {
    for held in stopped {
        let same = |other: &&Held| other.resource == held.resource && other.id == held.id;
        let after = now.iter().find(same).unwrap_or_else(|| panic!("{held:?} is lost"));
        assert!(held.at <= after.at, "{held:?} has gone back: {after:?}");
        assert!(!held.done || (after.done && held.range == after.range), "{held:?} is undone: {after:?}");
        // What is given away ends a window earlier; it never begins elsewhere.
        assert!(held.range.0 == after.range.0 && after.range.1 <= held.range.1, "{held:?} is another: {after:?}");
    }
}

/// Holds rows to the ledger that vouches for them: every record that lies in a window, and before the point up to which
/// it has been read, is in the warehouse as it is.
pub(crate) async fn assert_vouched(portal: &Portal, database: &Database, windows: &[Held], names: &[&str]) {
    for name in names {
        let (_, column) = resource::find(name).and_then(resource::Resource::cursor).expect("a resource with a cursor");
        let time = database.canonical(column.name, Kind::Timestamp);
        let rows = database.query(&format!("select id, {time} from {{t}}{name}")).await;
        let held: BTreeMap<_, _> = rows.into_iter().map(|mut row| (row.remove(0), row.remove(0))).collect();
        for record in portal.sandbox.records(name) {
            let text = record.pointer(column.pointer).and_then(Value::as_str).expect("a time");
            let at: DateTime<Utc> = text.parse().expect("a time");
            let read = |window: &Held| {
                let (from, to) = window.exact();
                window.resource == *name && from <= at && at <= to && (window.done || at < window.at + WIDER)
            };
            if let Some(window) = windows.iter().find(|window| read(window)) {
                let id = record["id"].as_str().map(str::to_owned);
                let row = held.get(&id).and_then(Option::as_deref);
                let row = row.map(|text| text.parse::<DateTime<Utc>>().expect("a time"));
                assert_eq!(row, Some(at), "{name} {id:?} is not as {window:?} says");
            }
        }
    }
}
