//! The books of a run: what it has spent, and how many requests at a time it holds, is written into the ledger while it
//! works. What it costs and what may be spent is the business of `http`, who gets how many requests that of `ledger`.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Error;
use crate::http::Client;
use crate::ledger::{RunId, Share, Sharing};
use crate::warehouse::Warehouse;

/// Time after which what was spent is written into the ledger: as much as is not booked when a run is cut off, and as late
/// as processes beside each other learn of what the other has spent.
const BETWEEN_BOOKINGS: Duration = Duration::from_secs(1);

/// The same while requests pass from one run to another.
const UNTIL_SETTLED: Duration = Duration::from_millis(100);

/// A run that gets no request for so long says that it waits.
const PATIENCE: Duration = Duration::from_secs(3);

/// Does what has to be done before there is a run, as soon as other runs leave it a request: one at a time.
pub(super) async fn greeting<W: Warehouse, T>(
    client: &Client,
    warehouse: &W,
    work: impl Future<Output = T>,
) -> Result<T, Error> {
    client.share(0);
    let (start, mut has_told) = (Instant::now(), false);
    let one = || async { share(client, warehouse, Sharing { wanted: 1, ..client.sharing() }).await };
    let mut got = one().await?;
    while got.requests == 0 {
        if start.elapsed() >= PATIENCE && !has_told {
            has_told = true;
            tracing::info!(
                "waiting for other runs, which make as many requests at a time as `limits.concurrency` allows"
            );
        }
        sleep(UNTIL_SETTLED).await;
        got = one().await?;
    }
    let kept = async {
        loop {
            sleep(pause_after(got)).await;
            got = one().await?;
        }
    };
    tokio::select! {
        biased;
        done = work => Ok(done),
        failed = kept => failed,
    }
}

fn pause_after(share: Share) -> Duration {
    if share.is_settled { BETWEEN_BOOKINGS } else { UNTIL_SETTLED }
}

/// Does some work and keeps books meanwhile and at its end. Where they cannot be kept, `stopped` is cancelled: without
/// them nobody knows what may still be spent.
pub(super) async fn kept<W: Warehouse, T>(
    client: &Client,
    warehouse: &W,
    run: RunId,
    stopped: &CancellationToken,
    work: impl Future<Output = T>,
) -> (T, Result<(), Error>) {
    let done = CancellationToken::new();
    let work = async {
        let result = work.await;
        done.cancel();
        result
    };
    let bookings = async {
        let mut pause = UNTIL_SETTLED;
        while tokio::time::timeout(pause, done.cancelled()).await.is_err() {
            pause = pause_after(book(client, warehouse, Some(run)).await.inspect_err(|_| stopped.cancel())?);
        }
        book(client, warehouse, Some(run)).await.map(|_| ())
    };
    tokio::join!(work, bookings)
}

/// Writes what was spent into the ledger, and learns from it what other processes have spent and leave to this one.
pub(super) async fn book<W: Warehouse>(client: &Client, warehouse: &W, run: Option<RunId>) -> Result<Share, Error> {
    let (sharing, spending) = (client.sharing(), client.take_spending());
    if spending.bookings.is_empty() {
        return share(client, warehouse, sharing).await;
    }
    let spent = warehouse.book(run, &spending, sharing).await?;
    client.confirm_spending(spending.day, spent);
    Ok(spent.share)
}

async fn share<W: Warehouse>(client: &Client, warehouse: &W, sharing: Sharing) -> Result<Share, Error> {
    let share = warehouse.share(sharing).await?;
    client.share(share.requests);
    Ok(share)
}
