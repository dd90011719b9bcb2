//! Calls over connections of our own, whose times are known.

mod connection;
mod pool;

pub(crate) use connection::{ExchangeError, MAXIMUM_ANSWER_BYTES};
pub(crate) use pool::{Answered, Direct, Origin};
