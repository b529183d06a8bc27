//! A look-alike of the Zoho accounts server and the Zoho Desk API, and of one call of Zoho Campaigns: a portal of made-up records that a real
//! HTTP server answers for, with the vendor's limits, and with failures on request.
//!
//! It knows nothing of the program that it is made to test, and is itself tested in `tests/`.
//!
//! | To learn | Read |
//! |---|---|
//! | what can be set, scripted and asked | `settings`, `faults`, `journal`, `sandbox` |
//! | how a request is answered | `http`, then `accounts` (with `consent`), `campaigns` or `desk`, then `search`, `lists` and `opening` |
//! | what is found, in which order | `selection`, over the indexes of `shelf` and `ordered` |
//! | where the records come from | `world` for their times, `cast` for their people, `words` |
//! | how a record looks | `rendering`, then `tickets`, `contacts`, `tasks`, `articles`, `portal` |

mod accounts;
mod answer;
mod articles;
mod campaigns;
mod cast;
mod connection;
mod consent;
mod contacts;
mod desk;
mod dice;
mod faults;
mod http;
mod journal;
mod lists;
mod opening;
mod ordered;
mod portal;
mod query;
mod record;
mod rendering;
mod row;
mod sandbox;
mod search;
mod selection;
mod settings;
mod shelf;
mod state;
mod tasks;
mod tickets;
mod words;
mod world;

pub use connection::Server;
pub use faults::Fault;
pub use journal::Logged;
pub use sandbox::Sandbox;
pub use settings::{Bounds, Clock, Language, Settings};
