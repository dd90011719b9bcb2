//! The experiments themselves, each in a file or a folder of its own, and what several of them use.

mod cold_start;
mod concurrency;
mod figures;
mod isolation;
mod keep_alive;
mod lifetime;
mod neighbours;
mod plan;
mod record;
mod scale_up;
mod tally;
mod throughput;

pub(crate) use cold_start::ColdStart;
pub(crate) use concurrency::Concurrency;
pub(crate) use isolation::Isolation;
pub(crate) use keep_alive::KeepAlive;
pub(crate) use lifetime::Lifetime;
pub(crate) use scale_up::ScaleUp;
pub(crate) use throughput::Throughput;
