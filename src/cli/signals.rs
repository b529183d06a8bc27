//! Ctrl-C and SIGTERM: the first asks the run to stop between two pages, the second ends the program at once.

use tokio_util::sync::CancellationToken;

use crate::error::Class;
use crate::report::Log;

/// A token that the first signal cancels.
pub(super) fn shutdown(log: &Log) -> CancellationToken {
    let token = CancellationToken::new();
    let (asked, log) = (token.clone(), log.clone());
    tokio::spawn(async move {
        signal().await;
        asked.cancel();
        log.say("stopping after the pages that were read; once more to stop at once");
        signal().await;
        std::process::exit(Class::Interrupted.exit_code().into());
    });
    token
}

/// Waits for the first signal.
#[cfg(feature = "demo")]
pub(super) async fn first() {
    signal().await;
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}
