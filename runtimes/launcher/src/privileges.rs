//! Giving up what a function has no use for.

use rustix::process::{Rlimit, Signal, getppid, getuid, set_parent_process_death_signal, setrlimit};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, capabilities, remove_capability_from_bounding_set,
    set_capabilities, set_capabilities_secure_bits, set_no_new_privs,
};

use crate::arguments::Limit;
use crate::failure::Failure;

/// Sets the resource limits, for good.
pub(crate) fn set_limits(limits: &[(Limit, u64)]) -> Result<(), Failure> {
    for &(limit, most) in limits {
        setrlimit(limit.resource(), Rlimit { current: Some(most), maximum: Some(most) })
            .map_err(|error| Failure::of(format_args!("the limit {limit:?}"), error))?;
    }
    Ok(())
}

/// Gives up every capability, also those that exec would give back to root, and the way to new ones.
pub(crate) fn drop_all() -> Result<(), Failure> {
    set_no_new_privs(true).map_err(|error| Failure::of("giving up new privileges", error))?;
    let held = capabilities(None).map_err(|error| Failure::of("reading capabilities", error))?;
    if held.permitted.contains(CapabilitySet::SETPCAP) {
        for capability in CapabilitySet::all().iter() {
            // An older kernel does not know all of them.
            if remove_capability_from_bounding_set(capability).is_err() && held.permitted.contains(capability) {
                return Err(Failure::new(format!("the capability {capability:?} could not be given up")));
            }
        }
        let bits = CapabilitiesSecureBits::NO_ROOT
            | CapabilitiesSecureBits::NO_ROOT_LOCKED
            | CapabilitiesSecureBits::NO_SETUID_FIXUP
            | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
            | CapabilitiesSecureBits::KEEP_CAPS_LOCKED;
        set_capabilities_secure_bits(bits).map_err(|error| Failure::of("the secure bits", error))?;
    } else if getuid().is_root() && !held.permitted.is_empty() {
        return Err(Failure::new(
            "root without CAP_SETPCAP can't give up its capabilities: start faasbench as another user",
        ));
    }
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, none).map_err(|error| Failure::of("giving up capabilities", error))
}

/// Sees to it that this process is killed when `parent` ends, or rather the thread of it that started this.
pub(crate) fn end_with(parent: u32) -> Result<(), Failure> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| Failure::of("tying this process to its host", error))?;
    // It may have ended before that.
    let now = getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    if now == Some(parent) { Ok(()) } else { Err(Failure::new("the host has ended")) }
}
