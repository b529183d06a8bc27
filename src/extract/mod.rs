//! Reading a resource page by page. The order of things is decided by the walk, which is pure; here it meets the
//! client. What becomes of a page is left to `sync`.

mod agent;
mod archive;
mod ask;
mod count;
mod departments;
mod error;
mod frame;
mod history;
mod list;
mod organisations;
mod pager;
mod search;
mod single;
mod trash;
mod walk;

pub use agent::{Agent, agent};
pub use archive::{Archived, Gap, archived, beyond_archive, first_of_archive};
pub use ask::{Ask, PageAsk};
pub use count::count;
pub use departments::{Department, departments};
pub use error::Error;
pub use history::merged_into;
pub use list::{Given, ListPage, ListReader};
pub use organisations::{Organisation, organisations};
pub use search::{Page, Reader, probe};
pub use single::{Asked, Single, all, matching, shown, single, whole_list};
pub use trash::{Bin, Binned, RECYCLE_BIN, recycle_bin};
pub use walk::{Rules, Stuck, Walk};
