//! Why the kernel didn't open a counter, and what to do.

use std::fs;
use std::io;
use std::path::Path;

use super::code::Primitive;

/// The kernel refused to count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CounterError {
    /// `perf_event_open` failed.
    #[error("{code} can't be counted: {advice}")]
    Open {
        /// The event refused.
        code: String,
        /// The error number (`ENOENT` and so on), where the system gave one.
        errno: Option<i32>,
        /// What it means here, and what to do.
        advice: String,
    },
    /// An opened group couldn't be started, stopped or read.
    #[error("the counters can't be {action}: {source}")]
    Use {
        /// What was tried.
        action: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// A group of no events.
    #[error("there are no events to count")]
    Empty,
}

impl CounterError {
    pub(super) fn open(primitive: &Primitive, beside: usize, error: &io::Error) -> Self {
        let context =
            Context { hardware: primitive.is_hardware(), beside, paranoid: paranoid(), unit: core_unit_exists() };
        Self::Open { code: primitive.code.to_string(), errno: error.raw_os_error(), advice: advice(error, &context) }
    }

    /// What the refusal means and what to do, without the event's name where it doesn't matter.
    #[must_use]
    pub fn advice(&self) -> String {
        match self {
            Self::Open { advice, .. } => advice.clone(),
            other => other.to_string(),
        }
    }

    /// The error number of a refused opening.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Open { errno, .. } => *errno,
            _ => None,
        }
    }
}

/// What is known of the machine when an event is refused.
struct Context {
    hardware: bool,
    /// Events opened in the same group before.
    beside: usize,
    paranoid: Option<i32>,
    unit: bool,
}

/// `kernel.perf_event_paranoid`: -1 all is allowed, 0 and 1 less, 2 user mode only, 3 and more (some distributions) nothing
/// without rights. `None` when this kernel doesn't count at all.
#[must_use]
pub fn paranoid() -> Option<i32> {
    fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").ok()?.trim().parse().ok()
}

/// Whether the kernel found counters in the processor.
#[must_use]
pub fn core_unit_exists() -> bool {
    // Hybrid Intel processors have one unit for each kind of core; ARM's are named after the core.
    let known = ["cpu", "cpu_core"].iter().any(|unit| Path::new(super::pmu::DEVICES).join(unit).exists());
    known
        || fs::read_dir(super::pmu::DEVICES)
            .is_ok_and(|units| units.flatten().any(|unit| unit.file_name().to_string_lossy().starts_with("armv")))
}

const NO_UNIT: &str = "the kernel found no performance-monitoring unit. On a virtual machine the hypervisor must pass it \
    through (KVM/QEMU: `-cpu host,pmu=on`; VMware: \"virtualize CPU performance counters\"; clouds: bare-metal or large \
    instance types); until then use software events or `--simulate`";

fn advice(error: &io::Error, context: &Context) -> String {
    let level = context.paranoid.map_or("unknown".to_owned(), |level| level.to_string());
    match error.raw_os_error() {
        // From 3 on (some distributions), nothing is allowed without rights; below, user mode is allowed to everyone.
        Some(libc::EACCES | libc::EPERM) if context.paranoid.is_none_or(|level| level > 2) => format!(
            "not permitted, as kernel.perf_event_paranoid is {level}: as root run `sysctl kernel.perf_event_paranoid=2`, or \
             give the program the right with `setcap cap_perfmon=ep`"
        ),
        Some(libc::EACCES | libc::EPERM) => format!(
            "not permitted, although kernel.perf_event_paranoid is {level}: a container or a security module forbids the call \
             perf_event_open (`--cap-add PERFMON`, or another seccomp profile), or what was asked for needs CAP_PERFMON"
        ),
        Some(libc::ENOSYS) => {
            "this kernel has no perf_event_open (built without CONFIG_PERF_EVENTS, or a sandbox such as \
             gVisor)"
                .to_owned()
        }
        Some(libc::ENOENT | libc::EOPNOTSUPP | libc::ENODEV | libc::ENXIO) if context.hardware && !context.unit => {
            NO_UNIT.to_owned()
        }
        Some(libc::ENOENT | libc::ENODEV | libc::ENXIO) => {
            "this processor, or the kernel's driver for it, has no such event".to_owned()
        }
        Some(libc::EOPNOTSUPP) => "this processor can't count the event in this way".to_owned(),
        Some(libc::EINVAL) if context.beside > 0 => {
            format!("the processor can't count it together with the {} before it", context.beside)
        }
        Some(libc::EINVAL) => "the processor's driver knows no event of this code, or not in this form".to_owned(),
        Some(libc::EMFILE | libc::ENFILE) => "too many open files: raise the limit (`ulimit -n`)".to_owned(),
        Some(libc::EBUSY) => {
            "another program has the counters for itself (the NMI watchdog, or an exclusive event)".to_owned()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice_for(errno: i32, hardware: bool, beside: usize, unit: bool) -> String {
        let context = Context { hardware, beside, paranoid: Some(3), unit };
        advice(&io::Error::from_raw_os_error(errno), &context)
    }

    #[test]
    fn a_refusal_below_the_level_that_forbids_it_points_elsewhere() {
        let context = Context { hardware: true, beside: 0, paranoid: Some(2), unit: true };
        assert!(advice(&io::Error::from_raw_os_error(libc::EPERM), &context).contains("seccomp"));
    }

    #[test]
    fn each_refusal_has_its_own_advice() {
        assert!(advice_for(libc::ENOENT, true, 0, false).contains("hypervisor"));
        assert!(advice_for(libc::EOPNOTSUPP, true, 0, false).contains("hypervisor"));
        assert!(advice_for(libc::ENOENT, true, 0, true).contains("no such event"));
        assert!(advice_for(libc::ENOENT, false, 0, false).contains("no such event"));
        assert!(advice_for(libc::EACCES, true, 0, true).contains("perf_event_paranoid is 3"));
        assert!(advice_for(libc::EPERM, true, 0, true).contains("cap_perfmon"));
        assert!(advice_for(libc::EINVAL, true, 3, true).contains("the 3 before"));
        assert!(advice_for(libc::EINVAL, true, 0, true).contains("no event of this code"));
        assert!(advice_for(libc::ENOSYS, true, 0, true).contains("perf_event_open"));
        assert!(advice_for(libc::EIO, true, 0, true).contains("error"));
    }
}
