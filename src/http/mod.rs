//! Asking the Desk API, and other products: one request at a time per caller, within the portal's limits, until there is
//! an answer or a reason. Which requests to ask is left to `extract`; sending is `transport`'s, signing in is `auth`'s.

mod answer;
mod client;
mod concurrency;
mod credits;
mod edition;
mod error;
mod gate;
mod limits;
mod price;
mod priority;
mod rate;
mod request;
mod retry;

pub use answer::{Answer, Problem};
pub use client::{Client, REMAINING, Reply, Settings, WEIGHT};
pub use credits::{Budget, Credits, Denial, Hold, Shortage, Told, documented_price};
pub use edition::Edition;
pub use error::Error;
pub use limits::{Seat, Traffic};
pub use priority::Priority;
pub use request::Request;
pub use retry::Patience;
