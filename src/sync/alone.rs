//! Whatever is asked in numbers: records alone, and ranges of a comparison, as many at once as the client lets through. What
//! an answer means is left to who asks.

use std::future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::mpsc;

use super::context::Context;
use super::stream::Halt;
use crate::extract::Error;

/// Records that wait for their turn at once; how many are under way is the client's decision.
const AT_ONCE: usize = 32;

/// Records that are looked at together.
pub(super) const BATCH: usize = 100;

/// Asks about each of these, and lets the answers be taken as they come, those that wait together: a run that is cut off
/// has to ask again for no more than what came while the last ones landed. The first failure is given back once what came
/// beside it has been taken.
pub(super) async fn each<W, I, T, F, E: From<Halt>>(
    context: Context<'_, W>,
    of: Vec<I>,
    ask: impl Fn(I) -> F,
    take: impl AsyncFnMut(Vec<T>) -> Result<(), E>,
) -> Result<(), E>
where
    F: Future<Output = Result<T, Error>>,
{
    let asked = side_by_side(stream::iter(of), move |one| {
        let asked = ask(one);
        async move { context.ask(asked).await }
    });
    taken(asked.buffer_unordered(AT_ONCE), BATCH, take).await
}

/// Lets what comes be taken, `most` at a time, while more is asked for. The first failure is given back once what came
/// beside it has been taken. Nothing is held back: what comes has to be bounded by who asks.
pub(super) async fn taken<T, E: From<Halt>>(
    asked: impl Stream<Item = Result<T, Halt>>,
    most: usize,
    mut take: impl AsyncFnMut(Vec<T>) -> Result<(), E>,
) -> Result<(), E> {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let asking = async {
        let (mut asked, mut halt) = (pin!(asked), None);
        while let Some(answer) = asked.next().await {
            match answer {
                Ok(answer) => {
                    // What takes them has failed, and says why.
                    if sender.send(answer).is_err() {
                        break;
                    }
                }
                Err(failure) => {
                    halt.get_or_insert(failure);
                }
            }
        }
        drop(sender);
        halt
    };
    let taking = async {
        let (mut batch, mut taken) = (Vec::new(), Ok(()));
        while taken.is_ok() && receiver.recv_many(&mut batch, most).await > 0 {
            taken = take(std::mem::take(&mut batch)).await;
        }
        receiver.close();
        taken
    };
    let (halt, taken) = tokio::join!(asking, taking);
    taken?;
    halt.map_or(Ok(()), |halt| Err(halt.into()))
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
