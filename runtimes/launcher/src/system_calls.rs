//! Seccomp: system calls that reach beyond the process fail with EPERM. What only concerns the process itself is left to it.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use crate::failure::Failure;

/// Calls that are refused whatever their arguments.
const REFUSED: &[libc::c_long] = &[
    // Other programs and other processes.
    libc::SYS_clone3,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
    libc::SYS_process_madvise,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    libc::SYS_setns,
    libc::SYS_unshare,
    // What outlives the process.
    libc::SYS_mq_open,
    libc::SYS_msgget,
    libc::SYS_semget,
    libc::SYS_shmget,
    libc::SYS_add_key,
    libc::SYS_keyctl,
    libc::SYS_request_key,
    // What would do the same by other means.
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_fanotify_init,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    // The machine.
    libc::SYS_acct,
    libc::SYS_adjtimex,
    libc::SYS_chroot,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_kexec_load,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_pivot_root,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_vhangup,
];

#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[libc::c_long] =
    &[libc::SYS_fork, libc::SYS_vfork, libc::SYS_ioperm, libc::SYS_iopl, libc::SYS_kexec_file_load];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[libc::c_long] = &[];

/// Calls whose first argument names a process, where 0 is this one.
const OF_THIS_PROCESS_ONLY: &[libc::c_long] = &[
    libc::SYS_prlimit64,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setattr,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setscheduler,
];

/// Calls with the requests, in their second argument, that say to whom a file's signals go.
const OWNERS_OF_FILES: &[(libc::c_long, &[u64])] = &[
    // F_SETOWN, F_SETOWN_EX.
    (libc::SYS_fcntl, &[8, 15]),
    // FIOSETOWN, SIOCSPGRP.
    (libc::SYS_ioctl, &[0x8901, 0x8902]),
];

/// A number of this bit is a call of the x32 ABI: the same calls by other numbers.
#[cfg(target_arch = "x86_64")]
const ALIASES: &[i64] = &[0, 0x4000_0000];
#[cfg(not(target_arch = "x86_64"))]
const ALIASES: &[i64] = &[0];
/// Calls of the x32 ABI that have numbers of their own there, `ioctl` and `ptrace` among them. No program of 64 bits makes any.
#[cfg(target_arch = "x86_64")]
const OTHER_ALIASES: std::ops::RangeInclusive<i64> = 0x4000_0000 + 512..=0x4000_0000 + 547;
#[cfg(not(target_arch = "x86_64"))]
const OTHER_ALIASES: std::ops::Range<i64> = 0..0;

/// Refuses, from here on, network sockets, new processes and all of the above. `signals_are_scoped` tells that something else
/// keeps signals from other processes; with `network`, network sockets are not refused.
pub(crate) fn restrict(signals_are_scoped: bool, network: bool) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::of("restricting system calls", error);
    let filter = filter(std::process::id(), signals_are_scoped, network).map_err(|error| failed(&error))?;
    seccompiler::apply_filter(&filter).map_err(|error| failed(&error))
}

fn filter(own_id: u32, signals_are_scoped: bool, network: bool) -> Result<BpfProgram, seccompiler::BackendError> {
    use SeccompCmpOp::{Eq, MaskedEq, Ne};
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for call in REFUSED.iter().chain(REFUSED_HERE) {
        refuse(&mut rules, *call, Vec::new());
    }
    for call in OTHER_ALIASES {
        rules.insert(call, Vec::new());
    }
    let first = |operation, value| -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
        let condition = SeccompCondition::new(0, SeccompCmpArgLen::Dword, operation, value)?;
        Ok(vec![SeccompRule::new(vec![condition])?])
    };
    if !network {
        // Nested calls go through unix sockets; there is no other kind that stays on this machine.
        refuse(&mut rules, libc::SYS_socket, first(Ne, libc::AF_UNIX as u64)?);
    }
    // A thread is no new process.
    refuse(&mut rules, libc::SYS_clone, first(MaskedEq(libc::CLONE_THREAD as u64), 0)?);
    for call in [libc::SYS_kill, libc::SYS_tgkill] {
        refuse(&mut rules, call, first(Ne, u64::from(own_id))?);
    }
    // It is to end with its host, and to be found by it.
    let mut of_itself = first(Eq, libc::PR_SET_PDEATHSIG as u64)?;
    of_itself.extend(first(Eq, libc::PR_SET_DUMPABLE as u64)?);
    refuse(&mut rules, libc::SYS_prctl, of_itself);
    for call in OF_THIS_PROCESS_ONLY {
        refuse(&mut rules, *call, first(Ne, 0)?);
    }
    if !signals_are_scoped {
        // It names a thread, and that may be any process's. `abort` uses it, and ends the process in another way without.
        refuse(&mut rules, libc::SYS_tkill, Vec::new());
        // A file can be made to send any signal to any process of this user.
        for (call, requests) in OWNERS_OF_FILES {
            let rules_of = |request: &u64| -> Result<SeccompRule, seccompiler::BackendError> {
                let condition = SeccompCondition::new(1, SeccompCmpArgLen::Dword, Eq, *request)?;
                SeccompRule::new(vec![condition])
            };
            refuse(&mut rules, *call, requests.iter().map(rules_of).collect::<Result<_, _>>()?);
        }
    }
    let target = TargetArch::try_from(std::env::consts::ARCH)?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(libc::EPERM as u32), target)?;
    filter.try_into()
}

fn refuse(rules: &mut BTreeMap<i64, Vec<SeccompRule>>, call: libc::c_long, when: Vec<SeccompRule>) {
    for alias in ALIASES {
        // A system call's number has the width of the machine's long; this program's platforms have 64 bits.
        rules.insert(call | alias, when.clone());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    /// What the kernel says of these two calls once signals are kept from others by this filter, or by something else.
    fn errors_of_owning(signals_are_scoped: bool) -> Vec<Option<i32>> {
        // A filter holds for the thread that sets it.
        let thread = std::thread::spawn(move || {
            let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
            rustix::thread::set_no_new_privs(true).unwrap();
            restrict(signals_are_scoped, false).unwrap();
            let (descriptor, own) = (socket.as_raw_fd(), std::process::id() as libc::c_int);
            let error = |result: libc::c_int| {
                (result == -1).then(|| std::io::Error::last_os_error().raw_os_error().unwrap_or_default())
            };
            // SAFETY: these take numbers, or a pointer to a number that outlives the call.
            let owned = unsafe {
                [
                    error(libc::fcntl(descriptor, libc::F_SETOWN, own)),
                    error(libc::ioctl(descriptor, 0x8901, &own)),
                    error(libc::ioctl(descriptor, 0x8902, &own)),
                    error(libc::fcntl(descriptor, libc::F_GETFD)),
                ]
            };
            owned.to_vec()
        });
        thread.join().unwrap()
    }

    #[test]
    fn no_file_can_be_made_to_send_signals_where_nothing_else_keeps_them() {
        let refused = Some(libc::EPERM);
        assert_eq!(errors_of_owning(false), [refused, refused, refused, None]);
        assert_eq!(errors_of_owning(true), [None; 4]);
    }
}
