//! deskhouse copies a Zoho Desk portal into a SQL warehouse. This is the map of the house; what it does for whom is in
//! the README, and the words that the code uses for things are these: a *resource* is the static definition of one Zoho
//! entity, a *stream* is a resource that a run is reading, a *record* is what Zoho sent, a *row* is what lands, a *window*
//! is a closed range of modified time that is read to its end, a *bookmark* says up to when a resource is complete, and
//! the *ledger* is the part of the warehouse that remembers all this.
//!
//! # Layers
//!
//! In import order: a module uses those above it, never those below it.
//!
//! 1. [`clock`]: the time of day, as a value that is handed in.
//! 2. [`config`]: what a run is told; defaults, file, environment and flags, checked whole.
//! 3. [`resource`]: what can be read from Zoho Desk, as plain data.
//! 4. [`ledger`]: runs, windows and bookmarks as types and arithmetic.
//! 5. [`record`]: one record as Zoho sent it, and lenient readers for its fields.
//! 6. [`transport`]: sends one HTTP request over the network.
//! 7. [`auth`]: a valid access token for whoever asks, and how a person gets to have one.
//! 8. [`http`]: one request to the Desk API or another product, from a turn in the queue to an answer or a reason.
//! 9. [`extract`]: reads the windows of a resource page by page.
//! 10. [`transform`]: types a record for its table, or says why it does not fit.
//! 11. [`warehouse`]: the tables, and the ledger that vouches for them, in SQLite and Postgres.
//! 12. [`sync`]: the conductor; the only place where reading, typing and landing meet.
//! 13. [`report`]: what people and scripts see.
//! 14. [`error`]: what ends the program, with exit code and advice.
//! 15. [`check`]: what stands between a configuration and a run, as a list of facts.
//! 16. [`cli`]: the command line; the only place where everything is wired together.
//!
//! # One record
//!
//! `resource/tickets.rs` says that tickets are searched by `modifiedTimeRange` and that `modified_time` says when one last
//! changed. [`ledger::History::ranges_to_read`] gives the ranges that a run has to read, and the warehouse makes windows
//! of them. [`extract::Walk`] decides which page to ask for next, and [`extract::Reader`] asks for it through
//! [`http::Client`], which waits for its turn, looks at the credits, fetches a token from [`auth::Tokens`], sends, and
//! tries again where that is worth it. Each record of the page becomes a [`transform::Row`], or a [`transform::Reject`]
//! with its reason. Rows, rejects and the progress of the window make a [`warehouse::Batch`], which passes through a
//! channel of a few pages, so that reading and landing overlap and memory stays bounded. Those that wait there become one
//! batch, whichever windows they are of. [`warehouse::Warehouse::land`] commits it in one transaction, and the counts go to
//! the [`sync::Observer`].
//!
//! # Invariants
//!
//! The tests in `tests/it/tidy.rs` hold the source tree to those marked with a star; stories with the real binary and a
//! look-alike portal hold the program to the others.
//!
//! 1. \* Imports only go down the list of layers.
//! 2. \* Every file begins with `//!`: what it is for, and what it leaves to whom.
//! 3. \* `resource/` is static data: nothing asynchronous, no input or output, no functions but constructors and getters,
//!    and every file there is in [`resource::ALL`].
//! 4. \* Only `transport.rs` knows the HTTP library; only `auth/exchange.rs` and `http/client.rs` send through it, and only
//!    `auth/callback.rs` listens.
//! 5. \* Only `warehouse/` holds SQL, and of its files only those of `dialect/` know that there are two databases.
//! 6. \* Only `report/`, `cli/` and `main.rs` print.
//! 7. \* The clock is a value; real time enters in `cli/` only.
//! 8. A batch and the ledger rows that vouch for it commit together, and landing twice changes nothing.
//! 9. A bookmark passes neither an unfinished window nor the start of its run less the overlap.
//! 10. \* A secret has no `Display`, its `Debug` prints `***`, and only those who send or store it may see it. No URL with a
//!     secret, no answer's body and no cell is logged.
//! 11. \* Tests do not sleep to wait for an effect, and they talk to 127.0.0.1 only.
//! 12. \* Nothing outside of its definition knows a resource by its name.
//! 13. No answer that failed to parse, came empty against what was known or stopped short is taken for an end: it is asked
//!     for again, and what stays hidden keeps its window open.
//! 14. No tombstone falls but by proof that is newer than it.

pub mod auth;
pub mod check;
pub mod cli;
pub mod clock;
pub mod config;
pub mod error;
pub mod extract;
pub mod http;
pub mod ledger;
pub mod record;
pub mod report;
pub mod resource;
pub mod sync;
pub mod transform;
pub mod transport;
pub mod warehouse;
