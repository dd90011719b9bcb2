//! How much computing does an instance really get?
//!
//! A function counts fixed units of work for a time. One thing is varied at a time: the share of processors, the memory size
//! (which on clouds comes with a share of processors), the number of neighbours that compute too. CPU time beside wall time
//! shows what an instance was kept from.

mod experiment;
mod finding;

pub(crate) use experiment::Throughput;
