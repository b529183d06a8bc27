//! How many rows of a resource a portal manages to give at once. A page that is too heavy for it, which it answers with a
//! time-out or with more than is read, is asked for with half as many; after some good ones with twice as many again.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Good pages after which more is tried.
const GOOD_TO_GROW: u32 = 10;

/// The anchor of a page, the row before it where a list counts from 1, and a new row: fewer teach nothing.
const FEWEST: u32 = 3;

/// What a run has learnt of one resource, for all of its walks and lists.
#[derive(Debug, Default)]
pub struct Weight(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Rows to ask for; none while nothing was too heavy.
    rows: Option<u32>,
    good: u32,
}

impl Weight {
    /// Rows that a page is to have at most; none where nothing speaks against the limit of the path.
    pub fn rows(&self) -> Option<u32> {
        self.state().rows
    }

    /// Times that a page of so many rows is worth asking for before it is taken for too heavy: the portal may have had a
    /// bad moment, but not each time that it is asked for less. None where less cannot be asked for.
    pub fn tries(&self, rows: u32) -> Option<u32> {
        if rows <= FEWEST {
            return None;
        }
        Some(if self.state().rows.is_some() { 1 } else { 2 })
    }

    /// A page of so many rows was too heavy. False where fewer cannot be asked for.
    pub fn was_too_heavy(&self, rows: u32) -> bool {
        if rows <= FEWEST {
            return false;
        }
        let mut state = self.state();
        *state = State { rows: Some((rows / 2).max(FEWEST).min(state.rows.unwrap_or(rows))), good: 0 };
        true
    }

    /// A page of so many rows, where `limit` is what the path takes, was not.
    pub fn was_good(&self, limit: u32) {
        let mut state = self.state();
        let Some(rows) = state.rows else { return };
        state.good += 1;
        if state.good >= GOOD_TO_GROW {
            let more = rows.saturating_mul(2);
            *state = State { rows: (more < limit).then_some(more), good: 0 };
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_halved_until_they_fit_and_grow_again() {
        let weight = Weight::default();
        assert_eq!((weight.rows(), weight.tries(100)), (None, Some(2)));
        assert!(weight.was_too_heavy(100) && weight.was_too_heavy(50));
        assert_eq!((weight.rows(), weight.tries(25)), (Some(25), Some(1)));
        (0..GOOD_TO_GROW).for_each(|_| weight.was_good(100));
        assert_eq!(weight.rows(), Some(50));
        (0..GOOD_TO_GROW).for_each(|_| weight.was_good(100));
        assert_eq!(weight.rows(), None);
    }

    #[test]
    fn as_few_rows_as_teach_something_are_not_halved() {
        let weight = Weight::default();
        assert!(weight.was_too_heavy(4) && !weight.was_too_heavy(FEWEST));
        assert_eq!((weight.rows(), weight.tries(FEWEST)), (Some(FEWEST), None));
    }
}
