//! Ratios of counts. A ratio is made only of two counts of the same pass, or of two passes joined through their
//! instructions, and then its label says so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reading::{CounterValue, PassValues};

/// How the two halves of a ratio belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Joined {
    /// Counted at the same time.
    SamePass,
    /// Counted in two runs; each was divided by its own run's instructions first.
    ThroughInstructions,
}

/// A ratio of two counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Derived {
    /// Its short name, such as `ipc`.
    pub name: String,
    /// For people, with how it was joined.
    pub label: String,
    /// The ratio.
    pub value: f64,
    /// What was divided by what.
    pub formula: String,
    /// How the halves belong together.
    pub joined: Joined,
    /// Whether one half is an estimate because the counters were shared.
    pub multiplexed: bool,
}

/// Ratios that are made: name, label, numerators, denominators (the first of each that was counted), and a factor.
struct Ratio {
    name: &'static str,
    label: &'static str,
    above: &'static [&'static str],
    below: &'static [&'static str],
    factor: f64,
}

const INSTRUCTIONS: &[&str] = &["TOT_INS", "instructions"];
const CYCLES: &[&str] = &["TOT_CYC", "cycles"];
const BRANCHES: &[&str] = &["BR_INS", "branches"];

const fn per_thousand(name: &'static str, label: &'static str, above: &'static [&'static str]) -> Ratio {
    Ratio { name, label, above, below: INSTRUCTIONS, factor: 1000.0 }
}

const fn per_cycle(name: &'static str, label: &'static str, above: &'static [&'static str]) -> Ratio {
    Ratio { name, label, above, below: CYCLES, factor: 1.0 }
}

const RATIOS: &[Ratio] = &[
    per_cycle("ipc", "instructions per cycle", INSTRUCTIONS),
    per_cycle(
        "issue_stall_share",
        "share of cycles with no instruction issued",
        &["STL_ICY", "stalled-cycles-frontend"],
    ),
    per_cycle("completion_stall_share", "share of cycles with no instruction completed", &["STL_CCY"]),
    per_cycle("resource_stall_share", "share of cycles stalled on a resource", &["RES_STL", "stalled-cycles-backend"]),
    per_thousand(
        "l1_data_mpki",
        "level 1 data cache misses per 1,000 instructions",
        &["L1_DCM", "L1-dcache-load-misses"],
    ),
    per_thousand(
        "l1_instruction_mpki",
        "level 1 instruction cache misses per 1,000 instructions",
        &["L1_ICM", "L1-icache-load-misses"],
    ),
    per_thousand("l2_mpki", "level 2 cache misses per 1,000 instructions", &["L2_TCM", "L2_DCM"]),
    per_thousand("l3_mpki", "level 3 cache misses per 1,000 instructions", &["L3_TCM", "LLC-load-misses"]),
    per_thousand("cache_mpki", "cache misses (generic event) per 1,000 instructions", &["cache-misses"]),
    per_thousand("dtlb_mpki", "data TLB misses per 1,000 instructions", &["TLB_DM", "dTLB-load-misses"]),
    per_thousand("itlb_mpki", "instruction TLB misses per 1,000 instructions", &["TLB_IM", "iTLB-load-misses"]),
    per_thousand("branch_mpki", "mispredicted branches per 1,000 instructions", &["BR_MSP", "branch-misses"]),
    Ratio {
        name: "misprediction_rate",
        label: "share of branches mispredicted",
        above: &["BR_MSP", "branch-misses"],
        below: BRANCHES,
        factor: 1.0,
    },
    Ratio {
        name: "memory_instruction_share",
        label: "loads and stores per instruction",
        above: &["LST_INS"],
        below: INSTRUCTIONS,
        factor: 1.0,
    },
    Ratio {
        name: "branch_share",
        label: "branches per instruction",
        above: BRANCHES,
        below: INSTRUCTIONS,
        factor: 1.0,
    },
];

/// Every ratio that `passes` allow.
#[must_use]
pub fn derive(passes: &[PassValues]) -> Vec<Derived> {
    RATIOS.iter().filter_map(|ratio| ratio.of(passes)).collect()
}

/// The share of the wall time in which the thread was on a processor: `task-clock` over wall time, both in ns, of the same
/// run. Above 1 where several threads are counted. `None` for no wall time, or where `task-clock` wasn't counted.
#[must_use]
pub fn cpu_utilisation(values: &PassValues, wall_ns: u64) -> Option<Derived> {
    let clock = values.values.iter().find(|value| value.name == "task-clock")?;
    let counted = clock.value?;
    (wall_ns > 0).then(|| Derived {
        name: "cpu_utilisation".to_owned(),
        label: "share of the wall time on a processor".to_owned(),
        value: counted as f64 / wall_ns as f64,
        formula: "task-clock / wall".to_owned(),
        joined: Joined::SamePass,
        multiplexed: clock.multiplexed,
    })
}

/// A counted value with the instructions of its pass.
struct Found<'a> {
    value: &'a CounterValue,
    count: u64,
    instructions: Option<u64>,
}

fn all<'a>(passes: &'a [PassValues], names: &[&str]) -> Vec<Found<'a>> {
    let in_pass = |name: &str| {
        passes
            .iter()
            .filter_map(|pass| {
                let value = pass.values.iter().find(|value| value.name == name)?;
                Some(Found { value, count: value.value?, instructions: pass.instructions })
            })
            .collect::<Vec<_>>()
    };
    names.iter().map(|name| in_pass(name)).find(|found| !found.is_empty()).unwrap_or_default()
}

impl Ratio {
    fn of(&self, passes: &[PassValues]) -> Option<Derived> {
        let (above, below) = (all(passes, self.above), all(passes, self.below));
        let same = above
            .iter()
            .flat_map(|above| below.iter().map(move |below| (above, below)))
            .find(|(above, below)| above.value.pass == below.value.pass && below.count > 0);
        if let Some((above, below)) = same {
            return Some(self.derived(above, below, above.count as f64 / below.count as f64, Joined::SamePass));
        }
        let per_instruction = |found: &Found| {
            let instructions = found.instructions.filter(|instructions| *instructions > 0)?;
            Some(found.count as f64 / instructions as f64)
        };
        // Every hardware pass counts instructions, so a ratio to them needs no second pass.
        if self.below == INSTRUCTIONS {
            let above = above.first()?;
            let value = per_instruction(above)?;
            return Some(self.derived(above, above, value, Joined::SamePass));
        }
        let (above, below) = (above.first()?, below.first()?);
        let value = per_instruction(above)? / Some(per_instruction(below)?).filter(|share| *share > 0.0)?;
        Some(self.derived(above, below, value, Joined::ThroughInstructions))
    }

    fn derived(&self, above: &Found, below: &Found, value: f64, joined: Joined) -> Derived {
        let denominator = if std::ptr::eq(above, below) { "instructions" } else { below.value.name.as_str() };
        let factor = if self.factor == 1.0 { String::new() } else { format!("{} * ", self.factor) };
        Derived {
            name: self.name.to_owned(),
            label: match joined {
                Joined::SamePass => self.label.to_owned(),
                Joined::ThroughInstructions => format!("{} (two runs, joined through instructions)", self.label),
            },
            value: value * self.factor,
            formula: format!("{factor}{} / {denominator}", above.value.name),
            joined,
            multiplexed: above.value.multiplexed || below.value.multiplexed,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::code::Source;
    use super::*;

    fn pass(index: u32, instructions: Option<u64>, values: &[(&str, Option<u64>)]) -> PassValues {
        let values = values
            .iter()
            .map(|(name, value)| CounterValue {
                name: (*name).to_owned(),
                source: Source::Raw,
                code: "r1".into(),
                value: *value,
                unscaled: *value,
                absent_reason: None,
                time_enabled_ns: 1,
                time_running_ns: 1,
                multiplexed: false,
                pass: index,
                note: None,
            })
            .collect();
        PassValues { pass: index, instructions, values }
    }

    fn find<'a>(derived: &'a [Derived], name: &str) -> &'a Derived {
        derived.iter().find(|derived| derived.name == name).unwrap()
    }

    #[test]
    fn ratios_of_one_pass_are_direct() {
        let passes = [pass(0, Some(2000), &[("TOT_INS", Some(2000)), ("TOT_CYC", Some(1000)), ("L1_DCM", Some(30))])];
        let derived = derive(&passes);
        assert_eq!(find(&derived, "ipc").value, 2.0);
        assert_eq!(find(&derived, "ipc").joined, Joined::SamePass);
        assert_eq!(find(&derived, "l1_data_mpki").value, 15.0);
        assert_eq!(find(&derived, "l1_data_mpki").formula, "1000 * L1_DCM / TOT_INS");
        assert_eq!(derived.len(), 2);
    }

    #[test]
    fn two_passes_are_joined_through_instructions_and_say_so() {
        // The second run had twice the instructions, so its cycles count half.
        let passes = [pass(0, Some(1000), &[("STL_ICY", Some(100))]), pass(1, Some(2000), &[("TOT_CYC", Some(1000))])];
        let derived = derive(&passes);
        let stalls = find(&derived, "issue_stall_share");
        assert_eq!(stalls.value, 0.2);
        assert_eq!(stalls.joined, Joined::ThroughInstructions);
        assert!(stalls.label.contains("joined"));
    }

    #[test]
    fn misses_use_the_instructions_of_their_own_pass() {
        let derived = derive(&[pass(0, Some(4000), &[("BR_MSP", Some(8))])]);
        assert_eq!(find(&derived, "branch_mpki").value, 2.0);
        assert_eq!(find(&derived, "branch_mpki").formula, "1000 * BR_MSP / instructions");
    }

    #[test]
    fn a_half_that_is_missing_or_zero_makes_no_ratio() {
        assert!(derive(&[pass(0, None, &[("BR_MSP", Some(8)), ("BR_INS", Some(0))])]).is_empty());
        assert!(derive(&[pass(0, None, &[("TOT_INS", None), ("TOT_CYC", Some(5))])]).is_empty());
        let apart = [pass(0, None, &[("BR_MSP", Some(8))]), pass(1, None, &[("BR_INS", Some(9))])];
        assert!(derive(&apart).is_empty());
    }

    #[test]
    fn utilisation_is_of_the_same_run() {
        let values = pass(0, None, &[("task-clock", Some(500))]);
        assert_eq!(cpu_utilisation(&values, 1000).unwrap().value, 0.5);
        assert!(cpu_utilisation(&values, 0).is_none());
        assert!(cpu_utilisation(&pass(0, None, &[]), 10).is_none());
    }
}
