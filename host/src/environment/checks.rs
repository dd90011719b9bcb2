//! What a machine will do to a measurement, thing by thing, and the command that mends it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::types::{CgroupVersion, Environment, Limit};

/// Above this share of the processors, other work is in the way: with two processors, a load of 1.
const BUSY_SHARE: f64 = 0.5;
/// Below this share of memory, the kernel begins to reclaim.
const SCARCE_MEMORY_SHARE: f64 = 0.1;
/// What compiling the functions needs: components for WASM, static executables for native images.
const RUST_TARGETS: [&str; 2] = ["wasm32-wasip2", "x86_64-unknown-linux-musl"];
/// At this level and below, a user may count events in the kernel too.
const KERNEL_COUNTING_LEVEL: i32 = 1;

/// What one thing about a machine means for a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is as it should be.
    Good,
    /// It makes figures vary, or shifts them.
    Disturbs,
    /// Something can't be measured or used here; the rest is not touched.
    Limits,
    /// It could not be found out.
    Unknown,
}

/// One thing about a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// What was found.
    pub finding: String,
    /// Good or bad.
    pub verdict: Verdict,
    /// What it does to a measurement; empty where it does nothing.
    pub meaning: String,
    /// What to do about it: a command, or a sentence.
    pub mend: Option<String>,
}

/// A machine, and what it will do to a measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// Everything that was looked at.
    pub checks: Vec<Check>,
    /// The machine.
    pub environment: Environment,
}

/// What a check makes of a fact: the finding, and where it isn't good the verdict, its meaning and what mends it.
struct Found {
    finding: String,
    bad: Option<(Verdict, String, Option<&'static str>)>,
}

fn good(finding: impl Into<String>) -> Found {
    Found { finding: finding.into(), bad: None }
}

fn disturbs(finding: impl Into<String>, meaning: impl Into<String>, mend: Option<&'static str>) -> Found {
    Found { finding: finding.into(), bad: Some((Verdict::Disturbs, meaning.into(), mend)) }
}

fn limits(finding: impl Into<String>, meaning: impl Into<String>, mend: Option<&'static str>) -> Found {
    Found { finding: finding.into(), bad: Some((Verdict::Limits, meaning.into(), mend)) }
}

fn check<Value>(name: &str, fact: &Fact<Value>, judge: impl FnOnce(&Value) -> Found) -> Check {
    let name = name.to_owned();
    match fact.get().map(judge) {
        None => Check {
            name,
            finding: fact.absent_reason.clone().unwrap_or_default(),
            verdict: Verdict::Unknown,
            meaning: String::new(),
            mend: None,
        },
        Some(Found { finding, bad: None }) => {
            Check { name, finding, verdict: Verdict::Good, meaning: String::new(), mend: None }
        }
        Some(Found { finding, bad: Some((verdict, meaning, mend)) }) => {
            Check { name, finding, verdict, meaning, mend: mend.map(str::to_owned) }
        }
    }
}

impl Check {
    /// The check in one sentence.
    fn sentence(&self) -> String {
        let mend = self.mend.as_ref().map(|mend| format!(" ({mend})")).unwrap_or_default();
        format!("{}: {}: {}{mend}", self.name, self.finding, self.meaning)
    }
}

impl Environment {
    /// Everything that matters, in the order of what disturbs most.
    #[must_use]
    pub fn checks(&self) -> Vec<Check> {
        let mut checks = vec![self.build_check(), self.load_check()];
        checks.extend(self.processor_checks());
        checks.extend(self.memory_checks());
        checks.extend(self.system_checks());
        checks.extend(self.counter_checks());
        checks.extend(self.tool_checks());
        checks
    }

    /// One sentence for each thing that will disturb a measurement here, with what to do about it. Empty on a machine set
    /// up for measuring.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let checks = self.checks();
        checks.iter().filter(|check| check.verdict == Verdict::Disturbs).map(Check::sentence).collect()
    }

    fn build_check(&self) -> Check {
        check("build", &Fact::known(self.build.debug_build), |debug| match debug {
            false => good("optimised"),
            true => disturbs("debug", "its times mean nothing", Some("cargo build --release")),
        })
    }

    fn load_check(&self) -> Check {
        let processors = self.cpu.logical.get().copied();
        check("load", &self.system.load_average, |(load, ..)| {
            let on = processors.map(|count| format!(" on {count} processors")).unwrap_or_default();
            let finding = format!("load average {load:.2}{on}");
            match processors {
                Some(processors) if *load > f64::from(processors) * BUSY_SHARE => disturbs(
                    finding,
                    "other work runs beside the measurement",
                    Some("end it, or wait until `uptime` says less"),
                ),
                _ => good(finding),
            }
        })
    }

    fn processor_checks(&self) -> [Check; 5] {
        let governor = check("frequency governor", &self.cpu.governors, |governors| {
            let finding = governors.join(", ");
            if governors.iter().all(|governor| governor == "performance") {
                return good(finding);
            }
            disturbs(
                finding,
                "the clock rate follows the load, so the same work takes differently long",
                Some("sudo cpupower frequency-set -g performance"),
            )
        });
        let boost = check("frequency boost (turbo)", &self.cpu.boost, |boost| match boost {
            false => good("off"),
            true => disturbs(
                "on",
                "speed depends on temperature and on what the other cores do",
                Some(
                    "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost; on Intel: echo 1 | sudo tee \
                     /sys/devices/system/cpu/intel_pstate/no_turbo",
                ),
            ),
        });
        let shared = check("shared cores (SMT)", &self.cpu.smt_active, |active| match active {
            false => good("no"),
            true => disturbs(
                "yes",
                "two threads share a core: what runs on the sibling takes its share",
                Some(
                    "echo off | sudo tee /sys/devices/system/cpu/smt/control, or --pin to a processor whose sibling is idle",
                ),
            ),
        });
        let machine = check("virtual machine", &self.virtualisation.virtual_machine, |is_virtual| {
            if !is_virtual {
                return good("no");
            }
            let name = self.virtualisation.hypervisor.get().map_or("yes", String::as_str);
            disturbs(
                name,
                "neighbours, and the cost of its page faults and traps, are in the figures",
                Some("compare only what was interleaved in one run, or measure on a machine of your own"),
            )
        });
        let container =
            check("container", &self.virtualisation.container, |container| good(container.replace("none", "no")));
        [governor, boost, shared, machine, container]
    }

    fn memory_checks(&self) -> [Check; 3] {
        let swap = check("swap", &self.memory.swap_used_bytes, |used| match used {
            0 => good("none in use"),
            used => disturbs(
                format!("{} MiB in use", used >> 20),
                "touching what is swapped out waits for a device",
                Some("sudo swapoff -a && sudo swapon -a"),
            ),
        });
        let total = self.memory.total_bytes.get().copied();
        let available = check("available memory", &self.memory.available_bytes, |available| match total {
            Some(total) if (*available as f64) < total as f64 * SCARCE_MEMORY_SHARE => disturbs(
                format!("{} of {} MiB", available >> 20, total >> 20),
                "the kernel may reclaim meanwhile",
                Some("end what holds memory"),
            ),
            _ => good(format!("{} MiB", available >> 20)),
        });
        let huge = check("transparent huge pages", &self.system.transparent_huge_pages, |pages| match pages.as_str() {
            "always" => disturbs(
                "always",
                "resident memory rises in steps of 2 MiB, when the kernel finds them",
                Some("echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled"),
            ),
            other => good(other),
        });
        [swap, available, huge]
    }

    fn system_checks(&self) -> [Check; 3] {
        let version = check("control groups", &self.cgroup.version, |version| match version {
            CgroupVersion::V2 => good("version 2"),
            CgroupVersion::V1 | CgroupVersion::Hybrid => limits(
                if *version == CgroupVersion::V1 { "version 1" } else { "version 1, and 2 without controllers" },
                "containers' disk writes can't be accounted by group",
                Some("boot with systemd.unified_cgroup_hierarchy=1"),
            ),
        });
        let processors = self.cpu.logical.get().copied();
        let limit = check("processor limit", &self.cgroup.cpu_limit, |limit| match (limit, processors) {
            (Limit::AtMost(limit), Some(processors)) if *limit < f64::from(processors) => disturbs(
                format!("{limit} of {processors} processors"),
                "work beyond it is held back (throttled)",
                Some("raise the limit of the control group"),
            ),
            (Limit::AtMost(limit), _) => good(format!("{limit} processors")),
            (Limit::Unlimited, _) => good("none"),
        });
        let clock = check("clock source", &self.system.clock_source, |source| {
            match ["hpet", "acpi_pm", "jiffies", "refined-jiffies", "xen"].contains(&source.as_str()) {
                false => good(source.as_str()),
                true => disturbs(
                    source.as_str(),
                    "reading the time is a system call of about a microsecond",
                    Some("echo tsc | sudo tee /sys/devices/system/clocksource/clocksource0/current_clocksource"),
                ),
            }
        });
        [version, limit, clock]
    }

    fn counter_checks(&self) -> [Check; 3] {
        let counters = check("hardware counters", &self.counters.usable_counters, |count| match count {
            0 => limits(
                "none count truly",
                "papi has software events only",
                Some("--simulate counts in Valgrind's processor; `faasbench counters` says what is missing"),
            ),
            count => good(format!("{count} at once")),
        });
        let permission = check("perf permission", &self.counters.perf_event_paranoid, |level| {
            let finding = format!("kernel.perf_event_paranoid = {level}");
            match *level > KERNEL_COUNTING_LEVEL {
                false => good(finding),
                true => limits(
                    finding,
                    "without privileges, what happens in the kernel isn't counted, and above 2 nothing is",
                    Some("sudo sysctl kernel.perf_event_paranoid=1"),
                ),
            }
        });
        let watchdog = check("NMI watchdog", &self.counters.nmi_watchdog, |active| match active {
            false => good("off"),
            true => limits(
                "on",
                "it holds one hardware counter, so more of the others have to share",
                Some("sudo sysctl kernel.nmi_watchdog=0"),
            ),
        });
        [counters, permission, watchdog]
    }

    fn tool_checks(&self) -> [Check; 3] {
        let missing = |check: Check, meaning: &str, mend: &str| match check.verdict {
            Verdict::Unknown => {
                Check { verdict: Verdict::Limits, meaning: meaning.to_owned(), mend: Some(mend.to_owned()), ..check }
            }
            _ => check,
        };
        let engine = check("container engine", &self.tools.container_engine, |version| good(version.as_str()));
        let engine =
            missing(engine, "functions can't run in containers here", "sudo apt-get install docker.io, or podman");
        let targets = check("Rust targets", &self.tools.rust_targets, |installed| {
            let missing: Vec<&str> = RUST_TARGETS
                .into_iter()
                .filter(|target| !installed.iter().any(|installed| installed == target))
                .collect();
            match missing.is_empty() {
                true => good(RUST_TARGETS.join(", ")),
                false => limits(
                    format!("missing: {}", missing.join(", ")),
                    "functions can't be compiled anew for them",
                    Some("rustup target add wasm32-wasip2 x86_64-unknown-linux-musl"),
                ),
            }
        });
        let targets =
            missing(targets, "functions can't be compiled anew", "install Rust with rustup: https://rustup.rs");
        let valgrind = check("Valgrind", &self.tools.valgrind, |version| good(version.as_str()));
        let valgrind = missing(valgrind, "papi --simulate can't run", "sudo apt-get install valgrind");
        [engine, targets, valgrind]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::types::Known;
    use super::*;

    /// A machine on which nothing is known, so nothing is bad but the build.
    fn quiet() -> Environment {
        let root = tempfile::tempdir().unwrap();
        let mut environment = Environment::collect_below(root.path(), &Known::default());
        environment.build.debug_build = false;
        environment.cpu.logical = Fact::known(4);
        environment
    }

    #[test]
    fn a_machine_set_up_for_measuring_is_good_throughout() {
        let mut machine = quiet();
        machine.system.load_average = Fact::known((0.1, 0.1, 0.1));
        machine.system.transparent_huge_pages = Fact::known("madvise".into());
        machine.system.clock_source = Fact::known("tsc".into());
        machine.cpu.governors = Fact::known(vec!["performance".into()]);
        machine.cpu.boost = Fact::known(false);
        machine.cpu.smt_active = Fact::known(false);
        machine.virtualisation.virtual_machine = Fact::known(false);
        machine.virtualisation.container = Fact::known("none".into());
        machine.cgroup.version = Fact::known(CgroupVersion::V2);
        machine.cgroup.cpu_limit = Fact::known(Limit::Unlimited);
        machine.memory.swap_used_bytes = Fact::known(0);
        machine.memory.total_bytes = Fact::known(1000);
        machine.memory.available_bytes = Fact::known(900);
        machine.counters.usable_counters = Fact::known(4);
        machine.counters.perf_event_paranoid = Fact::known(1);
        machine.counters.nmi_watchdog = Fact::known(false);
        machine.tools.container_engine = Fact::known("Docker Engine 28".into());
        machine.tools.rust_targets = Fact::known(RUST_TARGETS.map(str::to_owned).to_vec());
        machine.tools.valgrind = Fact::known("valgrind-3.19".into());
        let bad: Vec<Check> = machine.checks().into_iter().filter(|check| check.verdict != Verdict::Good).collect();
        assert_eq!(bad, []);
        assert_eq!(machine.warnings(), Vec::<String>::new());
    }

    #[test]
    fn each_disturbance_has_its_sentence_and_what_mends_it() {
        type Change = fn(&mut Environment);
        let changes: [(&str, Change); 11] = [
            ("build: debug", |machine| machine.build.debug_build = true),
            ("load average 3.00 on 4", |machine| machine.system.load_average = Fact::known((3.0, 0.0, 0.0))),
            ("governor: powersave", |machine| machine.cpu.governors = Fact::known(vec!["powersave".into()])),
            ("(turbo): on", |machine| machine.cpu.boost = Fact::known(true)),
            ("(SMT): yes", |machine| machine.cpu.smt_active = Fact::known(true)),
            ("virtual machine", |machine| machine.virtualisation.virtual_machine = Fact::known(true)),
            ("0.5 of 4", |machine| machine.cgroup.cpu_limit = Fact::known(Limit::AtMost(0.5))),
            ("2 MiB in use", |machine| machine.memory.swap_used_bytes = Fact::known(2 << 20)),
            ("5 of 100 MiB", |machine| {
                machine.memory.total_bytes = Fact::known(100 << 20);
                machine.memory.available_bytes = Fact::known(5 << 20);
            }),
            ("huge pages: always", |machine| machine.system.transparent_huge_pages = Fact::known("always".into())),
            ("clock source: hpet", |machine| machine.system.clock_source = Fact::known("hpet".into())),
        ];
        for (expected, change) in changes {
            let mut machine = quiet();
            assert!(machine.warnings().is_empty());
            change(&mut machine);
            let warnings = machine.warnings();
            assert_eq!(warnings.len(), 1, "{expected}: {warnings:?}");
            assert!(warnings[0].contains(expected) && warnings[0].ends_with(')'), "{warnings:?}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_no_warning_but_has_its_remedy() {
        let mut machine = quiet();
        machine.counters.usable_counters = Fact::known(0);
        machine.counters.perf_event_paranoid = Fact::known(3);
        machine.tools.rust_targets = Fact::known(vec!["wasm32-wasip2".into()]);
        machine.tools.valgrind = Fact::absent("not there");
        assert!(machine.warnings().is_empty());
        let limits: Vec<Check> =
            machine.checks().into_iter().filter(|check| check.verdict == Verdict::Limits).collect();
        let names: Vec<&str> = limits.iter().map(|check| check.name.as_str()).collect();
        assert_eq!(names, ["hardware counters", "perf permission", "container engine", "Rust targets", "Valgrind"]);
        assert!(limits.iter().all(|check| check.mend.is_some() && !check.meaning.is_empty()));
    }
}
