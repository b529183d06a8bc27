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
//! | where records go, and what is told of them | `departures`, `leavings` |
//! | where the records come from | `world` for their times, `cast` for their people, `words` |
//! | how a record looks | `rendering`, then `tickets`, `companies`, `contacts`, `products`, `articles`, `tasks`, `calls` and `events` (with `activity`), `portal` |

mod accounts;
mod activity;
mod answer;
mod articles;
mod calls;
mod campaigns;
mod cast;
mod companies;
mod connection;
mod consent;
mod contacts;
mod departures;
mod desk;
mod dice;
mod directory;
mod events;
mod falsehoods;
mod faults;
mod http;
mod journal;
mod leavings;
mod lists;
mod opening;
mod ordered;
mod portal;
mod products;
mod query;
mod record;
mod rendering;
mod row;
mod sandbox;
mod search;
mod selection;
mod settings;
mod setup;
mod shelf;
mod state;
mod tasks;
mod tickets;
mod words;
mod world;

pub use connection::Server;
pub use departures::{Departed, Leaving};
pub use falsehoods::{Falsehood, Falsehoods};
pub use faults::Fault;
pub use journal::Logged;
pub use sandbox::{Placed, Sandbox};
pub use settings::{Bounds, Clock, Farewell, Language, Merged, Settings};
