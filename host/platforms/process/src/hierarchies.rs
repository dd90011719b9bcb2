//! Where control groups can be made here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use crate::launcher::Launcher;
use crate::names::PROBE;

/// No group that is tried is there as long.
const OLD: Duration = Duration::from_secs(60);

/// Where control groups can be made, and what they can limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hierarchies {
    /// Version 1: a hierarchy for each controller. Groups are made at their roots, as Docker does.
    One { memory: Option<PathBuf>, cpu: Option<PathBuf>, processes: Option<PathBuf> },
    /// Version 2: one folder in which groups can be made.
    Two { parent: PathBuf, root: PathBuf, memory: bool, cpu: bool, processes: bool },
}

impl Hierarchies {
    /// Finds out by making a group and joining it.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn find(launcher: &Launcher) -> Result<Hierarchies, String> {
        let read = |path: &str| fs::read_to_string(path).map_err(|error| format!("{path} can't be read: {error}"));
        let (mounts, own) = (read("/proc/self/mountinfo")?, read("/proc/self/cgroup")?);
        // Version 2 may be mounted without controllers beside version 1.
        let second = second(&mounts, &own, launcher);
        if let Ok(found) = second {
            return Ok(found);
        }
        let usable = |controller| first(&mounts, controller).filter(|folder| try_group(folder, launcher).is_ok());
        let (memory, cpu, processes) = (usable("memory"), usable("cpu"), usable("pids"));
        if memory.is_some() || cpu.is_some() || processes.is_some() {
            return Ok(Hierarchies::One { memory, cpu, processes });
        }
        let advice =
            if rustix::process::getuid().is_root() { "" } else { "; `systemd-run --user --scope` may give some" };
        second.map_err(|reason| format!("{reason}{advice}"))
    }

    pub(crate) fn limits_memory(&self) -> bool {
        matches!(self, Hierarchies::One { memory: Some(_), .. } | Hierarchies::Two { memory: true, .. })
    }

    pub(crate) fn limits_cpu(&self) -> bool {
        matches!(self, Hierarchies::One { cpu: Some(_), .. } | Hierarchies::Two { cpu: true, .. })
    }

    pub(crate) fn limits_processes(&self) -> bool {
        matches!(self, Hierarchies::One { processes: Some(_), .. } | Hierarchies::Two { processes: true, .. })
    }

    /// The folders in which groups are made.
    pub(crate) fn parents(&self) -> Vec<&Path> {
        match self {
            Hierarchies::One { memory, cpu, processes } => {
                let mut parents: Vec<&Path> =
                    [memory, cpu, processes].into_iter().flatten().map(PathBuf::as_path).collect();
                // Controllers that share a hierarchy need not be next to each other here.
                parents.sort_unstable();
                parents.dedup();
                parents
            }
            Hierarchies::Two { parent, .. } => vec![parent],
        }
    }

    /// What is told of it.
    pub(crate) fn version(&self) -> &'static str {
        match self {
            Hierarchies::One { .. } => "control groups of version 1",
            Hierarchies::Two { .. } => "control groups of version 2",
        }
    }
}

/// Makes the group of a deployment in each parent, so that groups of instances can be made in it.
pub(crate) fn make_parent(hierarchies: &Hierarchies, folder: &Path) -> io::Result<()> {
    fs::create_dir(folder)?;
    if let Hierarchies::Two { memory, cpu, processes, .. } = hierarchies {
        let wanted = [(*memory, "+memory"), (*cpu, "+cpu"), (*processes, "+pids")];
        let wanted: Vec<_> = wanted.into_iter().filter_map(|(is, name)| is.then_some(name)).collect();
        fs::write(folder.join("cgroup.subtree_control"), wanted.join(" "))?;
    }
    Ok(())
}

/// The root of version 1's hierarchy of a controller.
fn first(mounts: &str, controller: &str) -> Option<PathBuf> {
    mounts.lines().map(Mount::parse).find_map(|mount| {
        let mount = mount?;
        let has = mount.kind == "cgroup" && mount.options.split(',').any(|option| option == controller);
        has.then(|| mount.point.into())
    })
}

/// The nearest folder above this process in which groups with limits can be made. Where a user's processes are is not where
/// the user may make groups: that is often some folders higher up.
fn second(mounts: &str, own: &str, launcher: &Launcher) -> Result<Hierarchies, String> {
    let mount = mounts.lines().filter_map(Mount::parse).find(|mount| mount.kind == "cgroup2");
    let mount = mount.ok_or("no control groups of version 2 are mounted")?;
    let own = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    let root = PathBuf::from(&mount.point);
    let inside = own.strip_prefix(mount.root.trim_end_matches('/')).unwrap_or(own);
    let own = root.join(inside.trim_start_matches('/'));
    let mut reason = "no controller of memory is enabled for groups that this user may make".to_owned();
    for folder in own.ancestors().take_while(|folder| folder.starts_with(&root)) {
        let list = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
        if folder == root
            && list("cgroup.controllers").contains("memory")
            && !list("cgroup.subtree_control").contains("memory")
        {
            // Only root can; where it can't, nothing changes.
            let _ = fs::write(folder.join("cgroup.subtree_control"), "+memory +pids +cpu");
        }
        let enabled = list("cgroup.subtree_control");
        let has = |name: &str| enabled.split_whitespace().any(|enabled| enabled == name);
        if !has("memory") {
            continue;
        }
        match try_group(folder, launcher) {
            Ok(()) => {
                let (cpu, processes) = (has("cpu"), has("pids"));
                return Ok(Hierarchies::Two { parent: folder.to_owned(), root, memory: true, cpu, processes });
            }
            Err(error) => reason = error,
        }
    }
    Err(reason)
}

/// Makes a group, lets a process join it, and removes it.
fn try_group(folder: &Path, launcher: &Launcher) -> Result<(), String> {
    remove_old_probes(folder, SystemTime::now());
    let group = folder.join(probe_name());
    fs::create_dir(&group).map_err(|error| format!("{} can't be made: {error}", group.display()))?;
    let joined = launcher.probe(&["cgroup", &group.to_string_lossy()]);
    // The probe may still be leaving it.
    let removed = crate::cgroup::remove_folder(&group);
    joined?;
    removed.map_err(|error| format!("{} can't be removed: {error}", group.display()))
}

fn probe_name() -> String {
    format!("{PROBE}{}", Uuid::new_v4().simple())
}

/// Removes groups that a killed program left while it tried. Those of a program that is trying now are younger.
fn remove_old_probes(folder: &Path, now: SystemTime) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PROBE) {
            continue;
        }
        let changed = entry.metadata().and_then(|found| found.modified());
        let age = changed.ok().and_then(|changed| now.duration_since(changed).ok());
        if age.is_some_and(|age| age > OLD) {
            // Another's, or in use: then it stays, and harms nobody.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// A line of `/proc/self/mountinfo`.
struct Mount<'a> {
    root: &'a str,
    point: String,
    kind: &'a str,
    options: &'a str,
}

impl Mount<'_> {
    fn parse(line: &str) -> Option<Mount<'_>> {
        let (mount, system) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?.replace("\\040", " "));
        let mut fields = system.split(' ');
        let kind = fields.next()?;
        Some(Mount { root, point, kind, options: fields.nth(1)? })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
30 24 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
33 30 0:29 /a /sys/fs/my\\040cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate
";

    #[test]
    fn each_controller_is_found_in_its_own_hierarchy() {
        assert_eq!(first(MOUNTS, "memory"), Some("/sys/fs/cgroup/memory".into()));
        assert_eq!(first(MOUNTS, "cpu"), Some("/sys/fs/cgroup/cpu,cpuacct".into()));
        assert_eq!(first(MOUNTS, "pids"), None);
        let second = MOUNTS.lines().filter_map(Mount::parse).find(|mount| mount.kind == "cgroup2").unwrap();
        assert_eq!((second.root, second.point.as_str()), ("/a", "/sys/fs/my cgroup"));
    }

    #[test]
    fn a_hierarchy_that_controllers_share_is_one_parent() {
        let shared = Some(PathBuf::from("/a"));
        let one = Hierarchies::One { memory: shared.clone(), cpu: Some("/b".into()), processes: shared };
        assert_eq!(one.parents(), [Path::new("/a"), Path::new("/b")]);
    }

    #[test]
    fn only_old_groups_of_a_killed_trial_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (probe, other) = (folder.path().join(probe_name()), folder.path().join("faasbench-abc-1"));
        fs::create_dir(&probe).unwrap();
        fs::create_dir(&other).unwrap();
        remove_old_probes(folder.path(), SystemTime::now());
        assert!(probe.exists());
        remove_old_probes(folder.path(), SystemTime::now() + OLD * 2);
        assert!(!probe.exists() && other.exists());
    }

    #[test]
    fn what_is_said_to_be_usable_here_is() {
        let launcher = Launcher::new().unwrap();
        match Hierarchies::find(&launcher) {
            Err(reason) => eprintln!("no control groups here: {reason}"),
            Ok(found) => {
                for parent in found.parents() {
                    try_group(parent, &launcher).unwrap();
                }
            }
        }
    }
}
