//! The five sets of presets that SeBS's `papi` experiment uses.

use schemars::JsonSchema;
use serde::Serialize;

/// Events that are looked at together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EventSet {
    /// The name.
    pub name: &'static str,
    /// What it tells.
    pub meaning: &'static str,
    /// The presets, without `PAPI_`.
    pub presets: &'static [&'static str],
}

/// All sets, in SeBS's order.
pub const EVENT_SETS: &[EventSet] = &[
    EventSet { name: "inscount", meaning: "what kinds of instructions", presets: &["TOT_INS", "LST_INS", "BR_INS"] },
    EventSet { name: "sp", meaning: "single-precision arithmetic", presets: &["TOT_INS", "SP_OPS", "VEC_SP"] },
    EventSet { name: "dp", meaning: "double-precision arithmetic", presets: &["TOT_INS", "DP_OPS", "VEC_DP"] },
    EventSet {
        name: "cache",
        meaning: "misses of each level of cache",
        presets: &["TOT_INS", "L1_DCM", "L1_ICM", "L2_TCM", "L3_TCM"],
    },
    EventSet {
        name: "cycles",
        meaning: "where the cycles go",
        presets: &["TOT_CYC", "TOT_INS", "STL_ICY", "STL_CCY", "RES_STL"],
    },
];

/// A set by its name.
#[must_use]
pub fn event_set(name: &str) -> Option<&'static EventSet> {
    EVENT_SETS.iter().find(|set| set.name == name)
}

#[cfg(test)]
mod tests {
    use super::super::presets::find;
    use super::*;

    #[test]
    fn every_event_of_a_set_is_a_preset_and_instructions_are_in_each() {
        for set in EVENT_SETS {
            assert!(set.presets.iter().all(|preset| find(preset).is_some()));
            assert!(set.presets.contains(&"TOT_INS"));
        }
        assert_eq!(event_set("cache").map(|set| set.presets.len()), Some(5));
        assert!(event_set("none").is_none());
    }
}
