//! The walk: how a window is read by key and not by offset. Pure: what to ask next, and what an answer teaches.
//! Asking is left to `search`, landing to `sync`.
//!
//! A record that is edited while we read leaves its place, and every offset behind it shifts; a key does not. So each
//! page begins at the last key of the page before, and the records that share that key come again: the upsert absorbs
//! them. Only when a whole page shares one key are offsets used, inside that instant and with one row of overlap as an
//! anchor. Where the portal's cap on offsets ends that too, the instant is cut by created time, and then by department.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use super::ask::{Ask, PageAsk};
use super::expectation::{Doubt, Expectation, Expected};
use super::frame::{Frame, Reversed, Start, widened};
use super::page::joined;
use super::rules::{Rules, Stuck};
use crate::http::Problem;
use crate::ledger::{Key, Progress, Range, Window};
use crate::record::{Keys, Record};
use crate::resource::Split;

/// A window that is being read.
#[derive(Debug, Clone)]
pub struct Walk {
    window: Range,
    rules: Rules,
    /// Rows of a page for now, where the portal cannot give as many as it takes for a limit.
    lighter: Option<u32>,
    /// Innermost last; never empty while the walk is not done.
    frames: Vec<Frame>,
    /// Records of answers that are doubted, for as long as they are: they are paid for.
    doubted: Vec<Record>,
}

/// Created times are not bounded by anything else.
const FIRST_CREATED: DateTime<Utc> = DateTime::UNIX_EPOCH;

/// Zoho's times are whole seconds, so that this long before one there is none.
const BETWEEN_SECONDS: TimeDelta = TimeDelta::milliseconds(500);

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
        Self { window: window.range, rules, lighter: None, frames, doubted: Vec::new() }
    }

    /// Keeps the records of an answer that is doubted, the newest version of each.
    pub(super) fn doubts(&mut self, records: &[Record]) {
        self.doubted = joined(records.to_vec(), std::mem::take(&mut self.doubted));
    }

    /// What doubted answers showed that nobody has found out about yet.
    pub fn take_doubted(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.doubted)
    }

    /// The same walk where something is known of what its next answer has to show.
    #[must_use]
    pub fn expecting(mut self, expected: Expectation) -> Self {
        if let Some(frame) = self.frames.last_mut() {
            frame.expected = expected;
        }
        self
    }

    /// The same walk, begun at an instant of which records are held: where it stands, or earlier.
    #[must_use]
    pub fn from_held(mut self, at: DateTime<Utc>, ids: Vec<String>) -> Self {
        if let [frame] = self.frames.as_mut_slice()
            && frame.drain.is_none()
            && at <= frame.at
        {
            frame.at = at;
            frame.expected = Expectation::from_held(ids);
        }
        self
    }

    /// The newest of so many equally long parts of what is left to read, as a window of its own; none inside an instant,
    /// or where only a second is left.
    pub fn newest_of(&self, parts: u32) -> Option<Range> {
        if self.is_in_an_instant() || parts < 2 { None } else { self.newest(parts) }
    }

    /// What can be read by another walk although this one cannot go on: the newer half of the rest, or all of it behind
    /// the instant in which this walk is. None where there is only one second left.
    pub fn beyond(&self) -> Option<Range> {
        if !self.is_in_an_instant() {
            return self.newest(2);
        }
        let from = self.at().trunc_subsecs(0) + TimeDelta::seconds(1);
        (from <= self.window.to).then_some(Range { from, to: self.window.to })
    }

    /// Most of what is left may share the instant that is being read, and time does not cut that.
    fn is_in_an_instant(&self) -> bool {
        self.frames.len() > 1 || self.frames.first().is_some_and(|outermost| outermost.drain.is_some())
    }

    /// It begins at a whole second, in case the portal does not look at milliseconds.
    fn newest(&self, parts: u32) -> Option<Range> {
        let at = self.at();
        let from = (self.window.to - (self.window.to - at) / parts.try_into().ok()?).trunc_subsecs(0);
        (from > at + TimeDelta::seconds(1)).then_some(Range { from, to: self.window.to })
    }

    /// What is left to read.
    pub fn rest(&self) -> Range {
        let at = self.at();
        Range { from: at, to: self.window.to.max(at) }
    }

    /// Up to where the window has been read. A walk may have begun before it, at rows that are no part of it: to give a part
    /// away that begins there would give away more than the window is.
    fn at(&self) -> DateTime<Utc> {
        self.frames.first().map_or(self.window.to, |outermost| outermost.at.max(self.window.from))
    }

    /// Ends the walk before `given`, which another one reads.
    pub fn give_away(&mut self, given: Range) {
        self.window.to = given.from - TimeDelta::milliseconds(1);
        if let Some(outermost) = self.frames.first_mut() {
            outermost.to = self.window.to;
            outermost.expected.records = Expected::PartOfSome;
        }
    }

    /// What to ask next; `None` when the window is done.
    pub fn ask(&self) -> Option<Ask> {
        let frame = self.frames.last()?;
        if frame.values.is_empty()
            && let Some(split) = self.cut_by(self.frames.len() - 1).filter(|split| *split != Split::CreatedTime)
        {
            return Some(Ask::Values(split));
        }
        let mut page = PageAsk {
            modified: None,
            created: None,
            is_whole: self.frames.len() == 1,
            cut_by: Vec::new(),
            order: frame.key,
            is_descending: frame.reversed.is_some(),
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
            page.cut_by.extend(self.cut_by(depth).zip(frame.values.last().cloned()));
        }
        Some(Ask::Page(page))
    }

    /// Two questions whose counts differ by the number of records that are left in the range of the next page: for all
    /// records up to its end, and for those before its beginning. Both are about far more than this range, so that what
    /// hides a record of it need not hide it from them.
    pub(super) fn counts(&self) -> Option<[PageAsk; 2]> {
        let (frame, Some(Ask::Page(page))) = (self.frames.last()?, self.ask()) else { return None };
        let up_to = |to| page.clone().counting(widened(DateTime::UNIX_EPOCH, to));
        // What was cut apart is read already.
        let is_read = frame.start != Start::Widened;
        let before = if is_read { frame.at + BETWEEN_SECONDS } else { frame.at - BETWEEN_SECONDS };
        Some([up_to(frame.to.max(before)), up_to(before)])
    }

    /// A record at which the range of the next page begins, if one is known, and the time that it has there.
    pub(super) fn first_expected(&self) -> Option<(&str, DateTime<Utc>)> {
        let frame = self.frames.last()?;
        frame.expected.ids.first().map(|id| (id.as_str(), frame.at))
    }

    /// Whether a record lies before the range of the next page: a portal that does not look at milliseconds shows those of
    /// a second before it.
    pub(super) fn is_before(&self, keys: &Keys) -> bool {
        let Some(frame) = self.frames.last() else { return false };
        frame.key_of(keys).is_some_and(|key| key < frame.at)
    }

    /// What the frame at this depth cuts the instant of the one before it by.
    fn cut_by(&self, depth: usize) -> Option<Split> {
        self.rules.splits.get(depth.checked_sub(1)?).copied()
    }

    /// Learns from a page: the keys of its records in the order they came, and how many match in all. An answer that would
    /// end the range and cannot be believed teaches nothing; it comes back as a doubt.
    pub fn learn(&mut self, records: &[&Keys], count: Option<u64>) -> Result<Option<Doubt>, Stuck> {
        let (rules, lighter) = (self.rules, self.lighter);
        let Some(frame) = self.frames.last_mut() else { return Ok(None) };
        let limit = rules.limit_at(frame.offset(), lighter);
        let rows = u32::try_from(records.len()).unwrap_or(u32::MAX);
        if frame.moved(records) {
            return frame.restart().map(|()| None);
        }
        if frame.at == FIRST_CREATED && frame.drain.is_none() {
            frame.whole = count;
        }
        let passed = u64::from(frame.offset()) + u64::from(rows);
        if let Some(reversed) = &frame.reversed
            && let Some(place) = records.iter().position(|keys| keys.id.as_ref() == Some(&reversed.last))
        {
            // In any other row the order is not the first one turned round, and nothing vouches for what lies between.
            let (row, all) = (reversed.row, reversed.all);
            return if u64::from(frame.offset()) + place as u64 == row {
                self.believe(all).map(|()| None)
            } else {
                Err(self.too_many())
            };
        }
        let keys =
            if frame.reversed.is_some() { None } else { Some((frame.first_key(records), frame.last_key(records)?)) };
        let (first, last) = match keys {
            Some((Some(first), Some(last))) => (first, last),
            // From the other end there are only the records of one instant.
            None => (frame.at, frame.at),
            // Without a time there is nothing to go on from, which matters only where more is to come: a record that hides
            // its time and stands alone in a range must not hold up the resource for good.
            Some(_) => {
                let more = rows >= limit || count.is_some_and(|count| count > passed);
                return if rows > 0 && more { Err(Stuck::NoKey) } else { self.end(records, passed, count) };
            }
        };
        if frame.start != Start::Widened && first <= frame.at {
            return frame.start_later().map(|()| None);
        }
        let is_short = rows < limit;
        if is_short && count.is_some_and(|count| passed >= count) {
            return self.end(records, passed, count);
        }
        if last > frame.at && frame.values.is_empty() {
            frame.go_to(last, records, passed, count);
            return Ok(None);
        }
        let anchor = records.last().and_then(|keys| keys.id.clone());
        let row = (passed.saturating_sub(1)).try_into().unwrap_or(u32::MAX);
        match (anchor, count) {
            // A list that does not count ends where nothing is behind the last row.
            (_, None) if is_short => frame.step_to(row.saturating_add(1), String::new(), None),
            // More is counted than is given: the rest may come from the next row on.
            (_, Some(_)) if is_short && row <= frame.offset() => return Ok(Some(Doubt::Fewer)),
            (Some(anchor), _) => frame.step_to(row, anchor, count),
            (None, _) => return Err(Stuck::NoKey),
        }
        self.go_deeper_beyond_reach().map(|()| None)
    }

    /// Takes the answer that was doubted for the end of its range, which holds so many `records`.
    pub fn believe(&mut self, records: u64) -> Result<(), Stuck> {
        if let Some(frame) = self.frames.last_mut() {
            frame.passed += records;
        }
        self.finish_frame()
    }

    /// The innermost range ends with this page, if nothing speaks against it.
    fn end(&mut self, records: &[&Keys], passed: u64, count: Option<u64>) -> Result<Option<Doubt>, Stuck> {
        let Some(frame) = self.frames.last() else { return Ok(None) };
        if count.is_some_and(|count| count > passed) {
            return Ok(Some(Doubt::Fewer));
        }
        match frame.expected.doubt(records, frame.offset(), passed) {
            Some(doubt) => Ok(Some(doubt)),
            None => self.believe(passed).map(|()| None),
        }
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

    /// Takes the values of the filter that [`Ask::Values`] asked for.
    pub fn values(&mut self, values: Vec<String>) -> Result<(), Stuck> {
        if values.is_empty() {
            return Err(self.too_many());
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.values = values;
        }
        Ok(())
    }

    /// How far the window has been read, for the ledger.
    pub fn progress(&self) -> Progress {
        let Some(outermost) = self.frames.first() else {
            return Progress { at: self.window.to, position: None, done: true };
        };
        // Nothing of the window itself has been read yet.
        if outermost.at < self.window.from {
            return Progress { at: self.window.from, position: None, done: false };
        }
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

    /// Takes over what another walk has learnt, and how many rows a page is to have for now.
    pub fn know(&mut self, rules: Rules, lighter: Option<u32>) -> Result<(), Stuck> {
        (self.rules, self.lighter) = (self.rules.and(rules), lighter);
        self.go_deeper_beyond_reach()
    }

    fn limit_at(&self, offset: u32) -> u32 {
        self.rules.limit_at(offset, self.lighter)
    }

    fn reach_only(&mut self, rows: u32, from: u32, limit: u32) -> Result<(), Stuck> {
        if rows == 0 || from.saturating_add(limit) <= rows {
            return Err(Stuck::Limit { field: "from".into() });
        }
        self.rules.reach = Some(rows);
        self.go_deeper_beyond_reach()
    }

    /// Cuts the current instant into smaller parts when its next row is out of reach. The anchor and one new row must
    /// fit, or the page would teach nothing. Where nothing cuts it any more, it is read from its other end as well.
    fn go_deeper_beyond_reach(&mut self) -> Result<(), Stuck> {
        let (Some(reach), Some(frame)) = (self.rules.reach, self.frames.last_mut()) else { return Ok(()) };
        if frame.offset() == 0 || frame.offset() + 2 <= reach {
            return Ok(());
        }
        let (instant, created_to) = (frame.at, self.window.to + TimeDelta::days(1));
        let deeper = match self.rules.splits.get(self.frames.len() - 1) {
            Some(Split::CreatedTime) => {
                let expected = Expectation::part_of_some();
                Frame { expected, ..Frame::new(Key::Created, FIRST_CREATED, created_to) }
            }
            Some(Split::Department | Split::Status | Split::Assignee) => Frame::of_values(instant),
            None => return self.turn_round(),
        };
        if let Some(frame) = self.frames.last_mut() {
            frame.drain = None;
        }
        self.frames.push(deeper);
        Ok(())
    }

    /// Begins to read the innermost frame from its other end, if both ends together reach all of it.
    fn turn_round(&mut self) -> Result<(), Stuck> {
        let too_many = self.too_many();
        let (Some(reach), Some(frame)) = (self.rules.reach, self.frames.last_mut()) else { return Err(too_many) };
        // A run that takes this up from the ledger does not know how many there are, and asks from the first one on.
        if frame.expected.records == Expected::Unknown && frame.drain.as_ref().is_some_and(|drain| drain.restarts == 0)
        {
            return frame.restart();
        }
        let (Expected::Exactly(count), Some(drain), None) =
            (frame.expected.records, frame.drain.take(), &frame.reversed)
        else {
            return Err(too_many);
        };
        let row = count.saturating_sub(u64::from(drain.offset) + 1);
        if drain.anchor.is_empty() || row >= reach.into() {
            return Err(too_many);
        }
        frame.reversed = Some(Reversed { last: drain.anchor, row, all: count });
        Ok(())
    }

    fn too_many(&self) -> Stuck {
        let instant = self.frames.last().map_or(self.window.to, |frame| frame.at);
        Stuck::TooManyAtOnce { instant, reach: self.rules.reach.unwrap_or_default() }
    }

    /// The innermost frame has been read to its end.
    fn finish_frame(&mut self) -> Result<(), Stuck> {
        while let Some(mut inner) = self.frames.pop() {
            if inner.values.len() > 1 {
                inner.values.pop();
                let next = Frame { values: inner.values, passed: inner.passed, ..Frame::of_values(inner.at) };
                self.frames.push(next);
                break;
            }
            let Some(outer) = self.frames.last_mut() else { break };
            if let Expected::Exactly(all) = outer.expected.records
                && !inner.values.is_empty()
                && inner.passed < all
            {
                return Err(Stuck::Unaccounted { instant: outer.at, missing: all - inner.passed });
            }
            if outer.values.is_empty() {
                // The instant that the inner frame cut apart is complete.
                let records = match (outer.expected.records, inner.whole) {
                    (Expected::Exactly(all), Some(whole)) => Expected::Exactly(all.saturating_sub(whole)),
                    _ => Expected::PartOfSome,
                };
                (outer.start, outer.drain) = (Start::After, None);
                outer.expected = Expectation { ids: Vec::new(), records };
                break;
            }
            outer.passed += inner.passed;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
