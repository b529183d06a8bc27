//! The walk: how a window is read by key and not by offset. Pure: what to ask next, and what an answer teaches.
//! Asking is left to `search`, landing to `sync`.
//!
//! A record that is edited while we read leaves its place, and every offset behind it shifts; a key does not. So each
//! page begins at the last key of the page before, and the records that share that key come again: the upsert absorbs
//! them. Only when a whole page shares one key are offsets used, inside that instant and with one row of overlap as an
//! anchor. Where the portal's cap on offsets ends that too, the instant is cut by created time, and then by department.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use super::ask::{Ask, PageAsk};
use super::frame::{Drain, Frame, MOST_RESTARTS, Start, widened};
use crate::http::Problem;
use crate::ledger::{Key, Progress, Range, Window};
use crate::record::Keys;
use crate::resource::{Resource, Split};

/// A window that is being read.
#[derive(Debug, Clone)]
pub struct Walk {
    window: Range,
    rules: Rules,
    /// Innermost last; never empty while the walk is not done.
    frames: Vec<Frame>,
}

/// What is known of a path's limits; a 422 teaches more.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Largest `limit`.
    limit: u32,
    /// Number of rows that `from` and `limit` can reach together, once it is known.
    reach: Option<u32>,
    first_row: u32,
    splits: &'static [Split],
}

impl Rules {
    /// What the definition knows.
    pub fn new(resource: &Resource) -> Self {
        Self { limit: resource.page_limit, reach: None, first_row: resource.first_row, splits: resource.splits }
    }

    /// The narrower of both limits.
    pub fn and(self, other: Self) -> Self {
        let reach = match (self.reach, other.reach) {
            (Some(reach), Some(other)) => Some(reach.min(other)),
            (reach, other) => reach.or(other),
        };
        Self { limit: self.limit.min(other.limit), reach, ..self }
    }
}

/// Pages that have to be left for a walk to be split: each part ends with a short page, which is one request more. With
/// half of this a busy day, a thousand changes in an hour, cost up to 14 requests instead of 11; a long history gained one
/// percent of its time.
const PAGES_TO_SPLIT: u64 = 10;

/// Created times are not bounded by anything else.
const FIRST_CREATED: DateTime<Utc> = DateTime::UNIX_EPOCH;

/// Why a walk cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stuck {
    /// The order that was asked for is not the order that came; a key would pass over records.
    #[error("the portal did not sort by time: a record of {found} came after one of {before}")]
    Unsorted {
        /// Time of the earlier row.
        before: DateTime<Utc>,
        /// Time of the later row.
        found: DateTime<Utc>,
    },
    /// No record of a page has the time to go on from.
    #[error("the records carry no time of change; the profile of the sign-in's agent may hide the field")]
    NoKey,
    /// More records share one instant than can be told apart.
    #[error("more than {reach} records share the instant {instant}, and nothing cuts them apart")]
    TooManyAtOnce {
        /// The instant.
        instant: DateTime<Utc>,
        /// Rows that the portal lets one query reach.
        reach: u32,
    },
    /// One instant changed again and again while it was read.
    #[error("the records of the instant {instant} changed {MOST_RESTARTS} times while they were read")]
    Unsettled {
        /// The instant.
        instant: DateTime<Utc>,
    },
    /// A limit that cannot be kept, or that was kept already.
    #[error("the portal's limit on `{field}` cannot be kept")]
    Limit {
        /// Parameter.
        field: String,
    },
}

impl Walk {
    /// Takes up a window where the ledger left it.
    pub fn new(rules: Rules, window: &Window) -> Self {
        let fresh = || vec![Frame::new(window.key, window.progress.at, window.range.to)];
        // What a window is a range of already cuts no instant of it.
        let rules = match (window.key, rules.splits) {
            (Key::Created, [Split::CreatedTime, rest @ ..]) => Rules { splits: rest, ..rules },
            _ => rules,
        };
        // A position that a newer version wrote in other words costs a few pages and no records: `at` stands.
        let frames = window.progress.position.as_deref().and_then(|position| serde_json::from_str(position).ok());
        let mut frames = frames.filter(|frames: &Vec<Frame>| !frames.is_empty()).unwrap_or_else(fresh);
        // A part may have been given away since the position was noted.
        frames[0].to = frames[0].to.min(window.range.to);
        Self { window: window.range, rules, frames }
    }

    /// The newer half of what is left to read, as a window of its own; none where `remaining` records are too few to be
    /// worth it, or where there is only one second left.
    pub fn newer_half(&self, remaining: u64) -> Option<Range> {
        let outermost = self.frames.first()?;
        // Most of what is left may share the instant that is being read, and time does not cut that.
        let in_an_instant = outermost.drain.is_some() || self.frames.len() > 1;
        let at = outermost.at;
        if in_an_instant || remaining < PAGES_TO_SPLIT * u64::from(self.rules.limit) {
            return None;
        }
        // At a whole second, in case the portal does not look at milliseconds.
        let middle = (at + (self.window.to - at) / 2).trunc_subsecs(0);
        (middle > at + TimeDelta::seconds(1)).then_some(Range { from: middle, to: self.window.to })
    }

    /// Ends the walk before `given`, which another one reads.
    pub fn give_away(&mut self, given: Range) {
        self.window.to = given.from - TimeDelta::milliseconds(1);
        if let Some(outermost) = self.frames.first_mut() {
            outermost.to = self.window.to;
        }
    }

    /// What to ask next; `None` when the window is done.
    pub fn ask(&self) -> Option<Ask> {
        let frame = self.frames.last()?;
        if self.cut_by() == Some(Split::Department) && frame.departments.is_empty() {
            return Some(Ask::Departments);
        }
        let mut page = PageAsk {
            modified: None,
            created: None,
            is_whole: self.frames.len() == 1,
            department: frame.departments.last().cloned(),
            order: frame.key,
            from: frame.offset(),
            limit: self.limit_at(frame.offset()),
        };
        for (depth, frame) in self.frames.iter().enumerate() {
            let innermost = depth + 1 == self.frames.len();
            // An outer frame stands at one instant; the inner ones cut that instant.
            let range = if innermost { frame.sent() } else { widened(frame.at, frame.at) };
            match frame.key {
                Key::Modified => page.modified = Some(range),
                Key::Created => page.created = Some(range),
            }
        }
        Some(Ask::Page(page))
    }

    /// What the innermost frame cuts the instant of the one before it by.
    fn cut_by(&self) -> Option<Split> {
        self.rules.splits.get(self.frames.len().checked_sub(2)?).copied()
    }

    /// Learns from a page: the keys of its records in the order they came, and how many match in all.
    pub fn learn(&mut self, records: &[&Keys], count: Option<u64>) -> Result<(), Stuck> {
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        let limit = Self::limit(self.rules, frame.offset());
        let rows = u32::try_from(records.len()).unwrap_or(u32::MAX);
        if frame.moved(records) {
            return frame.restart();
        }
        let (Some(first), Some(last)) = (frame.first_key(records), frame.last_key(records)?) else {
            // Without a time there is nothing to go on from, which matters only where more is to come: a record that hides
            // its time and stands alone in a range must not hold up the resource for good.
            let more = rows >= limit || count.is_some_and(|count| count > u64::from(frame.offset()) + u64::from(rows));
            return if rows > 0 && more { Err(Stuck::NoKey) } else { self.finish_frame() };
        };
        if frame.start != Start::Widened && first <= frame.at {
            return frame.start_later();
        }
        let is_all = count.is_some_and(|count| u64::from(frame.offset()) + u64::from(rows) >= count);
        let short = rows < limit;
        if short && is_all {
            return self.finish_frame();
        }
        if last > frame.at && frame.departments.is_empty() {
            frame.go_to(last);
            return Ok(());
        }
        // Nothing later on this page. A short page ends the frame even when the count claims more: what is counted and
        // not given is hidden from us, and asking again would give the same.
        if short {
            return self.finish_frame();
        }
        let anchor = records.last().and_then(|keys| keys.id.clone()).ok_or(Stuck::NoKey)?;
        let restarts = frame.drain.as_ref().map_or(0, |drain| drain.restarts);
        let offset = frame.offset() + rows - 1;
        frame.drain = Some(Drain { offset, anchor, restarts });
        self.go_deeper_beyond_reach()
    }

    /// Learns from a 422 that a limit is lower than was thought.
    pub fn refused(&mut self, problem: &Problem) -> Result<(), Stuck> {
        let Some(frame) = self.frames.last() else { return Ok(()) };
        let (from, limit) = (frame.offset(), self.limit_at(frame.offset()));
        match problem {
            Problem::Range { field, largest } if field == "limit" && (1..limit).contains(largest) => {
                self.rules.limit = *largest;
                Ok(())
            }
            // `from` and `limit` together must not pass the cap either (seen live: `from=4999` with `limit=10` is refused), so the cap is taken as the number
            // of the last row that can be reached.
            Problem::Range { field, largest } if field == "from" && *largest < u32::MAX => {
                self.reach_only((largest + 1).saturating_sub(self.rules.first_row), from, limit)
            }
            Problem::Depth(rows) => self.reach_only(*rows, from, limit),
            Problem::Range { field, .. } => Err(Stuck::Limit { field: field.clone() }),
            Problem::Other => Err(Stuck::Limit { field: "from".into() }),
        }
    }

    /// Takes the ids of all departments.
    pub fn departments(&mut self, ids: Vec<String>) -> Result<(), Stuck> {
        let reach = self.rules.reach.unwrap_or_default();
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        if ids.is_empty() {
            return Err(Stuck::TooManyAtOnce { instant: frame.at, reach });
        }
        frame.departments = ids;
        Ok(())
    }

    /// How far the window has been read, for the ledger.
    pub fn progress(&self) -> Progress {
        let Some(outermost) = self.frames.first() else {
            return Progress { at: self.window.to, position: None, done: true };
        };
        let position = match self.frames.as_slice() {
            [frame] if frame.drain.is_none() && frame.start == Start::Widened => None,
            frames => serde_json::to_string(frames).ok(),
        };
        Progress { at: outermost.at, position, done: false }
    }

    /// The limits as they are known by now, for other walks.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// Takes over what another walk has learnt.
    pub fn know(&mut self, rules: Rules) -> Result<(), Stuck> {
        self.rules = self.rules.and(rules);
        self.go_deeper_beyond_reach()
    }

    fn limit_at(&self, offset: u32) -> u32 {
        Self::limit(self.rules, offset)
    }

    fn limit(rules: Rules, offset: u32) -> u32 {
        rules.reach.map_or(rules.limit, |reach| rules.limit.min(reach.saturating_sub(offset))).max(1)
    }

    fn reach_only(&mut self, rows: u32, from: u32, limit: u32) -> Result<(), Stuck> {
        if rows == 0 || from.saturating_add(limit) <= rows {
            return Err(Stuck::Limit { field: "from".into() });
        }
        self.rules.reach = Some(rows);
        self.go_deeper_beyond_reach()
    }

    /// Cuts the current instant into smaller parts when its next row is out of reach. The anchor and one new row must
    /// fit, or the page would teach nothing.
    fn go_deeper_beyond_reach(&mut self) -> Result<(), Stuck> {
        let (Some(reach), Some(frame)) = (self.rules.reach, self.frames.last_mut()) else { return Ok(()) };
        if frame.offset() == 0 || frame.offset() + 2 <= reach {
            return Ok(());
        }
        frame.drain = None;
        let instant = frame.at;
        let split = self.rules.splits.get(self.frames.len() - 1);
        let created_to = self.window.to + TimeDelta::days(1);
        self.frames.push(match split {
            Some(Split::CreatedTime) => Frame::new(Key::Created, FIRST_CREATED, created_to),
            Some(Split::Department) => Frame::new(Key::Created, instant, instant),
            None => return Err(Stuck::TooManyAtOnce { instant, reach }),
        });
        Ok(())
    }

    /// The innermost frame has been read to its end.
    fn finish_frame(&mut self) -> Result<(), Stuck> {
        if let Some(frame) = self.frames.last_mut()
            && frame.departments.len() > 1
        {
            frame.departments.pop();
            frame.drain = None;
            return Ok(());
        }
        self.frames.pop();
        if let Some(outer) = self.frames.last_mut() {
            // The instant that the inner frame cut apart is complete.
            outer.start = Start::After;
            outer.drain = None;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
