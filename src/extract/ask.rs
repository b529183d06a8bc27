//! What a walk asks next, as values. Deciding it is left to `walk`, putting it into the portal's words to `search`.

use crate::ledger::{Key, Range};
use crate::resource::Split;

/// What to ask next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// One page.
    Page(PageAsk),
    /// The values of a filter that cuts an instant, for [`super::Walk::values`].
    Values(Split),
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
    /// Filters by which an instant is cut, with the value that is read now.
    pub cut_by: Vec<(Split, String)>,
    /// Order, ascending.
    pub order: Key,
    /// Whether the order is turned round.
    pub is_descending: bool,
    /// Rows to pass over.
    pub from: u32,
    /// Rows wanted.
    pub limit: u32,
}

impl PageAsk {
    /// The same from its other end.
    pub(super) fn reversed(self) -> Self {
        Self { is_descending: !self.is_descending, from: 0, ..self }
    }

    /// A request for how many records there are, of which one row is shown: those of the range of the order that is given.
    pub(super) fn counting(self, range: Range) -> Self {
        let ask = Self { from: 0, limit: 1, is_descending: false, ..self };
        match ask.order {
            Key::Modified => Self { modified: Some(range), ..ask },
            Key::Created => Self { created: Some(range), ..ask },
        }
    }
}
