//! Tests of the sandbox through its router, and through a socket where only a socket can show it.

mod accounts;
mod consent;
mod departures;
mod directory;
mod falsehoods;
mod faults;
mod limits;
mod lists;
mod search;
mod socket;
mod support;
mod world;
mod writing;
