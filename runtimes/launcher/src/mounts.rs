//! A file system of the image's own: a root in memory with nothing but its scratch folder and what is bound into it.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind_recursive, mount_change};
use rustix::process::{chdir, chroot, getgid, getuid};
use rustix::thread::UnshareFlags;

use crate::arguments::{Namespaces, Root};
use crate::failure::Failure;

/// Leaves the namespaces of the host.
pub(crate) fn unshare(namespaces: Namespaces, network: bool) -> Result<(), Failure> {
    let mut flags = UnshareFlags::NEWNS;
    if network {
        flags |= UnshareFlags::NEWNET;
    }
    let (user, group) = (getuid().as_raw(), getgid().as_raw());
    if namespaces == Namespaces::User {
        flags |= UnshareFlags::NEWUSER;
    }
    // SAFETY: this process has one thread, and files are not among what is unshared.
    unsafe { rustix::thread::unshare_unsafe(flags) }
        .map_err(|error| Failure::of("leaving the host's namespaces", error))?;
    if namespaces == Namespaces::User {
        // The same user inside as outside, so that files keep their owner.
        write("/proc/self/setgroups", "deny")?;
        write("/proc/self/uid_map", &format!("{user} {user} 1"))?;
        write("/proc/self/gid_map", &format!("{group} {group} 1"))?;
    }
    // Nothing that is mounted from here on is seen outside.
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)
        .map_err(|error| Failure::of("separating the mounts", error))
}

/// Mounts the root, binds into it what is asked for and enters it. Files written beyond its size fail with ENOSPC.
pub(crate) fn enter(root: &Root, binds: &[(PathBuf, PathBuf)]) -> Result<(), Failure> {
    let options = format!("mode=0700,size={},nr_inodes={}\0", root.bytes, root.files);
    // It ends with a zero, as written above.
    let options = std::ffi::CStr::from_bytes_until_nul(options.as_bytes()).ok();
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("faasbench", &root.folder, "tmpfs", flags, options)
        .map_err(|error| Failure::of(format_args!("mounting a root on {}", root.folder.display()), error))?;
    for (source, target) in binds {
        bind(source, &root.folder.join(target.strip_prefix("/").unwrap_or(target)))
            .map_err(|error| Failure::of(format_args!("binding {}", source.display()), error))?;
    }
    let enter = || {
        chdir(&root.folder)?;
        chroot(".")
    };
    // Whoever has no capability, and no file open that is outside, can't leave it again.
    enter().map_err(|error| Failure::of(format_args!("entering {}", root.folder.display()), error))
}

fn bind(source: &Path, target: &Path) -> std::io::Result<()> {
    if source.is_dir() {
        fs::create_dir_all(target)?;
    } else {
        target.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::File::create(target)?;
    }
    Ok(mount_bind_recursive(source, target)?)
}

fn write(path: &str, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::of(format_args!("writing {path}"), error))
}
