//! What ends a whole run. A resource that fails alone is an outcome and not an error.

use crate::{http, warehouse};

/// What ends a run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No answer, and no other request would get one either.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// The warehouse cannot be used.
    #[error(transparent)]
    Warehouse(#[from] warehouse::Error),
    /// Asked to stop before the portal had answered at all.
    #[error("interrupted before the portal answered; nothing was begun")]
    Interrupted,
    /// It is not known which portal to read.
    #[error("{}", which_portal(found))]
    WhichPortal {
        /// Organisations that it reaches.
        found: Vec<String>,
    },
}

fn which_portal(found: &[String]) -> String {
    match found.len() {
        0 => "no organisation is configured, and the sign-in does not tell which one it reaches".into(),
        count => format!("the sign-in reaches {count} organisations, and none is chosen"),
    }
}
