//! deskhouse

pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod extract;
pub mod http;
pub mod error;
pub mod ledger;
pub mod record;
pub mod report;
pub mod resource;
pub mod sync;
pub mod transform;
pub mod transport;
pub mod warehouse;
