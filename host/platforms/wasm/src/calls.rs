//! Nested calls of one invocation.

use std::sync::Arc;
use std::time::Instant;

use futures_util::{StreamExt, stream};
use lab::{Call, Error, Outcome};
use local_platform::CallOthers;
use native::{Functions, unix_time_ns};
use platform::Invocation;
use tokio::runtime::Handle;

/// Calls of one event that run at the same time, as for native functions.
const CALLS_AT_ONCE: usize = 64;

/// The nested calls of one invocation, made from its guest's thread: they end with its time, and carry its trace.
pub(crate) struct Calls {
    pub(crate) others: Arc<dyn CallOthers>,
    pub(crate) handle: Handle,
    pub(crate) deadline: Instant,
    pub(crate) traceparent: Option<String>,
    pub(crate) tracestate: Option<String>,
}

impl Calls {
    async fn timed(&self, call: &Call) -> Outcome {
        let start_ns = unix_time_ns();
        let start = Instant::now();
        let response = self.made(&call.name, &call.payload).await;
        let elapsed_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        Outcome { response, start_ns, end_ns: unix_time_ns(), elapsed_us }
    }

    async fn made(&self, name: &str, payload: &str) -> Result<String, Error> {
        let invocation = Invocation {
            event: payload.as_bytes().to_vec().into(),
            traceparent: self.traceparent.clone(),
            tracestate: self.tracestate.clone(),
            patience: Some(self.deadline.saturating_duration_since(Instant::now())),
        };
        self.others.call(name, invocation).await
    }
}

impl Functions for Calls {
    fn call(&self, name: &str, payload: &str) -> Result<String, Error> {
        self.handle.block_on(self.made(name, payload))
    }

    fn call_all(&self, calls: &[Call]) -> Vec<Outcome> {
        let all = stream::iter(calls).map(|call| self.timed(call)).buffered(CALLS_AT_ONCE).collect();
        self.handle.block_on(all)
    }
}
