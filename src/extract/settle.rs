//! What is done about an answer that cannot be believed: it is asked for again, the portal's counts are asked about more than
//! the range itself, and the range is looked at from its other end. What stays hidden then is left unread, and told with its number.

use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use super::ask::{Ask, PageAsk};
use super::expectation::Doubt;
use super::page::{Page, Unread, joined};
use super::search::Reader;
use super::walk::Walk;
use super::{Error, Single, single};
use crate::http;
use crate::ledger::{Key, Range};
use crate::record::Record;

/// Waits before an answer is asked for once more. The first time is at once: most often a portal has had a bad moment, or a
/// record was changed between two pages.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// What the portal says of a doubted range when it is asked in other words.
enum Other {
    /// So many records lie in it.
    Holds(u64),
    /// It holds what was expected of it and was not shown; how many, nobody counts.
    Hides,
    /// What was expected has moved.
    Moved,
    /// Its words contradict each other.
    Nonsense,
}

impl Reader {
    /// Finds out about an answer that would end the range of `ask`.
    pub(super) async fn settle(
        &self,
        walk: &mut Walk,
        ask: PageAsk,
        records: Vec<Record>,
        doubt: Doubt,
    ) -> Result<Page, Error> {
        tracing::debug!(resource = self.resource.name, ?doubt, rows = records.len(), "an answer is doubted");
        let mut doubted = (records, doubt);
        // What nobody has counted is counted first, where it can be; anything else may be a portal's bad moment.
        if doubt != Doubt::Unproven || !self.resource.feed.is_counted() {
            doubted = match self.once_more(walk, &ask).await? {
                Ok(page) => return Ok(page),
                Err(again) => again,
            };
            if doubted.1 == Doubt::Empty {
                return self.believed(walk, &ask, doubted.0, 0);
            }
        }
        let mut waits = if self.was_waited_for(walk.rest()) { [].iter() } else { WAITS.iter() };
        let hidden = loop {
            let hidden = match self.in_other_words(walk).await? {
                Other::Moved => return self.believed(walk, &ask, doubted.0, 0),
                Other::Holds(all) => {
                    if passed(walk, &ask, &doubted.0) < all {
                        doubted.0 = self.with_other_end(&ask, doubted.0).await?;
                    }
                    let passed = passed(walk, &ask, &doubted.0);
                    if passed >= all {
                        return self.believed(walk, &ask, doubted.0, all);
                    }
                    Some(all - passed)
                }
                Other::Hides | Other::Nonsense => None,
            };
            let Some(wait) = waits.next() else { break hidden };
            tokio::time::sleep(*wait).await;
            doubted = match self.once_more(walk, &ask).await? {
                Ok(page) => return Ok(page),
                Err(again) => again,
            };
        };
        tracing::debug!(resource = self.resource.name, hidden, "records stay hidden");
        self.hidden().push(walk.rest());
        let unread = Unread { range: walk.rest(), records: hidden, cause: None };
        Ok(Page { records: doubted.0, progress: walk.progress(), remaining: None, unread: Some(unread) })
    }

    /// Whether records of this range stayed hidden after all waits: it is a part of such a range, which is read around what
    /// is hidden in it, and to wait for each part of it would take minutes and show no more.
    fn was_waited_for(&self, rest: Range) -> bool {
        self.hidden().iter().any(|hidden| hidden.from <= rest.from && rest.to <= hidden.to)
    }

    fn hidden(&self) -> MutexGuard<'_, Vec<Range>> {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A page that cannot be had at all, however few rows are asked for.
    pub(super) fn unreadable(&self, walk: &Walk, error: &http::Error) -> Page {
        let unread = Unread { range: walk.rest(), records: None, cause: Some(error.to_string()) };
        Page { records: Vec::new(), progress: walk.progress(), remaining: None, unread: Some(unread) }
    }

    /// Asks again; gives the page if the walk has learnt from it, or what is doubted now.
    async fn once_more(&self, walk: &mut Walk, ask: &PageAsk) -> Result<Result<Page, (Vec<Record>, Doubt)>, Error> {
        let answer = self.page(ask).await?;
        let count = answer.count;
        let records = self.records(answer);
        let keys: Vec<_> = records.iter().map(Record::keys).collect();
        Ok(match walk.learn(&keys, count).map_err(|stuck| self.stuck(stuck))? {
            None => Ok(self.taken(walk, ask, records, count)),
            Some(doubt) => {
                walk.doubts(&records);
                Err((records, doubt))
            }
        })
    }

    /// What the range holds, by the difference of two counts about far more than it; where the portal does not count, by
    /// a record that should have come, asked for alone.
    async fn in_other_words(&self, walk: &Walk) -> Result<Other, Error> {
        let Some(asks) = walk.counts() else { return Ok(Other::Nonsense) };
        if !self.resource.feed.is_counted() {
            return self.the_first_alone(walk).await;
        }
        let mut counts = [0; 2];
        for (count, ask) in counts.iter_mut().zip(asks) {
            *count = match self.page(&ask).await {
                // An empty answer has no count.
                Ok(answer) => answer.count.unwrap_or_default(),
                Err(http::Error::Unprocessable { .. }) => return Ok(Other::Nonsense),
                Err(error) => return Err(error.into()),
            };
        }
        Ok(match counts {
            [0, 0] => match self.the_first_alone(walk).await? {
                Other::Hides => Other::Nonsense,
                _ => Other::Holds(0),
            },
            [all, before] if before > all => Other::Nonsense,
            [all, before] => Other::Holds(all - before),
        })
    }

    async fn the_first_alone(&self, walk: &Walk) -> Result<Other, Error> {
        let Some((id, at)) = walk.first_expected() else { return Ok(Other::Moved) };
        let Some(Ask::Page(PageAsk { order, .. })) = walk.ask() else { return Ok(Other::Moved) };
        Ok(match single(&self.client, self.resource, id).await? {
            Single::Alive(record) if !self.is_archived(&record) => {
                let time = match order {
                    Key::Modified => record.keys().modified,
                    Key::Created => record.keys().created,
                };
                if time.is_none_or(|time| time == at) { Other::Hides } else { Other::Moved }
            }
            // A search may hide each of these.
            Single::Alive(_)
            | Single::Spam(_)
            | Single::Hidden
            | Single::Trashed
            | Single::Merged(_)
            | Single::NotFound => Other::Moved,
        })
    }

    fn is_archived(&self, record: &Record) -> bool {
        let field = self.resource.archive_field();
        field.zip(record.fields()).is_some_and(|(name, fields)| fields.flag(name).is_ok_and(|is_archived| is_archived))
    }

    /// The records of a page and those that the same range shows from its other end, each once.
    async fn with_other_end(&self, ask: &PageAsk, records: Vec<Record>) -> Result<Vec<Record>, Error> {
        let answer = self.page(&ask.clone().reversed()).await?;
        Ok(joined(records, self.records(answer)))
    }

    fn believed(&self, walk: &mut Walk, ask: &PageAsk, records: Vec<Record>, all: u64) -> Result<Page, Error> {
        walk.believe(all).map_err(|stuck| self.stuck(stuck))?;
        Ok(self.taken(walk, ask, records, None))
    }
}

/// Records of the range that lie before the end of a page.
fn passed(walk: &Walk, ask: &PageAsk, records: &[Record]) -> u64 {
    let keys = records.iter().map(Record::keys);
    u64::from(ask.from) + keys.filter(|keys| !walk.is_before(keys)).count() as u64
}
