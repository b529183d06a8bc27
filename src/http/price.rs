//! The guard of a price that is held: whatever becomes of its request, the books hear of it. What the books make of that is
//! left to `credits`.

use super::{Client, Hold, Request};

/// What is held for a request under way. Dropped with it, the request may have arrived, or not.
pub(super) struct Price<'a> {
    pub(super) client: &'a Client,
    pub(super) request: &'a Request,
    pub(super) endpoint: String,
    /// None once it is settled.
    pub(super) hold: Option<Hold>,
}

impl Price<'_> {
    /// The request was surely not sent.
    pub(super) fn give_back(mut self) {
        if let Some(hold) = self.hold.take() {
            self.client.books().credits.release(&hold);
            self.client.settled.notify_waiters();
        }
    }
}

impl Drop for Price<'_> {
    fn drop(&mut self) {
        if let Some(hold) = self.hold.take() {
            self.client.books().credits.lose(&hold, self.request.resource, std::mem::take(&mut self.endpoint));
            self.client.settled.notify_waiters();
        }
    }
}
