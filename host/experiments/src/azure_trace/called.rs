//! A trace: functions and when they were called.

use super::Window;
use super::error::Malformed;
use super::percentiles::Percentiles;

/// A stretch of a trace.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trace {
    /// Functions that were called in it.
    pub(crate) functions: Vec<TracedFunction>,
    /// Which stretch.
    pub(crate) window: Window,
    /// Where it is from, in words.
    pub(crate) source: String,
    /// Functions that were called, but of which nothing says how long they took.
    pub(crate) without_durations: u64,
    /// What was left out of each file.
    pub(crate) malformed: Vec<(String, Malformed)>,
}

/// One function.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TracedFunction {
    /// Its application's and its own identifier.
    pub(crate) name: String,
    /// Its calls.
    pub(crate) calls: Calls,
    /// Its application's memory, MB; `None` where nothing says.
    pub(crate) memory_mb: Option<Percentiles>,
}

/// Calls in a window.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Calls {
    /// How many in which minute of the window, from 0, and how long they took.
    Counted {
        /// Minutes with calls, in rising order.
        minutes: Vec<(u32, u32)>,
        /// Durations, s.
        durations_s: Percentiles,
    },
    /// Each with when it began since the window did, s, and how long it took, s; in rising order.
    Listed(Vec<(f64, f64)>),
}

impl TracedFunction {
    /// How many calls it has.
    pub(crate) fn count(&self) -> u64 {
        match &self.calls {
            Calls::Counted { minutes, .. } => minutes.iter().map(|(_, count)| u64::from(*count)).sum(),
            Calls::Listed(calls) => calls.len() as u64,
        }
    }

    /// How long a call takes on average, s.
    pub(crate) fn mean_duration_s(&self) -> f64 {
        match &self.calls {
            Calls::Counted { durations_s, .. } => durations_s.mean(),
            Calls::Listed(calls) => {
                calls.iter().map(|(_, duration)| duration).sum::<f64>() / (calls.len() as f64).max(1.0)
            }
        }
    }
}
