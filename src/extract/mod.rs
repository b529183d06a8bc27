//! Reading a resource page by page. The order of things is decided by the walk, which is pure; here it meets the
//! client. What becomes of a page is left to `sync`.

mod departments;
mod error;
mod search;
mod walk;

pub use departments::{Department, departments};
pub use error::Error;
pub use search::{Page, Reader, probe};
pub use walk::{Ask, Key, PageAsk, Rules, Stuck, Walk};
