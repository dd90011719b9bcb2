//! This process as an instance that serves invocations.

use std::sync::{Arc, Mutex, PoisonError};

use lab::Instance;
use native::Sandbox;

use crate::{Identity, machine};

/// The identity of this process, and how often it was used.
#[derive(Debug)]
pub(crate) struct OwnInstance {
    id: Arc<str>,
    sandbox: Mutex<Sandbox>,
}

impl OwnInstance {
    /// A new instance of `platform`.
    pub(crate) fn new(platform: &str) -> OwnInstance {
        let sandbox = Sandbox::new(platform, "native", machine::cores(), machine::memory_limit_bytes());
        OwnInstance { id: sandbox.identifier().into(), sandbox: Mutex::new(sandbox) }
    }

    pub(crate) fn id(&self) -> &Arc<str> {
        &self.id
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
