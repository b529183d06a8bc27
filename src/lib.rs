//! deskhouse

pub mod config;
