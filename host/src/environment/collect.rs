//! Reading the machine.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::fact::{Fact, text};
use super::types::{BuildFacts, CounterFacts, CpuFacts, Environment, Known, MemoryFacts, SystemFacts};
use super::{cgroup, tools, virtualisation};

impl Environment {
    /// Reads this machine.
    #[must_use]
    pub fn collect(known: &Known) -> Self {
        Self { tools: tools::collect(), ..Self::collect_below(Path::new("/"), known) }
    }

    /// Reads the machine whose `proc`, `sys` and `etc` are below `root`.
    pub(super) fn collect_below(root: &Path, known: &Known) -> Self {
        let cpuinfo = text(&root.join("proc/cpuinfo"));
        Self {
            virtualisation: virtualisation::collect(root, &cpuinfo),
            cpu: cpu(root, cpuinfo),
            system: system(root),
            memory: memory(root),
            cgroup: cgroup::collect(root),
            counters: CounterFacts {
                perf_event_paranoid: number(&root.join("proc/sys/kernel/perf_event_paranoid")),
                usable_counters: Fact::or_absent(known.usable_counters, "the counters weren't tried"),
                nmi_watchdog: number::<u32>(&root.join("proc/sys/kernel/nmi_watchdog")).then(|value| Some(value != 0)),
            },
            tools: tools::unknown(),
            build: BuildFacts {
                program_version: known.program_version.clone(),
                rustc_version: Fact::or_absent(known.rustc_version.clone(), "not known to this build"),
                wasmtime_version: Fact::or_absent(known.wasmtime_version.clone(), "not known to this build"),
                debug_build: cfg!(debug_assertions),
            },
            unix_ns: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)),
        }
    }
}

/// All values of a field of `/proc/cpuinfo`.
pub(super) fn cpuinfo_values<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    text.lines()
        .filter_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim_end() == name).then(|| value.trim())
        })
        .collect()
}

fn number<Number: std::str::FromStr>(path: &Path) -> Fact<Number> {
    text(path).then(|text| text.parse().ok())
}

fn cpu(root: &Path, cpuinfo: Fact<String>) -> CpuFacts {
    let cpus = root.join("sys/devices/system/cpu");
    let first = |name: &str| {
        let found = cpuinfo.get().map(|text| cpuinfo_values(text, name));
        found.and_then(|values| values.first().map(|value| (*value).to_owned()))
    };
    let missing = cpuinfo.absent_reason.clone().unwrap_or_else(|| "/proc/cpuinfo doesn't say".to_owned());
    let identity = ["vendor_id", "cpu family", "model", "stepping"].map(first);
    let identity: Option<Vec<String>> = identity.into_iter().collect();
    CpuFacts {
        model: Fact::or_absent(first("model name"), &missing),
        identity: Fact::or_absent(identity.map(|parts| parts.join(" ")), &missing),
        architecture: std::env::consts::ARCH.to_owned(),
        logical: Fact::or_absent(
            cpuinfo.get().and_then(|text| count(cpuinfo_values(text, "processor").len())),
            &missing,
        ),
        cores: Fact::or_absent(cpuinfo.get().and_then(|text| cores(text)), &missing),
        usable: std::thread::available_parallelism()
            .map_or_else(|error| Fact::absent(error.to_string()), |count| Fact::known(count.get() as u32)),
        smt_active: number::<u32>(&cpus.join("smt/active")).then(|value| Some(value != 0)),
        governors: governors(&cpus),
        boost: boost(&cpus),
        mhz: cpuinfo.then(|text| {
            let mhz: Vec<f64> =
                cpuinfo_values(&text, "cpu MHz").iter().filter_map(|value| value.parse().ok()).collect();
            Some((mhz.iter().copied().reduce(f64::min)?, mhz.iter().copied().reduce(f64::max)?))
        }),
        isolated: text(&cpus.join("isolated")),
        numa_nodes: text(&root.join("sys/devices/system/node/online")).then(|list| list_length(&list)),
    }
}

fn count(length: usize) -> Option<u32> {
    u32::try_from(length).ok().filter(|count| *count > 0)
}

fn cores(cpuinfo: &str) -> Option<u32> {
    let packages = cpuinfo_values(cpuinfo, "physical id");
    let cores = cpuinfo_values(cpuinfo, "core id");
    if packages.len() != cores.len() {
        return None;
    }
    count(packages.into_iter().zip(cores).collect::<BTreeSet<_>>().len())
}

/// How many numbers a list of the kernel's such as `0-3,8` has.
fn list_length(list: &str) -> Option<u32> {
    list.split(',').try_fold(0u32, |sum, range| {
        let (low, high) = range.split_once('-').unwrap_or((range, range));
        let (low, high): (u32, u32) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
        sum.checked_add(high.checked_sub(low)?.checked_add(1)?)
    })
}

fn governors(cpus: &Path) -> Fact<Vec<String>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(cpus).into_iter().flatten().flatten() {
        if let Some(governor) = text(&entry.path().join("cpufreq/scaling_governor")).value {
            found.insert(governor);
        }
    }
    if found.is_empty() {
        Fact::absent("the kernel doesn't set the frequency here (on a virtual machine its host does)")
    } else {
        Fact::known(found.into_iter().collect())
    }
}

fn boost(cpus: &Path) -> Fact<bool> {
    if let Some(no_turbo) = number::<u32>(&cpus.join("intel_pstate/no_turbo")).value {
        return Fact::known(no_turbo == 0);
    }
    number::<u32>(&cpus.join("cpufreq/boost")).then(|value| Some(value != 0))
}

fn system(root: &Path) -> SystemFacts {
    let distribution = text(&root.join("etc/os-release")).then(|text| {
        let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
        Some(name.trim_matches('"').to_owned())
    });
    SystemFacts {
        kernel: text(&root.join("proc/sys/kernel/osrelease")),
        distribution,
        load_average: text(&root.join("proc/loadavg")).then(|text| {
            let mut loads = text.split_ascii_whitespace().map(|load| load.parse::<f64>().ok());
            Some((loads.next()??, loads.next()??, loads.next()??))
        }),
        clock_source: text(&root.join("sys/devices/system/clocksource/clocksource0/current_clocksource")),
        transparent_huge_pages: text(&root.join("sys/kernel/mm/transparent_hugepage/enabled")).then(|text| {
            // Such as `always [madvise] never`.
            let (_, rest) = text.split_once('[')?;
            Some(rest.split_once(']')?.0.to_owned())
        }),
        address_randomisation: number(&root.join("proc/sys/kernel/randomize_va_space")),
    }
}

fn memory(root: &Path) -> MemoryFacts {
    let path: PathBuf = root.join("proc/meminfo");
    let meminfo = text(&path);
    let bytes = |name: &str| -> Fact<u64> {
        let prefix = format!("{name}:");
        meminfo.clone().then(|text| {
            let value = text.lines().find_map(|line| line.strip_prefix(&prefix))?;
            value.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
        })
    };
    let (swap_total, swap_free) = (bytes("SwapTotal"), bytes("SwapFree"));
    let used = swap_total.get().zip(swap_free.get()).and_then(|(total, free)| total.checked_sub(*free));
    let reason = swap_free.absent_reason.as_deref().unwrap_or("the kernel's text isn't understood");
    MemoryFacts {
        total_bytes: bytes("MemTotal"),
        available_bytes: bytes("MemAvailable"),
        swap_used_bytes: Fact::or_absent(used, reason),
        swap_total_bytes: swap_total,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::types::{CgroupVersion, Limit};
    use super::*;

    const CPUINFO: &str = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\nmodel name\t: Xeon\n\
        stepping\t: 7\ncpu MHz\t\t: 2400.5\nphysical id\t: 0\ncore id\t\t: 0\nflags\t\t: fpu hypervisor\n\n\
        processor\t: 1\nvendor_id\t: GenuineIntel\ncpu MHz\t\t: 3000.0\nphysical id\t: 0\ncore id\t\t: 0\nflags\t\t: fpu\n";

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
    fn a_whole_machine_is_read() {
        let root = machine(&[
            ("proc/cpuinfo", CPUINFO),
            ("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 500 kB\nSwapTotal: 10 kB\nSwapFree: 4 kB\n"),
            ("proc/loadavg", "0.50 1.25 2.00 1/200 999\n"),
            ("proc/sys/kernel/osrelease", "6.1.0\n"),
            ("proc/sys/kernel/perf_event_paranoid", "-1\n"),
            ("proc/self/cgroup", "0::/a/b\n"),
            ("etc/os-release", "NAME=x\nPRETTY_NAME=\"Debian 12\"\n"),
            ("sys/fs/cgroup/cgroup.controllers", "cpu memory\n"),
            ("sys/fs/cgroup/a/memory.max", "1048576\n"),
            ("sys/fs/cgroup/a/b/memory.max", "max\n"),
            ("sys/fs/cgroup/a/b/cpu.max", "50000 100000\n"),
            ("sys/devices/system/cpu/smt/active", "1\n"),
            ("sys/devices/system/cpu/intel_pstate/no_turbo", "0\n"),
            ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"),
            ("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave\n"),
            ("sys/devices/system/node/online", "0-1\n"),
            ("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
        ]);
        let known = Known { program_version: "1.0".into(), usable_counters: Some(4), ..Known::default() };
        let found = Environment::collect_below(root.path(), &known);
        assert_eq!(found.cpu.model, Fact::known("Xeon".into()));
        assert_eq!(found.cpu.identity, Fact::known("GenuineIntel 6 85 7".into()));
        assert_eq!((found.cpu.logical.value, found.cpu.cores.value), (Some(2), Some(1)));
        assert_eq!((found.cpu.smt_active.value, found.cpu.boost.value), (Some(true), Some(true)));
        assert_eq!(found.cpu.governors.value, Some(vec!["powersave".to_owned()]));
        assert_eq!(found.cpu.mhz.value, Some((2400.5, 3000.0)));
        assert_eq!(found.cpu.numa_nodes.value, Some(2));
        assert_eq!(found.memory.swap_used_bytes.value, Some(6 * 1024));
        assert_eq!(found.system.load_average.value, Some((0.5, 1.25, 2.0)));
        assert_eq!(found.system.distribution.value.as_deref(), Some("Debian 12"));
        assert_eq!(found.system.transparent_huge_pages.value.as_deref(), Some("madvise"));
        assert_eq!(found.cgroup.version.value, Some(CgroupVersion::V2));
        assert_eq!(found.cgroup.memory_limit_bytes.value, Some(Limit::AtMost(1 << 20)), "the parent's limit holds too");
        assert_eq!(found.cgroup.cpu_limit.value, Some(Limit::AtMost(0.5)));
        assert_eq!(found.virtualisation.virtual_machine.value, Some(true));
        assert_eq!(found.counters.perf_event_paranoid.value, Some(-1));
        assert!(found.build.rustc_version.absent_reason.is_some());
    }

    #[test]
    fn an_empty_machine_has_a_reason_for_everything() {
        let root = machine(&[]);
        let found = Environment::collect_below(root.path(), &Known::default());
        let value = serde_json::to_value(&found).unwrap();
        let mut facts = 0;
        for section in value.as_object().unwrap().values().filter_map(|section| section.as_object()) {
            for fact in section.values().filter_map(|fact| fact.as_object()) {
                let (there, why) = (&fact["value"], &fact["absent_reason"]);
                assert!(there.is_null() || why.is_null(), "{fact:?}");
                facts += 1;
            }
        }
        assert!(facts > 20);
        assert!(found.cpu.model.absent_reason.is_some());
        assert!(found.memory.total_bytes.absent_reason.is_some());
    }

    #[test]
    fn this_machine_is_read_and_can_be_stored() {
        let found = Environment::collect(&Known::default());
        assert!(found.cpu.logical.value.is_some_and(|count| count > 0));
        assert!(found.memory.total_bytes.value.is_some_and(|bytes| bytes > 1 << 20));
        assert!(found.system.kernel.value.is_some());
        let text = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<Environment>(&text).unwrap(), found);
        let schema = serde_json::to_string(&schemars::schema_for!(Environment)).unwrap();
        assert!(schema.contains("absent_reason"));
    }

    #[test]
    fn lists_of_processors_are_counted() {
        assert_eq!(list_length("0"), Some(1));
        assert_eq!(list_length("0-3,8"), Some(5));
        assert_eq!(list_length("3-0"), None);
        assert_eq!(list_length(""), None);
        assert_eq!(list_length("0-4294967295"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived(garbage in "[ -~\n\t\\[\\]]{0,200}") {
            let files = ["proc/cpuinfo", "proc/meminfo", "proc/loadavg", "proc/self/cgroup", "etc/os-release"];
            let files: Vec<(&str, &str)> = files.into_iter().map(|path| (path, garbage.as_str())).collect();
            let root = machine(&files);
            let found = Environment::collect_below(root.path(), &Known::default());
            let _ = found.warnings();
        }
    }
}
