//! The books of a run: what it has spent is written into the ledger while it works. What it costs and what may be spent is
//! the business of `http`.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Error;
use crate::http::Client;
use crate::ledger::RunId;
use crate::warehouse::Warehouse;

/// Time after which what was spent is written into the ledger: as much as is not booked when a run is cut off, and as late
/// as processes beside each other learn of what the other has spent.
const BETWEEN_BOOKINGS: Duration = Duration::from_secs(1);

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
        while tokio::time::timeout(BETWEEN_BOOKINGS, done.cancelled()).await.is_err() {
            book(client, warehouse, run).await.inspect_err(|_| stopped.cancel())?;
        }
        book(client, warehouse, run).await
    };
    tokio::join!(work, bookings)
}

/// Writes what was spent into the ledger, and learns from it what other processes have spent.
pub(super) async fn book<W: Warehouse>(client: &Client, warehouse: &W, run: RunId) -> Result<(), Error> {
    let spending = client.take_spending();
    if !spending.bookings.is_empty() {
        let spent = warehouse.book(run, &spending).await?;
        client.confirm_spending(spending.day, spent);
    }
    Ok(())
}
