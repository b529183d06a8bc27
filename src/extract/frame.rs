//! One level of a walk: what its pages are ordered and cut by, and where in that order it stands. Pure; which level comes
//! next is decided by `walk`.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::expectation::{Expectation, Expected};
use super::rules::{MOST_RESTARTS, Stuck};
use crate::ledger::{Key, Range};
use crate::record::Keys;

/// One level of the walk: the window, one instant of it by created time, one department of that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Frame {
    pub(super) key: Key,
    /// Everything before this key has been read.
    pub(super) at: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Start::is_widened")]
    pub(super) start: Start,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) drain: Option<Drain>,
    /// Values of the filter that cuts the instant of the frame before, as far as they are still to be read; the current
    /// one last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) values: Vec<String>,
    /// Records that the parts hold which were read, of those values.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) passed: u64,
    /// Records of the frame, as the count of its first page said. Not kept, like what follows from it.
    #[serde(skip)]
    pub(super) whole: Option<u64>,
    /// Set while the frame is read from its other end, because offsets reach no deeper from this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reversed: Option<Reversed>,
    /// What the next answer has to show. Not kept: a later run may find that what was known has moved.
    #[serde(skip)]
    pub(super) expected: Expectation,
}

/// Where the reading of a frame from its first end stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Reversed {
    /// The last record that was seen, which has to come again from the other end.
    pub(super) last: String,
    /// The row in which it has to come.
    pub(super) row: u64,
    /// Records of the frame.
    pub(super) all: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How the start of the range is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) enum Start {
    /// 1 ms early, so that a portal that excludes the bound still gives the records at it.
    #[default]
    Widened,
    /// `at` was drained completely and must not come again. Sent exactly: right if the portal excludes the bound.
    After,
    /// The portal included the bound: 1 ms later.
    AfterMillisecond,
    /// The portal does not look at milliseconds: 1 s later.
    AfterSecond,
}

impl Start {
    fn is_widened(&self) -> bool {
        *self == Self::Widened
    }
}

/// Reading one instant by offset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Drain {
    /// Row to ask for next: the anchor's.
    pub(super) offset: u32,
    /// Record that was last seen there. When it is gone, the instant has moved under us.
    pub(super) anchor: String,
    /// How often it was begun again in this run. Not kept: an instant that moved too often once would be given up in
    /// every later run, at its first move.
    #[serde(skip)]
    pub(super) restarts: u32,
}

impl Frame {
    pub(super) fn new(key: Key, at: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        let expected = Expectation::default();
        Self {
            key,
            at,
            to,
            start: Start::Widened,
            drain: None,
            values: Vec::new(),
            passed: 0,
            whole: None,
            reversed: None,
            expected,
        }
    }

    /// For the parts of an instant by a filter: whether they hold all of it is known when all of them have been read.
    pub(super) fn of_values(instant: DateTime<Utc>) -> Self {
        let expected = Expectation { ids: Vec::new(), records: Expected::Exactly(0) };
        Self { expected, ..Self::new(Key::Created, instant, instant) }
    }

    pub(super) fn offset(&self) -> u32 {
        self.drain.as_ref().map_or(0, |drain| drain.offset)
    }

    /// The range as it is sent. The end is 1 ms late for the reason that the start is 1 ms early.
    pub(super) fn sent(&self) -> Range {
        let range = widened(self.at, self.to);
        let from = match self.start {
            Start::Widened => range.from,
            Start::After => self.at,
            Start::AfterMillisecond => self.at + TimeDelta::milliseconds(1),
            Start::AfterSecond => self.at + TimeDelta::seconds(1),
        };
        Range { from, to: range.to.max(from) }
    }

    pub(super) fn key_of(&self, keys: &Keys) -> Option<DateTime<Utc>> {
        match self.key {
            Key::Modified => keys.modified,
            Key::Created => keys.created,
        }
    }

    pub(super) fn first_key(&self, records: &[&Keys]) -> Option<DateTime<Utc>> {
        records.iter().find_map(|keys| self.key_of(keys))
    }

    /// The last key of the page. Keys that go back would let the walk pass over records, so they end it; inside one
    /// second they may, in case a portal sorts by seconds and shows milliseconds: that second is then read again.
    pub(super) fn last_key(&self, records: &[&Keys]) -> Result<Option<DateTime<Utc>>, Stuck> {
        let mut last: Option<DateTime<Utc>> = None;
        for found in records.iter().filter_map(|keys| self.key_of(keys)) {
            last = match last {
                Some(before) if found < before && found.timestamp() < before.timestamp() => {
                    return Err(Stuck::Unsorted { before, found });
                }
                Some(before) if found < before => Some(found.trunc_subsecs(0)),
                _ => Some(found),
            };
        }
        Ok(last)
    }

    /// Whether the page does not begin with the record that the last one ended with, or shows rows where that one was the
    /// last: it was cut off then, and what it ended with may have left its place, so that a row between is in neither. A
    /// portal that cuts off again is read on.
    pub(super) fn moved(&self, records: &[&Keys]) -> bool {
        let Some(drain) = self.drain.as_ref().filter(|drain| drain.offset > 0) else { return false };
        if drain.anchor.is_empty() {
            return drain.restarts == 0 && !records.is_empty();
        }
        records.first().and_then(|keys| keys.id.as_ref()) != Some(&drain.anchor)
    }

    /// Goes on at this row of the same range, which `anchor` has to begin with. Without one the page behind the last row
    /// is meant, to see whether there is any.
    pub(super) fn step_to(&mut self, offset: u32, anchor: String, count: Option<u64>) {
        let restarts = self.drain.as_ref().map_or(0, |drain| drain.restarts);
        self.drain = Some(Drain { offset, anchor, restarts });
        if let Some(count) = count {
            self.expected.records = Expected::Exactly(count);
        }
    }

    pub(super) fn restart(&mut self) -> Result<(), Stuck> {
        let restarts = self.drain.as_ref().map_or(0, |drain| drain.restarts) + 1;
        if restarts > MOST_RESTARTS {
            return Err(Stuck::Unsettled { instant: self.at });
        }
        self.drain = Some(Drain { offset: 0, anchor: String::new(), restarts });
        Ok(())
    }

    pub(super) fn start_later(&mut self) -> Result<(), Stuck> {
        self.start = match self.start {
            Start::After => Start::AfterMillisecond,
            Start::AfterMillisecond => Start::AfterSecond,
            Start::Widened | Start::AfterSecond => return Err(Stuck::Unsettled { instant: self.at }),
        };
        Ok(())
    }

    /// Goes on at the last key of a page, whose records that share it are shown again: `passed` of the range's records lie
    /// before the end of the page, and it has counted `count`.
    pub(super) fn go_to(&mut self, key: DateTime<Utc>, records: &[&Keys], passed: u64, count: Option<u64>) {
        let of_the_key = records.iter().rev().take_while(|keys| self.key_of(keys) == Some(key));
        let ids: Vec<String> = of_the_key.filter_map(|keys| keys.id.clone()).collect();
        let again = ids.len() as u64;
        let records = count.map_or(Expected::Unknown, |count| Expected::Exactly(count.saturating_sub(passed) + again));
        self.expected = Expectation { ids, records };
        self.at = key;
        self.start = Start::Widened;
        self.drain = None;
    }
}

/// Both bounds moved out by 1 ms, so that it costs nothing whether the portal includes them.
pub(super) fn widened(from: DateTime<Utc>, to: DateTime<Utc>) -> Range {
    let millisecond = TimeDelta::milliseconds(1);
    Range { from: from - millisecond, to: to + millisecond }
}
