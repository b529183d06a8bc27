//! deskhouse
