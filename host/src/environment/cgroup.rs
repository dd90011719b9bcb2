//! The limits of the control groups that this process is in.

use std::path::{Path, PathBuf};

use super::fact::{Fact, text};
use super::types::{CgroupFacts, CgroupVersion, Limit};

/// Version 1 writes "no limit" as the largest multiple of a page.
const V1_NO_LIMIT: u64 = 1 << 62;

pub(super) fn collect(root: &Path) -> CgroupFacts {
    let mounts = root.join("sys/fs/cgroup");
    let membership = text(&root.join("proc/self/cgroup"));
    let version = if mounts.join("cgroup.controllers").exists() {
        Some(CgroupVersion::V2)
    } else if mounts.join("unified").exists() {
        Some(CgroupVersion::Hybrid)
    } else if mounts.join("memory").exists() || mounts.join("cpu").exists() {
        Some(CgroupVersion::V1)
    } else {
        None
    };
    let absent = || match &membership.absent_reason {
        Some(reason) => reason.clone(),
        None => "no control groups are mounted at /sys/fs/cgroup".to_owned(),
    };
    let (Some(version), Some(membership)) = (version, membership.get()) else {
        return CgroupFacts {
            version: Fact::absent(absent()),
            memory_limit_bytes: Fact::absent(absent()),
            cpu_limit: Fact::absent(absent()),
        };
    };
    let (memory, cpu) = if version == CgroupVersion::V2 {
        let group = group_of(membership, "");
        (
            tightest(&mounts, group, |folder| {
                let text = text(&folder.join("memory.max")).value?;
                if text == "max" { Some(Limit::Unlimited) } else { Some(Limit::AtMost(text.parse().ok()?)) }
            }),
            tightest(&mounts, group, |folder| {
                let text = text(&folder.join("cpu.max")).value?;
                let (quota, period) = text.split_once(' ')?;
                if quota == "max" {
                    return Some(Limit::Unlimited);
                }
                Some(Limit::AtMost(share(quota.parse().ok()?, period.parse().ok()?)?))
            }),
        )
    } else {
        (
            tightest(&mounts.join("memory"), group_of(membership, "memory"), |folder| {
                let limit: u64 = text(&folder.join("memory.limit_in_bytes")).value?.parse().ok()?;
                Some(if limit < V1_NO_LIMIT { Limit::AtMost(limit) } else { Limit::Unlimited })
            }),
            tightest(&mounts.join("cpu"), group_of(membership, "cpu"), |folder| {
                let quota: f64 = text(&folder.join("cpu.cfs_quota_us")).value?.parse().ok()?;
                let period: f64 = text(&folder.join("cpu.cfs_period_us")).value?.parse().ok()?;
                if quota < 0.0 { Some(Limit::Unlimited) } else { Some(Limit::AtMost(share(quota, period)?)) }
            }),
        )
    };
    let unread = "its controller has no files here";
    CgroupFacts {
        version: Fact::known(version),
        memory_limit_bytes: Fact::or_absent(memory, unread),
        cpu_limit: Fact::or_absent(cpu, unread),
    }
}

fn share(quota: f64, period: f64) -> Option<f64> {
    (quota.is_finite() && quota >= 0.0 && period > 0.0).then(|| quota / period)
}

/// The group of a controller in `/proc/self/cgroup`; version 2 is the one without a controller.
fn group_of<'a>(membership: &'a str, controller: &str) -> Option<&'a str> {
    membership.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, group) = (fields.next()?, fields.next()?, fields.next()?);
        controllers.split(',').any(|name| name == controller).then_some(group)
    })
}

/// The least limit of a group and those above it. The root of version 2 has no such files, and in a container the group's
/// name is often one of the outside, so what can't be read on the way is passed over. `None` when nothing can.
fn tightest<Value: PartialOrd>(
    mount: &Path,
    group: Option<&str>,
    read: impl Fn(&Path) -> Option<Limit<Value>>,
) -> Option<Limit<Value>> {
    let group = PathBuf::from(group.unwrap_or("/").trim_start_matches('/'));
    let mut found = None;
    for below in group.ancestors() {
        // A name from outside the container may climb out with `..`.
        if below.components().any(|part| !matches!(part, std::path::Component::Normal(_))) {
            continue;
        }
        if let Some(limit) = read(&mount.join(below)) {
            found = match (found, limit) {
                (None | Some(Limit::Unlimited), limit) => Some(limit),
                (Some(Limit::AtMost(least)), Limit::AtMost(limit)) if limit < least => Some(Limit::AtMost(limit)),
                (found, _) => found,
            };
        }
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;

    use super::*;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn version_1_has_a_group_for_each_controller() {
        let root = machine(&[
            ("proc/self/cgroup", "4:memory:/box\n3:cpu,cpuacct:/other\n0::/\n"),
            ("sys/fs/cgroup/unified/x", ""),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "4096\n"),
            ("sys/fs/cgroup/cpu/other/cpu.cfs_quota_us", "-1\n"),
            ("sys/fs/cgroup/cpu/other/cpu.cfs_period_us", "100000\n"),
        ]);
        let found = collect(root.path());
        assert_eq!(found.version.value, Some(CgroupVersion::Hybrid));
        assert_eq!(found.memory_limit_bytes.value, Some(Limit::AtMost(4096)));
        assert_eq!(found.cpu_limit.value, Some(Limit::Unlimited), "known to be without a limit");
    }

    #[test]
    fn without_files_the_limits_are_absent_and_not_unlimited() {
        let root = machine(&[("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/cgroup.controllers", "")]);
        let found = collect(root.path());
        assert_eq!(found.version.value, Some(CgroupVersion::V2));
        assert!(found.memory_limit_bytes.value.is_none() && found.memory_limit_bytes.absent_reason.is_some());
    }

    #[test]
    fn a_group_outside_is_passed_over() {
        let root = machine(&[
            ("proc/self/cgroup", "0::/../../host\n"),
            ("sys/fs/cgroup/cgroup.controllers", ""),
            ("sys/fs/cgroup/cpu.max", "max 100000\n"),
        ]);
        assert_eq!(collect(root.path()).cpu_limit.value, Some(Limit::Unlimited));
    }
}
