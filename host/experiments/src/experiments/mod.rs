//! The experiments themselves.

mod chain;
mod monolith;
mod overhead;
mod ping;
mod trace;

pub(crate) use chain::Chain;
pub(crate) use monolith::Monolith;
pub(crate) use overhead::Overhead;
pub(crate) use ping::Ping;
pub(crate) use trace::TraceReplay;
