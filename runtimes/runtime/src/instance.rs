//! This process as an instance that serves invocations.

use std::sync::{Arc, Mutex, PoisonError};

use lab::Instance;
use native::Sandbox;

use crate::{Identity, Settings, machine};

/// The identity of this process, and how often it was used.
#[derive(Debug)]
pub(crate) struct OwnInstance {
    id: Arc<str>,
    sandbox: Mutex<Sandbox>,
}

impl OwnInstance {
    /// A new instance of `platform`, as the settings tell who it is and what it may use, or else as the machine does.
    pub(crate) fn new(platform: &str, settings: &Settings) -> OwnInstance {
        let cores = settings.cores.unwrap_or_else(machine::cores);
        let memory_limit_bytes = settings.memory_limit_bytes.or_else(machine::memory_limit_bytes);
        let sandbox = match &settings.instance_id {
            Some(id) => Sandbox::identified(id.clone(), platform, "native", cores, memory_limit_bytes),
            None => Sandbox::new(platform, "native", cores, memory_limit_bytes),
        };
        OwnInstance { id: sandbox.identifier().into(), sandbox: Mutex::new(sandbox) }
    }

    pub(crate) fn id(&self) -> &Arc<str> {
        &self.id
    }

    pub(crate) fn age_us(&self) -> u64 {
        let sandbox = self.sandbox.lock().unwrap_or_else(PoisonError::into_inner);
        u64::try_from(sandbox.age().as_micros()).unwrap_or(u64::MAX)
    }

    /// Begins the next invocation: what its function is told, and what its caller is.
    pub(crate) fn begin(&self) -> (Instance, Identity) {
        // A counter is whole at any time, also after a panic elsewhere.
        let instance = self.sandbox.lock().unwrap_or_else(PoisonError::into_inner).begin();
        let identity =
            Identity { id: self.id.clone(), sequence: instance.invocation_index - 1, uptime_us: instance.age_us };
        (instance, identity)
    }
}
