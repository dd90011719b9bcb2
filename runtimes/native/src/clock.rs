//! The clocks that records are made from.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// Unix time in ns: to place things in time, never to measure a duration.
pub fn unix_time_ns() -> u64 {
    // Before 1970 there is no answer that a record could carry; 2554 is the end of the range.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Processor time of the calling thread in us, since the thread began.
pub fn thread_cpu_time_us() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000
}
