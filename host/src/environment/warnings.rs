//! What of a machine will disturb a measurement.

use super::types::{Environment, Limit};

/// Above this share of the processors, other work is in the way: with two processors, a load of 1.
const BUSY_SHARE: f64 = 0.5;
/// Below this share of memory, the kernel begins to reclaim.
const SCARCE_MEMORY_SHARE: f64 = 0.1;

impl Environment {
    /// One sentence for each thing that will disturb a measurement here, with what to do about it. Empty on a machine set
    /// up for measuring.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        [
            self.build
                .debug_build
                .then(|| "this is a debug build: its times mean nothing (build with --release)".to_owned()),
            self.busy(),
            self.frequency(),
            self.boost(),
            self.shared_cores(),
            self.virtual_machine(),
            self.limits(),
            self.memory_pressure(),
            self.clock(),
            self.counters(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn busy(&self) -> Option<String> {
        let (load, ..) = *self.system.load_average.get()?;
        let processors = f64::from(*self.cpu.logical.get()?);
        (load > processors * BUSY_SHARE).then(|| {
            format!("the load average is {load:.2} on {processors} processors: other work runs beside the measurement")
        })
    }

    fn frequency(&self) -> Option<String> {
        let governors = self.cpu.governors.get()?;
        governors.iter().any(|governor| governor != "performance").then(|| {
            format!(
                "the frequency governor is {}: the clock rate follows the load (`cpupower frequency-set -g performance`)",
                governors.join(", ")
            )
        })
    }

    fn boost(&self) -> Option<String> {
        self.cpu.boost.get()?.then(|| {
            "frequency boost is on: speed depends on temperature and on what the other cores do (/sys/devices/system/cpu/\
             cpufreq/boost or intel_pstate/no_turbo)"
                .to_owned()
        })
    }

    fn shared_cores(&self) -> Option<String> {
        self.cpu.smt_active.get()?.then(|| {
            "cores are shared by two threads (SMT): pin to a processor whose sibling is idle, or switch it off \
             (/sys/devices/system/cpu/smt/control)"
                .to_owned()
        })
    }

    fn virtual_machine(&self) -> Option<String> {
        self.virtualisation.virtual_machine.get()?.then(|| {
            let name = self.virtualisation.hypervisor.get().map_or("its hypervisor".to_owned(), Clone::clone);
            format!("this is a virtual machine ({name}): neighbours, and the cost of its page faults and traps, are in the figures")
        })
    }

    fn limits(&self) -> Option<String> {
        let Limit::AtMost(limit) = *self.cgroup.cpu_limit.get()? else { return None };
        let processors = f64::from(*self.cpu.logical.get()?);
        (limit < processors).then(|| {
            format!(
                "the control group allows {limit} of {processors} processors: work beyond it is held back (throttled)"
            )
        })
    }

    fn memory_pressure(&self) -> Option<String> {
        let swapped = self.memory.swap_used_bytes.get().copied().unwrap_or(0);
        if swapped > 0 {
            return Some(format!("{} MiB are in swap: touching them waits for a device", swapped >> 20));
        }
        let (total, available) = (*self.memory.total_bytes.get()?, *self.memory.available_bytes.get()?);
        ((available as f64) < total as f64 * SCARCE_MEMORY_SHARE).then(|| {
            format!(
                "{} of {} MiB of memory are available: the kernel may reclaim meanwhile",
                available >> 20,
                total >> 20
            )
        })
    }

    fn clock(&self) -> Option<String> {
        let source = self.system.clock_source.get()?;
        let slow = ["hpet", "acpi_pm", "jiffies", "refined-jiffies", "xen"].contains(&source.as_str());
        slow.then(|| format!("the clock source is {source}: reading the time is a system call of about a microsecond"))
    }

    fn counters(&self) -> Option<String> {
        (*self.counters.usable_counters.get()? == 0).then(|| {
            "no hardware counters work here: counts are of software events, or simulated where asked for".to_owned()
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::fact::Fact;
    use super::super::types::{Environment, Known, Limit};

    /// A machine on which nothing is known, so nothing is warned of but the build.
    fn quiet() -> Environment {
        let root = tempfile::tempdir().unwrap();
        let mut environment = Environment::collect_below(root.path(), &Known::default());
        environment.build.debug_build = false;
        environment.cpu.logical = Fact::known(4);
        environment
    }

    #[test]
    fn a_machine_set_up_for_measuring_has_no_warnings() {
        let mut machine = quiet();
        machine.system.load_average = Fact::known((0.1, 0.1, 0.1));
        machine.cpu.governors = Fact::known(vec!["performance".into()]);
        machine.cpu.boost = Fact::known(false);
        machine.cpu.smt_active = Fact::known(false);
        machine.virtualisation.virtual_machine = Fact::known(false);
        machine.cgroup.cpu_limit = Fact::known(Limit::Unlimited);
        machine.memory.swap_used_bytes = Fact::known(0);
        machine.memory.total_bytes = Fact::known(1000);
        machine.memory.available_bytes = Fact::known(900);
        machine.system.clock_source = Fact::known("tsc".into());
        machine.counters.usable_counters = Fact::known(4);
        assert_eq!(machine.warnings(), Vec::<String>::new());
    }

    #[test]
    fn each_disturbance_has_its_sentence() {
        type Change = fn(&mut Environment);
        let changes: [(&str, Change); 11] = [
            ("debug build", |machine| machine.build.debug_build = true),
            ("load average is 3.00", |machine| machine.system.load_average = Fact::known((3.0, 0.0, 0.0))),
            ("governor is powersave", |machine| machine.cpu.governors = Fact::known(vec!["powersave".into()])),
            ("boost is on", |machine| machine.cpu.boost = Fact::known(true)),
            ("SMT", |machine| machine.cpu.smt_active = Fact::known(true)),
            ("virtual machine", |machine| machine.virtualisation.virtual_machine = Fact::known(true)),
            ("allows 0.5 of 4", |machine| machine.cgroup.cpu_limit = Fact::known(Limit::AtMost(0.5))),
            ("2 MiB are in swap", |machine| machine.memory.swap_used_bytes = Fact::known(2 << 20)),
            ("are available", |machine| {
                machine.memory.total_bytes = Fact::known(100 << 20);
                machine.memory.available_bytes = Fact::known(5 << 20);
            }),
            ("clock source is hpet", |machine| machine.system.clock_source = Fact::known("hpet".into())),
            ("no hardware counters", |machine| machine.counters.usable_counters = Fact::known(0)),
        ];
        for (expected, change) in changes {
            let mut machine = quiet();
            assert!(machine.warnings().is_empty());
            change(&mut machine);
            let warnings = machine.warnings();
            assert_eq!(warnings.len(), 1, "{expected}: {warnings:?}");
            assert!(warnings[0].contains(expected), "{warnings:?}");
        }
    }
}
