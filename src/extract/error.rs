//! Why a resource cannot be read on. What that means for the run is left to the crate's error table.

use super::Stuck;
use crate::http;

/// Why a resource cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A request got no answer.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// The answers do not let the walk go on; what was read so far is kept.
    #[error("{resource}: {stuck}")]
    Stuck {
        /// Name of the resource.
        resource: &'static str,
        /// Why.
        stuck: Stuck,
    },
}
