//! Bookmarks: up to where a resource is complete, and which ranges a run has to read. Arithmetic only.

use chrono::{DateTime, Datelike, SubsecRound, TimeDelta, Utc};

use super::window::{Range, Window};

/// What the ledger knows of one resource when a run begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Absent before the first run.
    pub bookmark: Option<Bookmark>,
    /// Windows that an earlier run left unfinished.
    pub open: Vec<Window>,
    /// The bookmark is of a run that was stopped, and none has come to its end by itself since: what it read is a part of
    /// what goes on now.
    pub goes_on: bool,
}

/// What has been planned and read of one resource, on the portal's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bookmark {
    /// Start of the oldest window ever made.
    pub since: DateTime<Utc>,
    /// End of the newest window ever made: the start of the run that made it.
    pub until: DateTime<Utc>,
    /// The bookmark proper: every change up to here is in the warehouse. Empty while older windows are unfinished.
    pub complete_until: Option<DateTime<Utc>>,
}

/// Ages at which the first run cuts history, so that the last months can be queried within minutes.
const FIRST_RUN_AGES: [TimeDelta; 3] = [TimeDelta::days(30), TimeDelta::days(90), TimeDelta::days(365)];

impl History {
    /// The start date before which nothing was ever asked for; none where everything was: no portal is older than 2010.
    pub fn start(&self) -> Option<DateTime<Utc>> {
        self.bookmark.map(|bookmark| bookmark.since).filter(|since| since.year() >= 2010)
    }

    /// The parts of history that a first run reads one after the other, newest first; a short one is read as it is.
    pub fn parts(now: DateTime<Utc>, range: Range) -> Vec<Range> {
        // Between whole seconds, as all parts of windows are.
        let since = now.trunc_subsecs(0) - range.to;
        range.newest_first(&FIRST_RUN_AGES.map(|age| age - since))
    }

    /// Which part of history a window that ends at `to` belongs to, the newest being 0.
    pub fn age(now: DateTime<Utc>, to: DateTime<Utc>) -> u8 {
        FIRST_RUN_AGES.iter().map(|age| u8::from(now - to >= *age)).sum()
    }

    /// The ranges that need a new window, newest first. `now` is the portal's time.
    ///
    /// After the first run that is [`Bookmark::until`] less `overlap`, to now: the search index lags behind the
    /// records by an unknown time, so the last stretch is read again. Unfinished windows keep their own ranges; what
    /// changed meanwhile has moved out of them and into the new one. A `start_date` earlier than any before adds the
    /// missing part.
    pub fn ranges_to_read(&self, start_date: DateTime<Utc>, now: DateTime<Utc>, overlap: TimeDelta) -> Vec<Range> {
        let Some(bookmark) = &self.bookmark else {
            return vec![Range::new(start_date.min(now), now)];
        };
        let mut ranges = vec![Range::new((bookmark.until - overlap).max(bookmark.since), now)];
        if start_date < bookmark.since {
            ranges.push(Range::new(start_date, bookmark.since - TimeDelta::milliseconds(1)));
        }
        ranges
    }

    /// Whether unfinished windows come first and the newest stretch after them: where the last run began less than
    /// `overlap` ago, little is new, and a run that is stopped again and again would leave a window behind each time.
    pub fn unfinished_first(&self, now: DateTime<Utc>, overlap: TimeDelta) -> bool {
        !self.open.is_empty() && self.bookmark.is_some_and(|bookmark| now - bookmark.until < overlap)
    }

    /// Whether all of it was read by a run that began less than `overlap` ago and was then stopped: a run that is stopped
    /// again and again would pay for it each time.
    pub fn has_just_been_read(&self, now: DateTime<Utc>, overlap: TimeDelta) -> bool {
        self.goes_on && self.is_minutes_old(now, overlap)
    }

    /// Whether all of it was read by a run that began less than `overlap` ago.
    fn is_minutes_old(&self, now: DateTime<Utc>, overlap: TimeDelta) -> bool {
        self.open.is_empty() && self.bookmark.is_some_and(|bookmark| now - bookmark.until < overlap)
    }

    /// The bookmark once windows for `ranges` exist.
    pub fn planned(&self, ranges: &[Range]) -> Option<Bookmark> {
        let since = ranges.iter().map(|range| range.from).chain(self.bookmark.map(|held| held.since)).min()?;
        let until = ranges.iter().map(|range| range.to).chain(self.bookmark.map(|held| held.until)).max()?;
        let complete_until = self
            .bookmark
            .and_then(|held| held.complete_until)
            // A window that begins before the bookmark is history that was not there before.
            .filter(|complete| ranges.iter().all(|range| *complete <= range.from));
        Some(Bookmark { since, until, complete_until })
    }
}

impl Bookmark {
    /// The bookmark once a window has been finished and `open` are those that have not.
    ///
    /// It never passes an unfinished window, nor the start of the run that read the newest one less `overlap`: what
    /// changed while that run was reading may sit where it had already been.
    pub fn advance(self, open: &[Range], overlap: TimeDelta) -> Self {
        let complete_until = match open {
            [] => Some((self.until - overlap).max(self.since)),
            open => self.complete_until.filter(|complete| open.iter().all(|range| *complete <= range.from)),
        };
        Self { complete_until, ..self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OVERLAP: TimeDelta = TimeDelta::minutes(15);

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(minutes * 60, 0).expect("a time in range")
    }

    fn read_once(until: DateTime<Utc>) -> History {
        let bookmark = Bookmark { since: at(0), until, complete_until: Some(until - OVERLAP) };
        History { bookmark: Some(bookmark), open: Vec::new(), goes_on: true }
    }

    #[test]
    fn a_first_run_reads_from_the_start_date_to_now() {
        let ranges = History::default().ranges_to_read(at(0), at(10), OVERLAP);
        assert_eq!(ranges, [Range::new(at(0), at(10))]);
    }

    #[test]
    fn history_is_read_newest_first() {
        let day = 24 * 60;
        let parts = History::parts(at(1_000 * day), Range::new(at(0), at(990 * day)));
        let starts = parts.iter().map(|part| (at(1_000 * day) - part.from).num_days()).collect::<Vec<_>>();
        assert_eq!(starts, [30, 90, 365, 1_000]);
        assert_eq!(
            [5, 30, 89, 364, 366].map(|age| History::age(at(1_000 * day), at((1_000 - age) * day))),
            [0, 1, 1, 2, 3]
        );
        let last_week = Range::new(at(993 * day), at(1_000 * day));
        assert_eq!(History::parts(at(1_000 * day), last_week), [last_week]);
    }

    #[test]
    fn a_later_run_reads_the_overlap_again() {
        let ranges = read_once(at(100)).ranges_to_read(at(0), at(200), OVERLAP);
        assert_eq!(ranges, [Range::new(at(85), at(200))]);
    }

    #[test]
    fn unfinished_windows_come_first_only_where_little_is_new() {
        let range = Range::new(at(0), at(50));
        let window = Window::of(crate::ledger::Key::Modified, range);
        let stopped = History { open: vec![window], ..read_once(at(100)) };
        assert!(stopped.unfinished_first(at(101), OVERLAP));
        assert!(!stopped.unfinished_first(at(115), OVERLAP));
        assert!(!read_once(at(100)).unfinished_first(at(101), OVERLAP));
        assert!(!History::default().unfinished_first(at(101), OVERLAP));
    }

    #[test]
    fn what_a_stopped_run_read_to_its_end_minutes_ago_has_just_been_read() {
        let window = Window::of(crate::ledger::Key::Modified, Range::new(at(0), at(50)));
        let just_read = |history: History, minutes| history.has_just_been_read(at(minutes), OVERLAP);
        assert!(just_read(read_once(at(100)), 114));
        assert!(!just_read(read_once(at(100)), 115));
        assert!(!just_read(History { open: vec![window], ..read_once(at(100)) }, 101));
        assert!(!just_read(History { goes_on: false, ..read_once(at(100)) }, 101), "that run has ended");
        assert!(!just_read(History::default(), 101));
    }

    #[test]
    fn an_earlier_start_date_adds_the_missing_history() {
        let mut history = read_once(at(100));
        history.bookmark.as_mut().expect("a bookmark").since = at(50);
        let ranges = history.ranges_to_read(at(10), at(200), OVERLAP);
        assert_eq!(ranges[1], Range::new(at(10), at(50) - TimeDelta::milliseconds(1)));
        assert_eq!(history.planned(&ranges).expect("a bookmark").complete_until, None);
    }

    #[test]
    fn the_bookmark_waits_for_unfinished_windows() {
        let planned = Bookmark { since: at(0), until: at(100), complete_until: None };
        assert_eq!(planned.advance(&[Range::new(at(0), at(40))], OVERLAP).complete_until, None);
        assert_eq!(planned.advance(&[], OVERLAP).complete_until, Some(at(85)));
    }

    #[test]
    fn a_clock_that_goes_back_gives_no_inverted_range() {
        let ranges = read_once(at(100)).ranges_to_read(at(0), at(10), OVERLAP);
        assert!(ranges[0].from <= ranges[0].to);
    }

    proptest! {
        /// Whatever is finished in whatever order, the bookmark stays behind every open window and the overlap.
        #[test]
        fn the_bookmark_never_passes_an_unfinished_window(
            runs in prop::collection::vec((1i64..100_000, prop::collection::vec(any::<bool>(), 4)), 1..12),
        ) {
            let mut history = History::default();
            let mut open: Vec<Range> = Vec::new();
            let mut now = at(0);
            for (step, finished) in runs {
                now += TimeDelta::minutes(step);
                let ranges = history.ranges_to_read(at(-1_000_000), now, OVERLAP);
                let mut bookmark = history.planned(&ranges).expect("a bookmark");
                open.extend(ranges);
                for done in finished {
                    if done && !open.is_empty() {
                        open.remove(0);
                        bookmark = bookmark.advance(&open, OVERLAP);
                    }
                }
                if let Some(complete) = bookmark.complete_until {
                    prop_assert!(complete <= now - OVERLAP || complete == bookmark.since);
                    for range in &open {
                        prop_assert!(complete <= range.from);
                    }
                }
                history.bookmark = Some(bookmark);
            }
        }
    }
}
