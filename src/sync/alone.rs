//! Whatever is asked in numbers: records alone, and ranges of a comparison, as many at once as the client lets through. What
//! an answer means is left to who asks.

use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::stream::{self, Stream, StreamExt};

use super::context::Context;
use super::stream::Halt;
use crate::extract::Error;

/// Records that wait for their turn at once; how many are under way is the client's decision.
const AT_ONCE: usize = 32;

/// Records that are landed together: what a run that is cut off has to ask for again.
pub(super) const BATCH: usize = 100;

/// Asks about each of these, and gives the answers in batches, in the order in which they come.
pub(super) fn each<'a, W, I, T, F>(
    context: Context<'a, W>,
    of: Vec<I>,
    ask: impl Fn(I) -> F,
) -> impl Stream<Item = Vec<Result<T, Halt>>>
where
    F: Future<Output = Result<T, Error>>,
{
    let asked = side_by_side(stream::iter(of), move |one| {
        let asked = ask(one);
        async move { context.ask(asked).await }
    });
    asked.buffer_unordered(AT_ONCE).chunks(BATCH)
}

/// Asks about each of these, and gives the answers in their own order.
pub(super) fn in_order<I, T, E, F>(of: impl Stream<Item = I>, ask: impl Fn(I) -> F) -> impl Stream<Item = Result<T, E>>
where
    F: Future<Output = Result<T, E>>,
{
    side_by_side(of, ask).buffered(AT_ONCE)
}

/// After a failure nothing more is begun; what was under way by then is paid, and still comes.
fn side_by_side<I, T, E, F>(
    of: impl Stream<Item = I>,
    ask: impl Fn(I) -> F,
) -> impl Stream<Item = impl Future<Output = Result<T, E>>>
where
    F: Future<Output = Result<T, E>>,
{
    let failed = Arc::new(AtomicBool::new(false));
    let stops = Arc::clone(&failed);
    of.take_while(move |_| future::ready(!stops.load(Ordering::Relaxed))).map(move |one| {
        let (asked, failed) = (ask(one), Arc::clone(&failed));
        async move {
            let answer = asked.await;
            failed.fetch_or(answer.is_err(), Ordering::Relaxed);
            answer
        }
    })
}

/// The answers of a batch; the first failure is put aside, until what came beside it has landed.
pub(super) fn answers<T>(batch: Vec<Result<T, Halt>>, halt: &mut Option<Halt>) -> Vec<T> {
    let keep = |answer: Result<T, Halt>| answer.map_err(|failure| halt.get_or_insert(failure)).ok();
    batch.into_iter().filter_map(keep).collect()
}
