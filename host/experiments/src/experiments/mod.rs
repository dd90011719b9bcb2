//! The experiments themselves, each in a file or a folder of its own, and what several of them use.

mod chain;
mod cold_start;
mod concurrency;
mod figures;
mod isolation;
mod keep_alive;
mod lifetime;
mod median;
mod monolith;
mod neighbours;
mod overhead;
mod ping;
mod plan;
mod record;
mod scale_up;
mod tally;
mod throughput;
mod trace;

pub(crate) use chain::Chain;
pub(crate) use cold_start::ColdStart;
pub(crate) use concurrency::Concurrency;
pub(crate) use isolation::Isolation;
pub(crate) use keep_alive::KeepAlive;
pub(crate) use lifetime::Lifetime;
pub(crate) use monolith::Monolith;
pub(crate) use overhead::Overhead;
pub(crate) use ping::Ping;
pub(crate) use scale_up::ScaleUp;
pub(crate) use throughput::Throughput;
pub(crate) use trace::TraceReplay;
