//! What a platform says of one invocation.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::Trace;

/// What a platform says of one invocation, besides its event.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The platform's name for this invocation.
    pub request_id: Option<String>,
    /// The trace that this invocation belongs to.
    pub trace: Trace,
    /// When the platform gives this invocation up.
    pub deadline: Option<Instant>,
}

impl Context {
    /// The monotonic instant of a deadline in Unix milliseconds, by the clocks as they stand now. One that has passed is now.
    pub fn deadline_from_unix_ms(unix_ms: u64) -> Option<Instant> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Beyond what an Instant can hold there is no deadline.
        Instant::now().checked_add(Duration::from_millis(unix_ms).saturating_sub(now))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_has_passed_is_now() {
        assert!(Context::deadline_from_unix_ms(0).unwrap() <= Instant::now());
        assert!(Context::deadline_from_unix_ms(u64::MAX).is_none_or(|deadline| deadline > Instant::now()));
    }
}
