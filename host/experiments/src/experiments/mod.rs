//! The experiments themselves, each in a file or a folder of its own, and what several of them use.

mod chain;
mod cold_start;
mod concurrency;
mod figures;
mod keep_alive;
mod lifetime;
mod median;
mod monolith;
mod overhead;
mod ping;
mod plan;
mod record;
mod tally;
mod trace;

pub(crate) use chain::Chain;
pub(crate) use cold_start::ColdStart;
pub(crate) use concurrency::Concurrency;
pub(crate) use keep_alive::KeepAlive;
pub(crate) use lifetime::Lifetime;
pub(crate) use monolith::Monolith;
pub(crate) use overhead::Overhead;
pub(crate) use ping::Ping;
pub(crate) use trace::TraceReplay;
