//! All tests that need more than one module: the real binary, a look-alike portal on a real socket, real databases.

mod first_sync;
mod simulation;
mod support;
mod tidy;
