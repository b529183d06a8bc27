//! What a run remembers: windows, bookmarks, counts. Pure types and arithmetic; the SQL that keeps them is in
//! `warehouse::ledger`, what people see of them is in `report`.

mod bookmark;
mod run;
mod window;

pub use bookmark::{Bookmark, History};
pub use run::{Counts, ResourceOutcome, RunEnd, RunId, RunStart, State, Usage};
pub use window::{Progress, Range, Window, WindowId};
