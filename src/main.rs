//! deskhouse
fn main() {}
