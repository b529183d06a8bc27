//! What a walk asks next, as values. Deciding it is left to `walk`, putting it into the portal's words to `search`.

use crate::ledger::{Key, Range};

/// What to ask next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// One page.
    Page(PageAsk),
    /// The ids of all departments, for [`super::Walk::departments`].
    Departments,
}

/// One page, in the portal's terms: bounds are already widened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageAsk {
    /// Range of modified time, unless the window is one of created time.
    pub modified: Option<Range>,
    /// Range of created time, where the window is one of it, or an instant is cut by it.
    pub created: Option<Range>,
    /// Whether it is a page of the window itself and not of an instant that is cut apart.
    pub is_whole: bool,
    /// Department, where an instant is cut by it.
    pub department: Option<String>,
    /// Ascending order.
    pub order: Key,
    /// Rows to pass over.
    pub from: u32,
    /// Rows wanted.
    pub limit: u32,
}
