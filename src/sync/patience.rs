//! How long a run that is asked to stop waits for what it has asked for.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How long an answer that was asked for may take when the run is asked to stop: it is paid for, and worth waiting a moment.
const GRACE: Duration = Duration::from_secs(2);

/// Does some work that is worth waiting a moment for where it is stopped meanwhile; none where it is not done by then, or was
/// stopped before.
pub(super) async fn patiently<T>(stopped: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    if stopped.is_cancelled() {
        return None;
    }
    let out_of_patience = async {
        stopped.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        biased;
        done = work => Some(done),
        () = out_of_patience => None,
    }
}
