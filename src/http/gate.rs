//! Permits, and who waits for them: those who come first by their precedence; among equals those of the party that began
//! first, so that what is begun comes to its end, and a run that is killed leaves little that is half done; and within a
//! party first come, first served.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Gives out permits.
#[derive(Debug)]
pub(super) struct Gate(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Permits that nobody holds; none while somebody waits.
    free: usize,
    waiting: BTreeMap<Place, oneshot::Sender<()>>,
    /// Those who have ever asked, in the order in which they began.
    parties: Vec<&'static str>,
    /// How many have ever waited.
    came: u64,
}

/// A place among those who wait: precedence, number of the party, then when it was taken.
type Place = (u8, usize, u64);

/// The right to ask, until dropped.
#[derive(Debug)]
pub(super) struct Permit<'a>(&'a Gate);

impl Gate {
    pub(super) fn new(permits: usize) -> Self {
        Self(Mutex::new(State { free: permits, waiting: BTreeMap::new(), parties: Vec::new(), came: 0 }))
    }

    /// Waits for a permit; a lower precedence comes first.
    pub(super) async fn acquire(&self, precedence: u8, party: &'static str) -> Permit<'_> {
        let (place, granted) = {
            let mut state = self.state();
            let party = state.number(party);
            if state.free > 0 {
                state.free -= 1;
                return Permit(self);
            }
            let (grant, granted) = oneshot::channel();
            state.came += 1;
            let place = (precedence, party, state.came);
            state.waiting.insert(place, grant);
            (place, granted)
        };
        let waiting = Waiting { gate: self, place };
        // The sender goes with the gate, which this borrows, or after it has sent.
        let _ = granted.await;
        std::mem::forget(waiting);
        Permit(self)
    }

    /// Permits that nobody holds.
    pub(super) fn free(&self) -> usize {
        self.state().free
    }

    /// Makes so many permits more.
    pub(super) fn add(&self, permits: usize) {
        let mut state = self.state();
        for _ in 0..permits {
            state.hand_on();
        }
    }

    /// Takes away as many as nobody holds, up to so many; gives how many these were.
    pub(super) fn take_away(&self, permits: usize) -> usize {
        let mut state = self.state();
        let taken = permits.min(state.free);
        state.free -= taken;
        taken
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Which of the parties it is.
    fn number(&mut self, party: &'static str) -> usize {
        self.parties.iter().position(|held| *held == party).unwrap_or_else(|| {
            self.parties.push(party);
            self.parties.len() - 1
        })
    }

    /// Gives a permit to who is first, or keeps it.
    fn hand_on(&mut self) {
        while let Some((_, first)) = self.waiting.pop_first() {
            if first.send(()).is_ok() {
                return;
            }
        }
        self.free += 1;
    }
}

impl Permit<'_> {
    /// Ends the permit: nobody gets it any more.
    pub(super) fn forget(self) {
        std::mem::forget(self);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.state().hand_on();
    }
}

/// Who waits, and may be dropped while it does.
struct Waiting<'a> {
    gate: &'a Gate,
    place: Place,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        // A permit that came in the same moment is somebody else's.
        if state.waiting.remove(&self.place).is_none() {
            state.hand_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// Lets all of them ask while the only permit is held; gives the order in which they get it.
    async fn order(party_of_held: &'static str, asked: &[(&'static str, u8, &'static str)]) -> Vec<&'static str> {
        let (gate, came) = (Gate::new(1), Mutex::new(Vec::new()));
        let held = gate.acquire(9, party_of_held).await;
        let one = |(name, precedence, party): (&'static str, u8, &'static str)| {
            let (gate, came) = (&gate, &came);
            async move {
                let _permit = gate.acquire(precedence, party).await;
                came.lock().expect("a list").push(name);
            }
        };
        let mut all = Box::pin(futures_util::future::join_all(asked.iter().copied().map(one)));
        assert!(futures_util::poll!(&mut all).is_pending());
        drop(held);
        all.await;
        assert_eq!(gate.free(), 1);
        came.into_inner().expect("a list")
    }

    #[tokio::test]
    async fn a_lower_precedence_comes_first_and_equals_in_their_order() {
        let asked = [("old", 3, "tickets"), ("new", 0, "tickets"), ("newer", 0, "tickets"), ("lists", 2, "tickets")];
        assert_eq!(order("tickets", &asked).await, ["new", "newer", "lists", "old"]);
    }

    #[tokio::test]
    async fn among_equals_what_was_begun_first_comes_to_its_end() {
        let asked = [("teams", 1, "teams"), ("newest", 0, "tickets"), ("roles", 1, "roles"), ("agents", 1, "agents")];
        assert_eq!(order("roles", &asked).await, ["newest", "roles", "teams", "agents"]);
    }

    #[tokio::test]
    async fn who_gives_up_takes_no_permit_along() {
        let gate = Gate::new(1);
        let held = gate.acquire(0, "tickets").await;
        let (mut first, mut second) = (Box::pin(gate.acquire(0, "tickets")), Box::pin(gate.acquire(0, "tickets")));
        assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
        // The permit is the first one's by now, which does not know it yet.
        drop(held);
        drop(first);
        drop(second.await);
        assert_eq!(gate.free(), 1);
        let _held = gate.acquire(0, "tickets").await;
        drop(Box::pin(gate.acquire(0, "tickets")).now_or_never());
        gate.add(1);
        assert_eq!((gate.free(), gate.take_away(5), gate.free()), (1, 1, 0));
    }
}
