//! Reading a resource page by page. The order of things is decided by the walk, which is pure; here it meets the
//! client. What becomes of a page is left to `sync`.

mod agent;
mod departments;
mod error;
mod organisations;
mod search;
mod walk;

pub use agent::{Agent, agent};
pub use departments::{Department, departments};
pub use error::Error;
pub use organisations::{Organisation, organisations};
pub use search::{Page, Reader, probe};
pub use walk::{Ask, Key, PageAsk, Rules, Stuck, Walk};
