//! When instances started and ended: the last of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use native::unix_time_ns;

/// Most events that are kept.
const EVENTS: usize = 65_536;

/// What happened to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceChange {
    /// It could serve from now on.
    Started,
    /// It was gone.
    Ended,
}

/// Something that happened to an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceEvent {
    /// Unix time, ns.
    pub unix_ns: u64,
    /// By the monotonic clock, to measure by.
    pub at: Instant,
    /// The instance.
    pub instance: Arc<str>,
    /// What happened.
    pub change: InstanceChange,
    /// Instances of the deployment afterwards.
    pub instances: u64,
}

/// The last events of one deployment.
#[derive(Default)]
pub(crate) struct History(Mutex<Events>);

#[derive(Default)]
struct Events {
    events: VecDeque<InstanceEvent>,
    instances: u64,
}

impl History {
    pub(crate) fn write(&self, instance: &Arc<str>, change: InstanceChange) {
        let (unix_ns, at) = (unix_time_ns(), Instant::now());
        let mut history = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        history.instances = match change {
            InstanceChange::Started => history.instances + 1,
            InstanceChange::Ended => history.instances.saturating_sub(1),
        };
        if history.events.len() == EVENTS {
            history.events.pop_front();
        }
        let instances = history.instances;
        history.events.push_back(InstanceEvent { unix_ns, at, instance: instance.clone(), change, instances });
    }

    pub(crate) fn since(&self, unix_ns: u64) -> Vec<InstanceEvent> {
        let history = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        history.events.iter().filter(|event| event.unix_ns >= unix_ns).cloned().collect()
    }
}
