//! All tests that need more than one module: the real binary, a look-alike portal on a real socket, real databases.

mod auth;
mod cli;
mod faults;
mod first_sync;
mod hostile;
mod limits;
mod support;
