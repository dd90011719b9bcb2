//! A file system of the image's own: a root in memory with nothing but its scratch folder and what is bound into it.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::mount::{
    MountFlags, MountPropagationFlags, mount, mount_bind, mount_bind_recursive, mount_change, mount_remount,
};
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

/// What is in a root.
pub(crate) struct Contents<'a> {
    /// Sources, and where they are in it.
    pub(crate) binds: &'a [(PathBuf, PathBuf)],
    /// What is under its own path in it, and can't be changed.
    pub(crate) read_only: &'a [PathBuf],
    /// Folders that are made in it unless they are bound.
    pub(crate) folders: &'a [PathBuf],
}

/// Mounts the root, binds into it what is asked for and enters it. Files written beyond its size fail with ENOSPC.
pub(crate) fn enter(root: &Root, contents: &Contents<'_>) -> Result<(), Failure> {
    let options = format!("mode=0700,size={},nr_inodes={}\0", root.bytes, root.files);
    // It ends with a zero, as written above.
    let options = std::ffi::CStr::from_bytes_until_nul(options.as_bytes()).ok();
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("faasbench", &root.folder, "tmpfs", flags, options)
        .map_err(|error| Failure::of(format_args!("mounting a root on {}", root.folder.display()), error))?;
    let inside = |path: &Path| root.folder.join(path.strip_prefix("/").unwrap_or(path));
    for (source, target) in contents.binds {
        bind(source, &inside(target))
            .map_err(|error| Failure::of(format_args!("binding {}", source.display()), error))?;
    }
    for source in contents.read_only {
        bind_read_only(source, &inside(source))
            .map_err(|error| Failure::of(format_args!("binding {} to be read", source.display()), error))?;
    }
    for folder in contents.folders {
        fs::create_dir_all(inside(folder))
            .map_err(|error| Failure::of(format_args!("making {}", folder.display()), error))?;
    }
    let enter = || {
        chdir(&root.folder)?;
        chroot(".")
    };
    // Whoever has no capability, and no file open that is outside, can't leave it again.
    enter().map_err(|error| Failure::of(format_args!("entering {}", root.folder.display()), error))
}

fn bind(source: &Path, target: &Path) -> std::io::Result<()> {
    prepare(source, target)?;
    Ok(mount_bind_recursive(source, target)?)
}

fn bind_read_only(source: &Path, target: &Path) -> std::io::Result<()> {
    prepare(source, target)?;
    // Without what is mounted inside it: only the one mount is made read-only.
    mount_bind(source, target)?;
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    // A bind takes over the flags of its source; they can only be changed afterwards.
    Ok(mount_remount(target, MountFlags::BIND | flags, "")?)
}

/// Makes what a mount of `source` needs to stand on.
fn prepare(source: &Path, target: &Path) -> std::io::Result<()> {
    if source.is_dir() {
        fs::create_dir_all(target)?;
    } else if !target.exists() {
        // One that is there may be part of an earlier bind, and must not be emptied.
        target.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::File::create_new(target)?;
    }
    Ok(())
}

fn write(path: &str, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::of(format_args!("writing {path}"), error))
}
