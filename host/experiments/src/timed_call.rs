//! What several experiments keep of a call.

use serde::{Deserialize, Serialize};

use crate::clock_offset::Exchange;
use crate::records::{self, Executed};
use crate::{Call, records::Hop};

/// A call's times, and those that its function tells of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TimedCall {
    /// Unix time, ns.
    pub(crate) start_unix_ns: u64,
    /// Until its answer was complete, ns.
    pub(crate) total_ns: u64,
    /// A new connection, ns; `None` for a kept one.
    pub(crate) connect_ns: Option<u64>,
    /// Until the answer's first byte, ns.
    pub(crate) first_byte_ns: Option<u64>,
    /// Starting the instance, ns, where the platform says so.
    pub(crate) start_instance_ns: Option<u64>,
    /// Whether it was its instance's first; `None` where nothing says.
    pub(crate) is_cold: Option<bool>,
    /// The instance.
    pub(crate) instance: Option<String>,
    /// When the function began, Unix time of the clock there, and how long it took, both ns.
    pub(crate) there: Option<(u64, u64)>,
    /// The class of its failure.
    pub(crate) failure: Option<String>,
}

impl TimedCall {
    pub(crate) fn of(call: &Call) -> TimedCall {
        let hops = records::read(&call.response());
        let root = hops.as_ref().and_then(|hops| hops.first());
        let timings = call.answer.as_ref().map(|answer| answer.timings).unwrap_or_default();
        let instance = call.instance().map(|instance| instance.id.clone());
        TimedCall {
            start_unix_ns: if timings.start_unix_ns > 0 { timings.start_unix_ns } else { call.start_unix_ns },
            total_ns: call.total_ns,
            connect_ns: timings.connect_ns,
            first_byte_ns: timings.first_byte_ns,
            start_instance_ns: timings.start_instance_ns,
            is_cold: call.is_cold().or(root.and_then(|root: &Hop| root.is_cold)),
            instance: instance.or(root.and_then(|root| root.instance.clone())),
            there: root
                .and_then(|root| root.executed)
                .map(|Executed { start_unix_ns, length_ns }| (start_unix_ns, length_ns)),
            failure: call.failure.as_ref().map(|failure| failure.kind.clone()),
        }
    }

    pub(crate) fn is_success(&self) -> bool {
        self.failure.is_none()
    }

    /// What it says of the two clocks.
    pub(crate) fn exchange(&self) -> Option<Exchange> {
        let (there_start_unix_ns, there_ns) = self.there?;
        let (sent_unix_ns, total_ns) = (self.start_unix_ns, self.total_ns);
        Some(Exchange { sent_unix_ns, total_ns, there_start_unix_ns, there_ns })
    }

    /// What of it was not the function's own time, ns.
    pub(crate) fn overhead_ns(&self) -> Option<f64> {
        Some(self.exchange()?.ways_ns()? as f64)
    }
}

/// How many calls failed, by class: `3 limit, 1 no-answer`; `None` when none did.
pub(crate) fn failures<'a>(calls: impl IntoIterator<Item = &'a TimedCall>) -> Option<String> {
    let mut by_kind = std::collections::BTreeMap::<&str, usize>::new();
    for kind in calls.into_iter().filter_map(|call| call.failure.as_deref()) {
        *by_kind.entry(kind).or_default() += 1;
    }
    let said: Vec<String> = by_kind.iter().map(|(kind, number)| format!("{number} {kind}")).collect();
    (!said.is_empty()).then(|| said.join(", "))
}
