//! deskhouse

pub mod clock;
pub mod ledger;
pub mod record;
pub mod transport;
