//! A child process that runs one function on one engine in isolation, and the messages to and from it.

mod counting;
mod measured_call;
mod message;
mod process;
mod readings;
mod serve;
mod slots;
mod unread;

pub use measured_call::MEASURED_CALL;
pub use message::{
    Answer, CounterReadings, DiskIoReadings, Measured, MemoryReadings, Outcome, PageCacheReport, Phase, PlatformTimes,
    Preparation, Prepared, ProbeRequest, Readings, Reply, Request,
};
pub use process::{Worker, WorkerCommand, WorkerError};
pub(crate) use serve::remove_output;
pub use serve::{SUBCOMMAND, serve};
pub(crate) use unread::Unread;
