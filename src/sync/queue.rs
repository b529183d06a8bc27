//! The pages that were read and wait for landing. Those of one window become one batch here, since many rows land faster
//! than few; how many batches make a transaction is `stream`'s decision.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::PAGES_WAITING;
use crate::warehouse::Batch;

/// Records after which a batch takes no further page in: larger ones land no faster and take more memory.
const RECORDS_PER_BATCH: u64 = 1_000;

/// Pages on their way from reading to landing.
pub(super) struct Queue {
    receiver: mpsc::Receiver<Batch>,
    /// Taken from the receiver, in the order in which they came.
    held: VecDeque<Batch>,
}

impl Queue {
    pub(super) fn new(receiver: mpsc::Receiver<Batch>) -> Self {
        Self { receiver, held: VecDeque::new() }
    }

    /// The next batch, as soon as there is one; `None` when all have been taken and none will come.
    pub(super) async fn next(&mut self) -> Option<Batch> {
        self.fill();
        if self.held.is_empty() {
            let first = self.receiver.recv().await?;
            self.held.push_back(first);
            self.fill();
        }
        self.waiting()
    }

    /// The next batch, if one is there already.
    pub(super) fn waiting(&mut self) -> Option<Batch> {
        self.fill();
        self.held.pop_front()
    }

    /// Takes in what has come, each page into the batch of its window.
    fn fill(&mut self) {
        while self.held.iter().map(|batch| batch.read).sum::<u64>() < RECORDS_PER_BATCH
            && self.held.len() < PAGES_WAITING
            && let Ok(page) = self.receiver.try_recv()
        {
            // Only the last batch of a window may take a page in: those of one window land in their order.
            match self.held.iter_mut().rfind(|batch| batch.window == page.window) {
                Some(batch) if batch.read < RECORDS_PER_BATCH => batch.append(page),
                _ => self.held.push_back(page),
            }
        }
    }
}
