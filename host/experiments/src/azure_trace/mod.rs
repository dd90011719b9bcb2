//! Traces of real traffic: the Azure Functions traces of 2019 (calls per minute, percentiles of durations and memory) and of 2021
//! (every call), and one of ours with the distributions that were published of the first.

mod arrivals;
mod called;
mod columns;
mod error;
mod generated;
mod percentiles;
mod rows;
mod sampler;
mod tables;

pub(crate) use arrivals::{Arrival, Replay, Spacing, arrivals};
pub(crate) use called::{Calls, Trace, TracedFunction};
pub(crate) use error::TraceError;
pub(crate) use generated::generate;
pub(crate) use rows::read_rows;
pub(crate) use sampler::{Distance, sample};
pub(crate) use tables::{Tables, read_tables};

/// A stretch of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// Its first minute, from 0.
    pub(crate) from_minute: u32,
    /// Its length, minutes.
    pub(crate) minutes: u32,
}
