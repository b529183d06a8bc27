//! Why a resource cannot be read on. What that means for the run is left to the crate's error table.

use super::Stuck;
use crate::http;

/// Why a resource cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A request got no answer.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// The list changes faster than it can be read.
    #[error("{resource}: changed again and again while it was read")]
    Unsettled {
        /// Name of what was read.
        resource: &'static str,
    },
    /// A list whose records have no ids, to go on from or to be told apart by.
    #[error("{resource}: records of the list have no ids, so that nobody can say which there are")]
    NoKeys {
        /// Name of the resource.
        resource: &'static str,
    },
    /// Rows that do not tell which record they are of; the others were taken.
    #[error(
        "{resource}: {count} of {read} rows have no id that can be read; the others were taken, and all are asked for again"
    )]
    SomeUnreadable {
        /// Name of what was read.
        resource: &'static str,
        /// How many.
        count: u64,
        /// Of so many.
        read: u64,
    },
    /// A list that gives the same page whatever is asked for.
    #[error("{resource}: the portal gives the same page again and again")]
    Repeats {
        /// Name of the resource.
        resource: &'static str,
    },
    /// A list that lacks more than can be believed.
    #[error(
        "{resource}: the list lacks {missing} of {held} rows, which is too much to believe; none was marked deleted"
    )]
    Doubtful {
        /// Name of the resource.
        resource: &'static str,
        /// Rows that are held alive.
        held: u64,
        /// Those of them that the list does not have.
        missing: u64,
    },
    /// Lists of some parents were refused, those of others were read.
    #[error(
        "{resource}: the lists of {count} {parents} could not be read, and are asked for again; the first one: {first}"
    )]
    SomeRefused {
        /// Name of the resource.
        resource: &'static str,
        /// Name of the parents' resource.
        parents: &'static str,
        /// How many.
        count: u64,
        /// Why the first of them was refused.
        first: String,
    },
    /// A search that does not say how many records it finds.
    #[error("{resource}: the search does not count what it finds")]
    NotCounted {
        /// Name of the resource.
        resource: &'static str,
    },
    /// The answers do not let the walk go on; what was read so far is kept.
    #[error("{resource}: {stuck}")]
    Stuck {
        /// Name of the resource.
        resource: &'static str,
        /// Why.
        stuck: Stuck,
    },
}
