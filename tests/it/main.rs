//! All tests that need more than one module: the real binary, a look-alike portal on a real socket, real databases.

mod api;
mod auth;
mod check;
mod cli;
mod faults;
mod first_sync;
mod hostile;
mod incremental;
mod keyring;
mod limits;
mod login;
mod parity;
mod postgres;
mod resume;
mod sign_in;
mod sign_out;
mod simulation;
mod support;
mod ticket;
mod tidy;
mod warehouse;
