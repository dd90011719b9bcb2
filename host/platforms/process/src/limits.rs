//! The limits of a deployment, in the form in which they are kept here.

use std::time::Duration;

use platform::{DeploymentSpec, Limits, PlatformError};

use crate::facilities::Facilities;

/// Least memory with which an image can start, bytes.
const LEAST_MEMORY_BYTES: u64 = 8 << 20;
/// Processes and threads of an instance beside one for each invocation: the image's own, and some of the function's.
const OTHER_THREADS: u64 = 64;
/// Files and folders that a scratch folder may hold however small it is.
const LEAST_FILES: u64 = 16 << 10;

/// The defaults: what common platforms give a function.
pub(crate) const DEFAULTS: Limits = Limits {
    memory_bytes: Some(512 << 20),
    cpus: Some(1.0),
    time: Some(Duration::from_secs(60)),
    scratch_bytes: Some(256 << 20),
    log_bytes: Some(1 << 20),
};

/// What each instance of a deployment may use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct InstanceLimits {
    pub(crate) memory_bytes: u64,
    pub(crate) cpus: Option<f64>,
    pub(crate) time: Duration,
    pub(crate) scratch_bytes: u64,
    pub(crate) log_bytes: u64,
    pub(crate) concurrency: u32,
}

impl InstanceLimits {
    /// Those of a deployment.
    ///
    /// # Errors
    /// For what can't be kept here, or is no limit with which an image could serve.
    pub(crate) fn of(spec: &DeploymentSpec, facilities: &Facilities) -> Result<InstanceLimits, PlatformError> {
        let (asked, default) = (spec.limits, DEFAULTS);
        let or = |asked: Option<u64>, default: Option<u64>| asked.or(default).unwrap_or(u64::MAX);
        let limits = InstanceLimits {
            memory_bytes: or(asked.memory_bytes, default.memory_bytes),
            cpus: asked.cpus,
            time: asked.time.or(default.time).unwrap_or(Duration::MAX),
            scratch_bytes: or(asked.scratch_bytes, default.scratch_bytes),
            log_bytes: or(asked.log_bytes, default.log_bytes),
            concurrency: spec.scale.concurrency.unwrap_or(1).max(1),
        };
        if limits.memory_bytes < LEAST_MEMORY_BYTES {
            let message = format!(
                "an instance can't start with {} bytes of memory; give at least {LEAST_MEMORY_BYTES}",
                limits.memory_bytes
            );
            return Err(PlatformError::Invalid(message));
        }
        if let Some(cpus) = limits.cpus {
            if !(cpus.is_finite() && cpus > 0.0) {
                return Err(PlatformError::Invalid(format!("{cpus} is no share of processors; give a number above 0")));
            }
            if let Some(reason) = facilities.no_cpu_limit() {
                let message = format!("process can't keep a share of processors here ({reason}); deploy without one");
                return Err(PlatformError::Invalid(message));
            }
        }
        Ok(limits)
    }

    /// Most processes and threads together.
    pub(crate) fn threads(&self) -> u64 {
        u64::from(self.concurrency) + OTHER_THREADS
    }

    /// Most files and folders on the scratch disk: one for each page, and enough small ones.
    pub(crate) fn scratch_files(&self) -> u64 {
        (self.scratch_bytes / 4096).max(LEAST_FILES)
    }

    /// Whole processors, as records tell them: as many as the standard library counts under such a limit.
    pub(crate) fn cores(&self) -> Option<u32> {
        self.cpus.map(|cpus| (cpus as u32).max(1))
    }
}
