//! Reading a resource page by page. The order of things is decided by the walk, which is pure; here it meets the
//! client. What becomes of a page is left to `sync`.

mod agent;
mod archive;
mod ask;
mod count;
mod departments;
mod error;
mod expectation;
mod frame;
mod history;
mod list;
mod organisations;
mod page;
mod pager;
mod pages;
mod plain;
mod rules;
mod search;
mod settle;
mod single;
mod trash;
mod walk;
mod weight;
mod words;

pub use agent::{Agent, agent};
pub use archive::{ARCHIVE_REACH, ArchiveList, Gap, beyond_archive, first_of_archive};
pub use ask::{Ask, PageAsk};
pub use count::{Length, USUAL_CAP, archive_length, bin_length, count, department_length, length_below, list_length};
pub use departments::{Department, agents, departments};
pub use error::Error;
pub use expectation::{Doubt, Expectation};
pub use history::merged_into;
pub use list::{Given, ListPage, ListReader, PartReader};
pub use organisations::{Organisation, organisations};
pub use page::{Page, Unread};
pub use plain::{PLAIN_REACH, PlainList};
pub use rules::{Rules, Stuck};
pub use search::Reader;
pub use single::{Asked, Single, matching, shown, shown_for, single};
pub use trash::{Bin, Binned};
pub use walk::Walk;
pub use weight::Weight;
pub use words::{probe, record};
