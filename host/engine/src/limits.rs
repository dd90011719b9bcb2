//! What one instance may use.

use std::time::Duration;

use lab::Error;

/// The largest event that is accepted, bytes: that of a synchronous AWS Lambda invocation, so that an event which works
/// here works there.
pub const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;

/// The largest answer that is accepted, bytes: as large as the answer of a nested call may be elsewhere.
pub const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// Limits of one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of a WASM instance, bytes. A native function shares this process's memory and has no such limit.
    pub memory_bytes: u64,
    /// Longest invocation, whether it computes, sleeps or waits; only engines that can be interrupted stop a computation.
    pub time: Option<Duration>,
    /// Bytes that one invocation may write to the instance's scratch folder, those included that are there already. A new
    /// file or folder counts as 4 KiB.
    pub scratch_bytes: u64,
    /// Bytes that one invocation may print.
    pub log_bytes: u64,
    /// Thousandths of a processor that it may use; only engines that can be interrupted keep it.
    pub cpu_thousandths: Option<u32>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { memory_bytes: 1 << 30, time: None, scratch_bytes: 2 << 30, log_bytes: 1 << 20, cpu_thousandths: None }
    }
}

/// Refuses an event that is too large, before it is parsed or copied.
///
/// # Errors
/// A `limit` error that says both sizes.
pub fn check_event_size(event: &str) -> Result<(), Error> {
    if event.len() <= MAX_EVENT_BYTES {
        return Ok(());
    }
    Err(Error::limit(format!(
        "the event has {} bytes; at most {MAX_EVENT_BYTES} are accepted. Put large data into object storage and its key into the event",
        event.len()
    )))
}
