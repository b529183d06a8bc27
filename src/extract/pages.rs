//! One list, page by page, whatever it is a list of: a request and where it stops differ, and nothing else. What the pages
//! hold and what is missing from them is left to the callers.

use std::sync::Arc;
use std::time::Duration;

use super::Error;
use super::pager::{Lost, Pager, Slice};
use super::weight::Weight;
use crate::http::{self, Client, Problem, Request};
use crate::record::Record;

/// Waits before a list is begun again whose page contradicts the one before.
const WAITS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(4)];

/// A list that is being read.
pub(super) struct Pages {
    /// The request for any page of it, without `from` and `limit`.
    request: Request,
    /// Fields of a record that hold its key and its time of change.
    fields: (&'static str, &'static str),
    pager: Pager,
    weight: Arc<Weight>,
    /// Rows that the path reaches, where that is known.
    reach: Option<u32>,
    /// The list goes on where the portal does not go.
    has_ceiling: bool,
}

impl Pages {
    /// At the beginning of the list that `request` asks for, `limit` rows at a time; 0 for one that comes whole.
    pub(super) fn new(request: Request, limit: u32) -> Self {
        let (fields, weight) = (("id", "modifiedTime"), Arc::default());
        Self { request, fields, pager: Pager::new(limit), weight, reach: None, has_ceiling: false }
    }

    /// Says in which fields a record holds its key and its time of change.
    pub(super) fn keyed_by(mut self, key: &'static str, time: &'static str) -> Self {
        self.fields = (key, time);
        self
    }

    /// Says how many rows the path reaches.
    pub(super) fn reaching(mut self, rows: u32) -> Self {
        self.reach = Some(rows);
        self
    }

    /// Shares what is learnt of the weight of pages with other lists of the kind.
    pub(super) fn weighing(mut self, weight: Arc<Weight>) -> Self {
        self.weight = weight;
        self
    }

    /// Takes only a page with nothing new for the end; see [`Pager::prove`].
    pub(super) fn prove(&mut self) {
        self.pager.prove();
    }

    /// Takes an empty list for what it is: it was so before, and nothing is held of it.
    pub(super) fn may_be_empty(&mut self) {
        self.pager.may_be_empty();
    }

    /// Whether the list goes on where the portal does not go.
    pub(super) fn has_ceiling(&self) -> bool {
        self.has_ceiling
    }

    /// The next page; `None` at the end. A page repeats the last record of the one before.
    pub(super) async fn next(&mut self, client: &Client) -> Result<Option<Vec<Record>>, Error> {
        loop {
            let Some(mut slice) = self.pager.ask(self.weight.rows()) else { return Ok(None) };
            if let (Some(reach), Some(from)) = (self.reach, slice.from) {
                let left = reach.saturating_sub(from);
                // The row before, which has to come again, and a new one.
                if left < 2 {
                    self.has_ceiling = true;
                    return Ok(None);
                }
                slice.limit = slice.limit.map(|limit| limit.min(left));
            }
            let answer = match client.get(&self.request_of(slice)).await {
                Ok(answer) => answer,
                Err(http::Error::Unprocessable { request, code, problem, fields }) => {
                    if self.pager.refused(&problem) {
                        tracing::debug!(%request, ?problem, "learnt a limit");
                        continue;
                    }
                    if let (Problem::Range { .. } | Problem::Depth(_), Some(from)) = (&problem, slice.from) {
                        tracing::debug!(%request, from, "no deeper than this");
                        self.has_ceiling = true;
                        return Ok(None);
                    }
                    return Err(http::Error::Unprocessable { request, code, problem, fields }.into());
                }
                Err(error) if error.is_heavy() => {
                    if self.weight.was_too_heavy(slice.limit.unwrap_or_default()) {
                        continue;
                    }
                    return Err(error.into());
                }
                Err(error) => return Err(error.into()),
            };
            self.weight.was_good(slice.limit.unwrap_or_default());
            let (key, time) = self.fields;
            let records: Vec<_> = answer.records.into_iter().map(|raw| Record::with_keys(raw, key, time)).collect();
            let ids: Vec<_> = records.iter().map(|record| record.keys().id.as_deref()).collect();
            match self.pager.learn(&ids, slice) {
                Ok(None) => return Ok(Some(records)),
                Ok(Some(doubts)) => {
                    tracing::debug!(request = %self.request, doubts, rows = records.len(), "a page is doubted");
                    tokio::time::sleep(WAITS[(doubts as usize).min(WAITS.len()) - 1]).await;
                    if !records.is_empty() {
                        return Ok(Some(records));
                    }
                }
                Err(lost) => return Err(self.lost(lost)),
            }
        }
    }

    fn request_of(&self, slice: Slice) -> Request {
        let mut request = self.request.clone();
        for (name, value) in [("from", slice.from), ("limit", slice.limit)] {
            if let Some(value) = value {
                request = request.with(name, value.to_string());
            }
        }
        request.tries_if_heavy = slice.limit.and_then(|limit| self.weight.tries(limit));
        request
    }

    fn lost(&self, lost: Lost) -> Error {
        let resource = self.request.resource;
        match lost {
            Lost::Unsettled => Error::Unsettled { resource },
            Lost::NoKey => Error::NoKeys { resource },
            Lost::Loop => Error::Repeats { resource },
        }
    }
}

/// All records of a list that is read to its proven end.
pub(super) async fn all(client: &Client, mut pages: Pages) -> Result<Vec<Record>, Error> {
    pages.prove();
    let mut all = Vec::new();
    while let Some(records) = pages.next(client).await? {
        all.extend(records);
    }
    Ok(all)
}
