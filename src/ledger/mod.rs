//! What a run remembers: windows, bookmarks, tombstones, counts. Pure types and arithmetic; the SQL that keeps them is in
//! `warehouse::ledger`, what people see of them is in `report`.

mod bookmark;
mod credits;
mod cut;
mod run;
mod share;
mod tally;
mod tombstone;
mod window;

pub use bookmark::{Bookmark, History};
pub use credits::{Booking, Spending, Spent, Today};
pub use run::{Counts, ResourceOutcome, RunEnd, RunId, RunStart, State, Usage};
pub use share::{Share, Sharer, Sharing, share};
pub use tally::{Tally, Verdict};
pub use tombstone::{Brake, KEPT_IN_BIN, RECYCLE_BIN, Reason, Sight, Tombstone};
pub use window::{Key, Progress, Purpose, Range, Window, WindowId};
