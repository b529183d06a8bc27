//! The pages that were read and wait for landing. Neighbours of one window become one batch here, since many rows land
//! faster than few; how many batches make a transaction is `stream`'s decision.

use tokio::sync::mpsc;

use crate::warehouse::Batch;

/// Records after which a batch takes no further page in: larger ones land no faster and take more memory.
const RECORDS_PER_BATCH: u64 = 1_000;

/// Pages on their way from reading to landing.
pub(super) struct Queue {
    receiver: mpsc::Receiver<Batch>,
    /// Taken from the receiver, but of another window than the batch before it.
    held: Option<Batch>,
}

impl Queue {
    pub(super) fn new(receiver: mpsc::Receiver<Batch>) -> Self {
        Self { receiver, held: None }
    }

    /// The next batch, as soon as there is one; `None` when all have been taken and none will come.
    pub(super) async fn next(&mut self) -> Option<Batch> {
        let first = match self.held.take() {
            Some(batch) => batch,
            None => self.receiver.recv().await?,
        };
        Some(self.with_neighbours(first))
    }

    /// The next batch, if one is there already.
    pub(super) fn waiting(&mut self) -> Option<Batch> {
        let first = self.held.take().or_else(|| self.receiver.try_recv().ok())?;
        Some(self.with_neighbours(first))
    }

    fn with_neighbours(&mut self, mut batch: Batch) -> Batch {
        while batch.read < RECORDS_PER_BATCH {
            match self.receiver.try_recv() {
                Ok(later) if later.window == batch.window => batch.append(later),
                Ok(other) => {
                    self.held = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        batch
    }
}
