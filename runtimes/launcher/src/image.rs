//! Becoming the image: every limit in its turn, then exec.

use std::convert::Infallible;
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::arguments::Plan;
use crate::failure::Failure;
use crate::mounts::Contents;
use crate::{files, mounts, privileges, system_calls};

/// Applies the plan and becomes its image. The order matters: what comes later takes away the right to what comes before.
pub(crate) fn become_image(plan: Plan) -> Result<Infallible, Failure> {
    let groups = plan.cgroups.iter().map(|cgroup| Group::open(cgroup)).collect::<Result<Vec<_>, _>>()?;
    let image = open(&plan.image)?;
    privileges::set_limits(&plan.limits)?;
    if let Some(namespaces) = plan.namespaces {
        mounts::unshare(namespaces, plan.network_namespace)?;
    }
    if let Some(root) = &plan.root {
        mounts::enter(
            root,
            &Contents { binds: &plan.binds, read_only: &plan.read_only_binds, folders: &plan.writable },
        )?;
    }
    privileges::drop_all()?;
    if plan.landlock {
        files::restrict(&plan.writable, &plan.readable, &image, plan.network)?;
    }
    // As late as can be: on a busy machine a new group waits for its turn each time that something here waits.
    groups.into_iter().try_for_each(Group::join)?;
    privileges::end_with(plan.parent)?;
    keep_only_streams()?;
    if plan.seccomp {
        system_calls::restrict(plan.landlock && files::signals_are_scoped(), plan.network)?;
    }
    Err(execute(&image, &plan.image))
}

/// A control group that can be joined, also where its folder can't be seen any more.
pub(crate) struct Group {
    processes: File,
    path: PathBuf,
}

impl Group {
    pub(crate) fn open(folder: &Path) -> Result<Group, Failure> {
        let path = folder.join("cgroup.procs");
        let processes = OpenOptions::new().write(true).open(&path);
        match processes {
            Ok(processes) => Ok(Group { processes, path }),
            Err(error) => Err(Failure::of(format_args!("opening {}", path.display()), error)),
        }
    }

    /// Makes this process one of the group's.
    pub(crate) fn join(mut self) -> Result<(), Failure> {
        // 0 is the process that writes.
        let written = self.processes.write_all(b"0");
        written.map_err(|error| Failure::of(format_args!("joining {}", self.path.display()), error))
    }
}

fn open(path: &Path) -> Result<OwnedFd, Failure> {
    rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| Failure::of(format_args!("opening {}", path.display()), error))
}

/// No other file of this process becomes the image's.
fn keep_only_streams() -> Result<(), Failure> {
    const FIRST: libc::c_uint = 3;
    // SAFETY: the call takes three numbers. It marks descriptors to be closed at exec; none is closed here.
    let result = unsafe {
        libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC as libc::c_uint)
    };
    if result == 0 { Ok(()) } else { Err(Failure::of("closing other files", io::Error::last_os_error())) }
}

/// Replaces this program by the image, with the environment as it is. Returns only when that failed.
fn execute(image: &OwnedFd, path: &Path) -> Failure {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let Ok(name) = CString::new(name.as_bytes()) else { return Failure::new("the image's name holds a zero") };
    let arguments = [name.as_ptr(), std::ptr::null()];
    // SAFETY: the name and both lists end with a zero and outlive the call; nobody changes `environ` meanwhile, as this
    // process has one thread.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            image.as_raw_fd(),
            c"".as_ptr(),
            arguments.as_ptr(),
            environ,
            libc::AT_EMPTY_PATH,
        );
    }
    Failure::of(format_args!("starting {}", path.display()), io::Error::last_os_error())
}

unsafe extern "C" {
    static environ: *const *const libc::c_char;
}
