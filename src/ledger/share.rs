//! How runs beside each other share the requests that may be made at a time. Pure: the rows are kept by
//! `warehouse::shares`, and the requests are counted by `http`.
//!
//! What is granted to all of them together is never more than what one alone may make: a run that has to give some up
//! holds them until their requests are answered, and another one gets what nobody holds.

/// A run that shares, as it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharer {
    /// The first of its claims.
    pub name: String,
    /// Its place in the order in which parts are given.
    pub place: i64,
    /// Most requests at a time that it would make alone.
    pub wanted: u32,
    /// Requests at a time that it may make.
    pub granted: u32,
}

/// What a run says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sharing {
    /// Most requests at a time that it would make alone.
    pub wanted: u32,
    /// Requests that it makes, or may begin without asking.
    pub held: u32,
    /// Whether it has had a part for so long that those come first who have none.
    pub had_turn: bool,
}

/// What a run gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Requests at a time that it may make.
    pub requests: u32,
    /// Whether this is its part, and what the ledger holds: otherwise it changes soon.
    pub is_settled: bool,
    /// Runs at work, this one among them.
    pub runs: u32,
}

/// The row of a run that says this of itself, beside `others` that are at work, and what it gets. `place` is where it
/// stood, if it was there before.
pub fn share(name: &str, place: Option<i64>, others: &[Sharer], sharing: Sharing) -> (Sharer, Share) {
    let Sharing { wanted, held, had_turn } = sharing;
    let end = others.iter().map(|other| other.place).chain(place).max().map_or(0, |last| last + 1);
    let mut own = Sharer { name: name.to_owned(), place: place.unwrap_or(end), wanted, granted: held };
    let (mut part, is_for_all) = part_of(&own, others);
    if had_turn && !is_for_all {
        own.place = end;
        part = part_of(&own, others).0;
    }
    let most = others.iter().map(|other| other.wanted).max().map_or(wanted, |most| most.max(wanted));
    let taken = others.iter().fold(held, |taken, other| taken.saturating_add(other.granted));
    own.granted += part.saturating_sub(held).min(most.saturating_sub(taken));
    let runs = u32::try_from(others.len() + 1).unwrap_or(u32::MAX);
    let share = Share { requests: part.min(own.granted), is_settled: part == own.granted && part > 0, runs };
    (own, share)
}

/// How many requests are a run's part, and whether there is one for each of them. They are dealt out one by one, in the
/// order of places and to none more than it wants.
fn part_of(own: &Sharer, others: &[Sharer]) -> (u32, bool) {
    let mut runs: Vec<&Sharer> = others.iter().chain([own]).collect();
    runs.sort_by(|one, other| (one.place, &one.name).cmp(&(other.place, &other.name)));
    let mut left = runs.iter().map(|run| run.wanted).max().unwrap_or_default();
    let is_for_all = left as usize >= runs.len();
    let (mut part, mut each) = (0, 1);
    while left > 0 && runs.iter().any(|run| run.wanted >= each) {
        for run in runs.iter().filter(|run| run.wanted >= each).take(left as usize) {
            part += u32::from(run.name == own.name);
            left -= 1;
        }
        each += 1;
    }
    (part, is_for_all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(name: &str, place: i64, wanted: u32, granted: u32) -> Sharer {
        Sharer { name: name.into(), place, wanted, granted }
    }

    fn settled(requests: u32, runs: u32) -> Share {
        Share { requests, is_settled: true, runs }
    }

    const AT_WORK: Sharing = Sharing { wanted: 5, held: 0, had_turn: false };

    #[test]
    fn one_alone_has_everything_at_once() {
        assert_eq!(share("sync", None, &[], AT_WORK), (run("sync", 0, 5, 5), settled(5, 1)));
    }

    #[test]
    fn a_newcomer_waits_until_another_has_given_up_some() {
        let (sync, got) = share("sync", None, &[run("backfill", 0, 5, 5)], AT_WORK);
        assert_eq!((sync.granted, got), (0, Share { requests: 0, is_settled: false, runs: 2 }));
        // Five are under way, and no more than three are begun from now on.
        let (backfill, got) = share("backfill", Some(0), &[sync], Sharing { held: 5, ..AT_WORK });
        assert_eq!((backfill.granted, got), (5, Share { requests: 3, is_settled: false, runs: 2 }));
        let (backfill, got) = share("backfill", Some(0), &[run("sync", 1, 5, 0)], Sharing { held: 3, ..AT_WORK });
        assert_eq!((backfill.granted, got), (3, settled(3, 2)));
        assert_eq!(share("sync", Some(1), &[backfill], AT_WORK), (run("sync", 1, 5, 2), settled(2, 2)));
    }

    #[test]
    fn none_gets_more_than_it_wants_and_nothing_is_left_over() {
        let greeting = Sharing { wanted: 1, ..AT_WORK };
        let (_, got) = share("sync", None, &[run("backfill", 0, 8, 7)], greeting);
        assert_eq!(got, settled(1, 2));
        let others = [run("sync", 1, 1, 1), run("other", 2, 2, 2)];
        let (_, got) = share("backfill", Some(0), &others, Sharing { wanted: 8, held: 5, had_turn: true });
        assert_eq!(got, settled(5, 3));
    }

    #[test]
    fn where_there_are_more_runs_than_requests_each_gets_its_turn() {
        let only = Sharing { wanted: 1, held: 1, had_turn: true };
        let (_, got) = share("backfill", Some(0), &[], only);
        assert_eq!(got, settled(1, 1));
        let (backfill, got) = share("backfill", Some(0), &[run("sync", 1, 1, 0)], only);
        assert_eq!((backfill, got.requests), (run("backfill", 2, 1, 1), 0));
        let (backfill, _) = share("backfill", Some(2), &[run("sync", 1, 1, 0)], Sharing { held: 0, ..only });
        assert_eq!(backfill.granted, 0);
        let (_, got) = share("sync", Some(1), &[backfill], Sharing { held: 0, had_turn: false, ..only });
        assert_eq!(got, settled(1, 2));
    }

    /// A run of the model: what it may begin, what it has under way, and since when it has had a part.
    #[derive(Debug, Default, Clone)]
    struct Worker {
        may: u32,
        under_way: u32,
        looks: u32,
    }

    proptest! {
        /// Whatever runs do and in whichever order they look into the ledger, never are more under way than one alone may
        /// make; and where all of them go on, each gets a turn.
        #[test]
        fn together_they_never_pass_what_one_may_make(
            most in 1u32..9,
            events in prop::collection::vec((0usize..4, 0u8..8), 0..300),
        ) {
            let mut rows: Vec<Sharer> = Vec::new();
            let mut workers: Vec<Option<Worker>> = vec![None; 4];
            let names = ["a", "b", "c", "d"];
            let look = |rows: &mut Vec<Sharer>, name: &str, worker: &mut Worker| {
                let place = rows.iter().find(|row| row.name == name).map(|row| row.place);
                rows.retain(|row| row.name != name);
                let held = worker.may.max(worker.under_way);
                let (own, got) = share(name, place, rows, Sharing { wanted: most, held, had_turn: worker.looks > 3 });
                rows.push(own);
                worker.may = got.requests;
                worker.looks = if worker.may > 0 { worker.looks + 1 } else { 0 };
            };
            let check = |rows: &[Sharer], workers: &[Option<Worker>]| {
                let granted: u32 = rows.iter().map(|row| row.granted).sum();
                let under_way: u32 = workers.iter().flatten().map(|worker| worker.under_way).sum();
                granted <= most && under_way <= granted
            };
            for (number, event) in events {
                match (event, &mut workers[number]) {
                    (0, place) if place.is_some() => {
                        rows.retain(|row| row.name != names[number]);
                        *place = None;
                    }
                    (1 | 2, Some(worker)) if worker.under_way < worker.may => worker.under_way += 1,
                    (3 | 4, Some(worker)) => worker.under_way = worker.under_way.saturating_sub(1),
                    (_, Some(worker)) => look(&mut rows, names[number], worker),
                    (_, place) => *place = Some(Worker::default()),
                }
                prop_assert!(check(&rows, &workers), "{rows:?} {workers:?}");
            }
            let mut turns = [0; 4];
            for _ in 0..60 {
                for (number, worker) in workers.iter_mut().enumerate() {
                    let Some(worker) = worker else { continue };
                    worker.under_way = 0;
                    look(&mut rows, names[number], worker);
                    turns[number] += u32::from(worker.may > 0);
                }
                prop_assert!(check(&rows, &workers), "{rows:?} {workers:?}");
            }
            for (number, worker) in workers.iter().enumerate() {
                prop_assert!(worker.is_none() || turns[number] > 5, "{turns:?}");
            }
        }
    }
}
