//! Simulated worlds: the engine, the look-alike portal and its network in one process, on virtual time. A number decides
//! everything that happens, so that whatever goes wrong can be made to go wrong again.

mod client;
mod damage;
mod disk;
mod estimates;
mod invariants;
mod log;
mod network;
mod run;
mod sabotage;
mod scenario;
mod world;

pub(crate) use estimates::estimate_worlds;
pub(crate) use run::{Figures, run, run_for_a_year};
pub(crate) use sabotage::Bug;
