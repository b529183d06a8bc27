//! Scripted failures: queued by path, one used up by each request.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// What becomes of one request. Except for [`Fault::Pass`], [`Fault::Cut`] and [`Fault::Stall`] the request is not carried out.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Nothing: the request is answered as ever.
    Pass,
    /// This answer.
    Status {
        /// The HTTP status.
        status: u16,
        /// The body as it is sent.
        body: String,
        /// The type of the body.
        content_type: &'static str,
    },
    /// A page of HTML under this status, as a gateway sends it.
    Html(u16),
    /// The first half of the answer's body, then the connection is closed.
    Cut,
    /// The connection is closed without an answer.
    Drop,
    /// The answer comes this much later.
    Stall(Duration),
    /// 429 `TOO_MANY_REQUESTS`.
    Concurrency,
    /// 429 `THRESHOLD_EXCEEDED` with `Retry-After`.
    Threshold,
    /// 401 `INVALID_OAUTH`.
    Unauthorized,
    /// 403 `SCOPE_MISMATCH`.
    Scope,
    /// 302 to this address.
    Redirect(String),
    /// 200 with a body that is no JSON.
    Garbage,
    /// 200 with a JSON error of this code.
    ErrorUnder200(String),
    /// 400 as the accounts server sends it after too many requests.
    Throttle,
}

/// The queues by path prefix.
#[derive(Debug, Default)]
pub(crate) struct Faults(HashMap<String, VecDeque<Fault>>);

impl Faults {
    pub(crate) fn queue(&mut self, prefix: &str, faults: impl IntoIterator<Item = Fault>) {
        self.0.entry(prefix.to_owned()).or_default().extend(faults);
    }

    /// Takes the next fault for the path, from the longest prefix that has one left.
    pub(crate) fn take(&mut self, path: &str) -> Option<Fault> {
        let queues = self.0.iter_mut().filter(|(prefix, queue)| path.starts_with(*prefix) && !queue.is_empty());
        queues.max_by_key(|(prefix, _)| prefix.len())?.1.pop_front()
    }
}
