//! Mistakes that were made on purpose, by which the simulation is tried: each is one that a program of this kind has
//! been seen to make. They sit between the program and its network or its warehouse, so that the program itself carries
//! no switch for being wrong.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use bytestring::ByteString;
use chrono::{DateTime, TimeDelta, Utc};
use desk_sandbox::Falsehoods;
use deskhouse::ledger::{
    Bookmark, Brake, History, Key, Range, Reason, ResourceOutcome, RunEnd, RunId, RunStart, Share, Sharing, Spending,
    Spent, Tally, Today, Window, WindowId,
};
use deskhouse::resource::Resource;
use deskhouse::transform::Row;
use deskhouse::transport::{Error, Transport};
use deskhouse::warehouse::{
    self, Batch, Check, Complete, Counted, Due, Extent, Found, Landed, Missing, Newest, Owing, Parent, SqlWarehouse,
    Sqlite, Status, Warehouse,
};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use super::scenario::Scenario;

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Pages by number instead of by time: what moves while it is read is passed over.
    OffsetPaging,
    /// The next run begins at the moment at which the last one began: the index had not heard of everything by then.
    BookmarkIsNow,
    /// The progress is committed before the rows that it vouches for.
    ProgressFirst,
    /// A page continues behind the last time of the page before: what shares that time is passed over.
    TieDropped,
    /// Whatever is landed overwrites what is held, be it newer or not.
    NoGuard,
    /// A row of the ledger that cannot be read counts as one that is not there.
    DropsUnreadable,
    /// A list that is refused is taken for one that is empty, and everything in it for gone.
    RefusedIsEmpty,
    /// An answer without records is taken for an end, whatever was seen and counted before it.
    BelievesEmpty,
}

impl Bug {
    pub(crate) const ALL: [Self; 8] = [
        Self::OffsetPaging,
        Self::BookmarkIsNow,
        Self::ProgressFirst,
        Self::TieDropped,
        Self::NoGuard,
        Self::DropsUnreadable,
        Self::RefusedIsEmpty,
        Self::BelievesEmpty,
    ];

    /// Whether a few dozen worlds are enough to find it.
    pub(crate) fn is_quick(self) -> bool {
        self != Self::NoGuard
    }

    /// Makes a world one in which there is an occasion for it.
    pub(crate) fn provoke(self, scenario: &mut Scenario) {
        match self {
            Self::BelievesEmpty => {
                scenario.settings.falsehoods = Falsehoods { every: Some(5), ..Falsehoods::default() };
                scenario.page_cap = Some(10);
            }
            Self::RefusedIsEmpty => scenario.refusals = 50,
            _ => {}
        }
    }

    /// Whether what was found to be wrong is what the mistake does, and no accident of how it is made.
    pub(crate) fn is_shown_by(self, wrong: &str) -> bool {
        let words: &[&str] = match self {
            // Records are lost, which the bookmark, the count or the end of the world tells.
            Self::BelievesEmpty => &["is complete until", "is missing, held as deleted", "the portal counts"],
            Self::DropsUnreadable => &["over a damaged ledger"],
            _ => &[""],
        };
        words.iter().any(|words| wrong.contains(words))
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bug| format!("{bug:?}") == name)
    }
}

/// Times of the ledger that get damaged.
pub(crate) const DAMAGED: [(&str, &str); 2] = [("deskhouse_windows", "at_time"), ("deskhouse_bookmarks", "read_until")];

/// A warehouse, with a mistake in how it is used.
pub(crate) struct Sabotaged {
    pub(crate) warehouse: SqlWarehouse<Sqlite>,
    pub(crate) path: PathBuf,
    pub(crate) bug: Option<Bug>,
}

impl Sabotaged {
    /// Makes rows look as if they had changed long ago.
    fn forget_times<'a>(&self, resource: &Resource, rows: impl IntoIterator<Item = &'a Row>) {
        let Some((_, cursor)) = resource.cursor().filter(|_| self.bug == Some(Bug::NoGuard)) else { return };
        let file = rusqlite::Connection::open(&self.path).expect("it opens");
        let sql = format!(
            "update {} set {} = '1970-01-01T00:00:00.000Z', _hash = 0 where id = ?",
            resource.name, cursor.name
        );
        for row in rows {
            file.execute(&sql, [&*row.id]).expect("it runs");
        }
    }
}

/// Methods that do what the warehouse does.
macro_rules! passed_on {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {$(
        async fn $name(&self, $($argument: $type),*) -> Result<$result, warehouse::Error> {
            self.warehouse.$name($($argument),*).await
        }
    )*};
}

impl Warehouse for Sabotaged {
    async fn land(
        &self,
        batches: impl IntoIterator<Item = Batch, IntoIter: Send> + Send,
    ) -> Result<Landed, warehouse::Error> {
        if self.bug == Some(Bug::NoGuard) {
            let batches: Vec<_> = batches.into_iter().collect();
            batches.iter().for_each(|batch| self.forget_times(batch.resource, &batch.rows));
            return self.warehouse.land(batches).await;
        }
        if self.bug != Some(Bug::ProgressFirst) {
            return self.warehouse.land(batches).await;
        }
        let mut landed = Landed::default();
        for mut batch in batches {
            let mut first = batch.clone();
            first.rows.clear();
            self.warehouse.land([first]).await?;
            tokio::task::yield_now().await;
            batch.parts.iter_mut().for_each(|part| part.since = part.progress.clone());
            landed.counts += self.warehouse.land([batch]).await?.counts;
        }
        Ok(landed)
    }

    async fn history(&self, resource: &'static Resource) -> Result<History, warehouse::Error> {
        if self.bug == Some(Bug::DropsUnreadable) {
            let file = rusqlite::Connection::open(&self.path).expect("it opens");
            for (table, column) in DAMAGED {
                let sql = format!("delete from {table} where {column} not like '____-__-__T%'");
                file.execute(&sql, []).expect("it runs");
            }
        }
        self.warehouse.history(resource).await
    }

    async fn mark_missing(&self, complete: Complete) -> Result<Missing, warehouse::Error> {
        let brake = if self.bug == Some(Bug::RefusedIsEmpty) { Brake::OFF } else { complete.brake };
        self.warehouse.mark_missing(Complete { brake, ..complete }).await
    }

    passed_on! {
        begin_run(start: &RunStart) -> RunId;
        today(day_start: DateTime<Utc>) -> Today;
        plan(run: RunId, resource: &'static Resource, bookmark: Bookmark, ranges: &[Range]) -> Vec<Window>;
        split(run: RunId, resource: &'static Resource, window: WindowId, given: Range) -> Window;
        make_indexes(resource: &'static Resource) -> ();
        share(sharing: Sharing) -> Share;
        leave() -> ();
        book(run: Option<RunId>, spending: &Spending, sharing: Sharing) -> Spent;
        plan_backfill(run: RunId, resource: &'static Resource, key: Key, range: Range) -> Vec<Window>;
        open_backfill(resource: &'static Resource) -> Vec<Window>;
        feed_read_until(feed: &'static str) -> Option<DateTime<Utc>>;
        land_found(found: Vec<Found>, read_until: Option<(&'static str, DateTime<Utc>)>) -> Vec<Landed>;
        count(extent: Extent, created: Option<Range>) -> u64;
        part(extent: Extent, range: Range, each: u64) -> (Range, Option<Range>);
        halves(extent: Extent, range: Range) -> Option<(Range, Range)>;
        ids(extent: Extent, created: Option<Range>) -> Vec<String>;
        archived(resource: &'static Resource, most: i64) -> Vec<String>;
        shelf_lengths(resource: &'static Resource) -> HashMap<String, u64>;
        shelf(resource: &'static Resource, department: &str) -> Vec<String>;
        altered(resource: &'static Resource, rows: Vec<Row>) -> Vec<ByteString>;
        rejected(resource: &'static Resource, most: i64) -> Vec<String>;
        not_archived(resource: &'static Resource, ids: Vec<String>) -> Vec<String>;
        unchanged(resource: &'static Resource, fingerprints: Vec<(ByteString, i64)>) -> Vec<bool>;
        deleted(resource: &'static Resource, ids: Vec<ByteString>) -> Vec<ByteString>;
        times(resource: &'static Resource, column: &'static str) -> HashMap<String, DateTime<Utc>>;
        written(resource: &'static Resource, since: DateTime<Utc>) -> Vec<String>;
        newest(resource: &'static Resource, before: DateTime<Utc>) -> Option<Newest>;
        parents(resource: &'static Resource, due: Due, most: usize) -> Vec<Parent>;
        parts(resource: &'static Resource, parents: Vec<String>) -> Vec<(String, String)>;
        check(resource: &'static Resource) -> Option<Check>;
        save_check(resource: &'static Resource, run: RunId, check: Check) -> ();
        finish_run(run: RunId, end: &RunEnd, resources: &[ResourceOutcome]) -> ();
        tally(extent: Extent, until: DateTime<Utc>) -> Tally;
        save_counted(resource: &'static Resource, run: RunId, counted: Counted) -> ();
        owing(resource: &'static Resource) -> Vec<Owing>;
        departed(resource: &'static Resource, reasons: &'static [Reason], since: DateTime<Utc>, until: DateTime<Utc>, most: usize) -> Vec<String>;
        status() -> Status;
    }
}

/// A network that changes what the program asks for, so that it asks as one with the mistake would.
pub(crate) struct Saboteur {
    network: Arc<dyn Transport>,
    bug: Bug,
    /// By path and end of the range.
    walks: Mutex<HashMap<(String, String), Walk>>,
}

/// What is known of a walk.
#[derive(Debug, Clone)]
struct Walk {
    from: String,
    rows: usize,
    last: Option<DateTime<Utc>>,
    last_row: Option<Box<RawValue>>,
}

/// The records of an answer, as they came.
#[derive(Deserialize)]
struct Rows {
    data: Vec<Box<RawValue>>,
}

impl Rows {
    fn of(answer: &Response<Bytes>) -> Vec<Box<RawValue>> {
        serde_json::from_slice::<Self>(answer.body()).map(|rows| rows.data).unwrap_or_default()
    }
}

/// When a record last changed.
fn modified(row: &RawValue) -> Option<DateTime<Utc>> {
    let (_, rest) = row.get().split_once(r#""modifiedTime":""#)?;
    rest.split_once('"')?.0.parse().ok()
}

impl Saboteur {
    pub(crate) fn new(network: Arc<dyn Transport>, bug: Bug) -> Self {
        Self { network, bug, walks: Mutex::default() }
    }

    /// The request as the mistake would have it, and the walk that it belongs to.
    fn twisted(&self, request: Request<Bytes>) -> (Request<Bytes>, Option<(String, String)>) {
        let mut url = Url::parse(&request.uri().to_string()).expect("an address");
        let mut pairs: Vec<(String, String)> =
            url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        let range = pairs.iter().find(|(name, _)| name == "modifiedTimeRange").map(|(_, range)| range.clone());
        let Some((from, to)) = range.as_deref().and_then(|range| range.split_once(',')) else { return (request, None) };
        let key = (url.path().to_owned(), to.to_owned());
        let mut walks = self.walks.lock().unwrap_or_else(PoisonError::into_inner);
        let walk = walks.entry(key.clone()).or_insert_with(|| Walk {
            from: from.to_owned(),
            rows: 0,
            last: None,
            last_row: None,
        });
        let first_row = usize::from(url.path().ends_with("/articles"));
        match (self.bug, walk.last) {
            (Bug::OffsetPaging, Some(_)) => {
                set(&mut pairs, "modifiedTimeRange", format!("{},{to}", walk.from));
                set(&mut pairs, "from", (walk.rows + first_row).to_string());
            }
            (Bug::TieDropped, Some(last)) if from.parse().is_ok_and(|from: DateTime<Utc>| from < last) => {
                let behind = last + TimeDelta::milliseconds(1);
                set(&mut pairs, "modifiedTimeRange", format!("{},{to}", behind.format("%Y-%m-%dT%H:%M:%S%.3fZ")));
            }
            _ => {}
        }
        url.query_pairs_mut().clear().extend_pairs(&pairs);
        let (mut head, body) = request.into_parts();
        head.uri = url.as_str().parse().expect("an address");
        (Request::from_parts(head, body), Some(key))
    }

    fn learn(&self, key: (String, String), answer: &Response<Bytes>) {
        let rows = Rows::of(answer);
        let last = rows.last().and_then(|row| modified(row));
        let mut walks = self.walks.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(walk), Some(last)) = (walks.get_mut(&key), last) {
            walk.rows += rows.len();
            walk.last = Some(last);
            walk.last_row = rows.last().cloned();
        }
    }

    /// The answer as one takes it that believes what is empty: it is made to show what was seen before, and to count
    /// nothing.
    fn made_believable(&self, key: Option<&(String, String)>, first: bool, answer: Response<Bytes>) -> Response<Bytes> {
        if !answer.status().is_success() {
            return answer;
        }
        let mut rows = Rows::of(&answer);
        if rows.is_empty() {
            let walks = self.walks.lock().unwrap_or_else(PoisonError::into_inner);
            let seen = key.filter(|_| first).and_then(|key| walks.get(key)?.last_row.clone());
            let Some(seen) = seen else { return answer };
            rows.push(seen);
        }
        let rows: Vec<&str> = rows.iter().map(|row| row.get()).collect();
        let body = format!(r#"{{"data":[{}]}}"#, rows.join(","));
        let (mut head, _) = answer.into_parts();
        head.status = http::StatusCode::OK;
        Response::from_parts(head, body.into())
    }
}

impl Transport for Saboteur {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, Error>> {
        Box::pin(async move {
            if self.bug == Bug::RefusedIsEmpty {
                let answer = self.network.send(request).await?;
                return Ok(if answer.status() == 403 { Response::new(r#"{"data":[]}"#.into()) } else { answer });
            }
            if self.bug == Bug::BelievesEmpty && request.uri().path().ends_with("/search") {
                let is_first = request.uri().query().is_some_and(|query| query.contains("from=0&"));
                let (request, key) = self.twisted(request);
                let answer = self.network.send(request).await?;
                let answer = self.made_believable(key.as_ref(), is_first, answer);
                if let Some(key) = key {
                    self.learn(key, &answer);
                }
                return Ok(answer);
            }
            if !matches!(self.bug, Bug::OffsetPaging | Bug::TieDropped) {
                return self.network.send(request).await;
            }
            let (request, key) = self.twisted(request);
            let mut answer = self.network.send(request).await?;
            // One that pages by number knows how far it may go.
            if self.bug == Bug::OffsetPaging && answer.status() == 422 {
                answer = Response::new(r#"{"data":[]}"#.into());
            }
            if let Some(key) = key {
                self.learn(key, &answer);
            }
            Ok(answer)
        })
    }
}

fn set(pairs: &mut Vec<(String, String)>, name: &str, value: String) {
    pairs.retain(|(held, _)| held != name);
    pairs.push((name.to_owned(), value));
}
