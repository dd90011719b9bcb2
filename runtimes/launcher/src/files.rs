//! Landlock: what of the file system, of abstract sockets and of other processes the image can reach.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, RestrictionStatus, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use crate::failure::Failure;

/// The newest version whose restrictions are asked for; an older kernel enforces those that it knows.
const NEWEST: ABI = ABI::V6;

/// The version of Landlock that the kernel enforces; `None` without it.
pub(crate) fn version() -> Option<u32> {
    const VERSION: libc::c_uint = 1;
    // SAFETY: with this flag the call takes no memory and creates nothing.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0_usize, VERSION) };
    u32::try_from(version).ok().filter(|version| *version > 0)
}

/// Whether it keeps signals from other processes too.
pub(crate) fn signals_are_scoped() -> bool {
    version().is_some_and(|version| version >= 6)
}

/// Refuses all that is not beneath these folders, of `readable` also to write it, all TCP, abstract sockets and signals of others, and to execute
/// anything but the image. With `network`, TCP is not refused.
pub(crate) fn restrict(
    writable: &[PathBuf],
    readable: &[PathBuf],
    image: &OwnedFd,
    network: bool,
) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::of("restricting the file system", error);
    let status = apply(writable, readable, image, network).map_err(|error| failed(&error))?;
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err(failed(&io::Error::from(io::ErrorKind::Unsupported)));
    }
    Ok(())
}

fn apply(
    writable: &[PathBuf],
    readable: &[PathBuf],
    image: &OwnedFd,
    network: bool,
) -> Result<RestrictionStatus, RulesetError> {
    let anything = AccessFs::from_all(NEWEST);
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(anything)?
        .scope(Scope::from_all(NEWEST))?;
    if !network {
        ruleset = ruleset.handle_access(AccessNet::from_all(NEWEST))?;
    }
    let mut ruleset =
        ruleset.create()?.add_rule(PathBeneath::new(image.as_fd(), AccessFs::Execute | AccessFs::ReadFile))?;
    let reading = AccessFs::from_read(NEWEST) & !AccessFs::Execute;
    let all = writable.iter().map(|path| (path, anything & !AccessFs::Execute));
    for (path, access) in all.chain(readable.iter().map(|path| (path, reading))) {
        // One that is not there can't be reached either.
        if let Ok(open) = PathFd::new(path) {
            let access = if path.is_dir() { access } else { access & AccessFs::from_file(NEWEST) };
            ruleset = ruleset.add_rule(PathBeneath::new(open, access))?;
        }
    }
    ruleset.restrict_self()
}
