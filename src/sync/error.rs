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
    #[error("the sign-in reaches {} organisations, and none is chosen", found.len())]
    WhichPortal {
        /// Organisations that it reaches.
        found: Vec<String>,
    },
}
