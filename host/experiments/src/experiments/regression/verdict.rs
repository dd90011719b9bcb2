//! The comparison of both sides, and the verdict of all.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stats::{Bootstrap, Clusters, Comparison, Correction, Verdict as Difference, compare_many};

use super::super::tally::Tally;
use super::experiment::{Measured, Parameters};
use super::settings::Calls;
use crate::Outcome;

/// Whether the new side is slower than the old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The interval of the ratio of medians lies within the threshold: a change that matters is excluded.
    Unchanged,
    /// The new side's median is greater: the interval excludes "equal", and the ratio is beyond the threshold.
    Slower,
    /// The new side's median is less, likewise.
    Faster,
    /// Neither can be said: too little was measured, or a side failed.
    Undecided,
}

impl Verdict {
    /// An exit code for a pipeline: 0 for unchanged and faster, 3 for slower, 4 for undecided (1 and 2 are those of failures and of
    /// mistakes in the command line).
    pub fn exit_code(self) -> u8 {
        match self {
            Verdict::Unchanged | Verdict::Faster => 0,
            Verdict::Slower => 3,
            Verdict::Undecided => 4,
        }
    }

    pub(super) fn in_words(self) -> &'static str {
        match self {
            Verdict::Unchanged => "unchanged",
            Verdict::Slower => "slower",
            Verdict::Faster => "faster",
            Verdict::Undecided => "undecided",
        }
    }

    /// Of one comparison.
    fn of(comparison: &Comparison, threshold: f64) -> Verdict {
        let most = 1.0 + threshold;
        let Some(effect) = comparison.effect else {
            // Where the old median is zero there is no ratio; equal constants are equal all the same.
            let equal = comparison.verdict == (Difference::NoDifference { could_have_missed: 0.0 });
            return if equal { Verdict::Unchanged } else { Verdict::Undecided };
        };
        match (comparison.verdict, effect.interval) {
            (Difference::Increase { .. }, _) if effect.value > most => Verdict::Slower,
            (Difference::Decrease { .. }, _) if effect.value < 1.0 / most => Verdict::Faster,
            (Difference::Undecidable { .. }, _) | (_, None) => Verdict::Undecided,
            (_, Some(interval)) if interval.low >= 1.0 / most && interval.high <= most => Verdict::Unchanged,
            _ => Verdict::Undecided,
        }
    }
}

/// One side of a pair: its blocks, in their order.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    pub(super) blocks: Vec<(u32, Vec<f64>)>,
    pub(super) tally: Tally,
    pub(super) other: u64,
    pub(super) target: String,
    pub(super) words: String,
    pub(super) images: Vec<String>,
}

impl Blocks {
    pub(super) fn clusters(&self) -> Option<Clusters> {
        Clusters::new(self.blocks.iter().map(|(_, times)| times.clone()).collect()).ok()
    }
}

/// Both sides of what is compared.
#[derive(Debug, Default)]
pub(super) struct Pair {
    pub(super) old: Blocks,
    pub(super) new: Blocks,
    pub(super) threshold: f64,
    /// `None` where a side has nothing.
    pub(super) comparison: Option<Comparison>,
}

impl Pair {
    pub(super) fn verdict(&self) -> Verdict {
        self.comparison.as_ref().map_or(Verdict::Undecided, |comparison| Verdict::of(comparison, self.threshold))
    }
}

/// The pairs by what they compare: the target (`old against new` where there are two), and the function.
pub(super) fn pairs(outcomes: &[Outcome]) -> BTreeMap<(String, String), Pair> {
    let mut pairs: BTreeMap<(String, String), Pair> = BTreeMap::new();
    for outcome in outcomes {
        let unit = &outcome.unit;
        let (Ok(parameters), Ok(measured)) = (
            serde_json::from_value::<Parameters>(unit.parameters.clone()),
            serde_json::from_value::<Measured>(outcome.measured.clone()),
        ) else {
            continue;
        };
        // Sides on targets of their own are compared with each other, others on their target.
        let place = if parameters.side.target.is_some() { String::new() } else { unit.target.clone() };
        let pair = pairs.entry((place, format!("{}/{}", unit.function, unit.size))).or_default();
        pair.threshold = parameters.threshold;
        let side = if parameters.is_new { &mut pair.new } else { &mut pair.old };
        let times = measured.times_ns.iter().map(|ns| *ns as f64);
        match parameters.compare {
            Calls::Warm => side.blocks.push((unit.round, times.collect())),
            // Each cold call has an instance of its own.
            Calls::Cold => side.blocks.extend(times.map(|ns| (unit.round, vec![ns]))),
        }
        side.tally.add(&measured.tally);
        side.other += measured.other;
        side.target.clone_from(&unit.target);
        side.words = parameters.side.in_words();
        if !side.images.contains(&measured.image) {
            side.images.push(measured.image);
        }
    }
    for pair in pairs.values_mut() {
        for side in [&mut pair.old, &mut pair.new] {
            side.blocks.sort_by_key(|(round, _)| *round);
        }
    }
    compare(&mut pairs);
    pairs
}

/// Compares all, so that the verdicts hold together.
fn compare(pairs: &mut BTreeMap<(String, String), Pair>) {
    let clusters: Vec<(Clusters, Clusters)> =
        pairs.values().filter_map(|pair| Some((pair.old.clusters()?, pair.new.clusters()?))).collect();
    let sides: Vec<(&Clusters, &Clusters)> = clusters.iter().map(|(old, new)| (old, new)).collect();
    let mut comparisons = compare_many(&sides, Correction::FamilyWise, &Bootstrap::default()).into_iter();
    for pair in pairs.values_mut() {
        if pair.old.clusters().is_some() && pair.new.clusters().is_some() {
            pair.comparison = comparisons.next();
        }
    }
}

/// The verdict that follows from what the units of `regression` came to: slower when anything is, else undecided when anything is, else
/// faster when anything is. Pure.
pub fn verdict(outcomes: &[Outcome]) -> Verdict {
    let verdicts: Vec<Verdict> = pairs(outcomes).values().map(Pair::verdict).collect();
    let gravest = [Verdict::Slower, Verdict::Undecided, Verdict::Faster, Verdict::Unchanged];
    gravest.into_iter().find(|verdict| verdicts.contains(verdict)).unwrap_or(Verdict::Undecided)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{Estimate, Unit};

    /// Blocks of both sides with these times, the new side's multiplied.
    fn outcomes(blocks: u32, factor: f64, spread: f64) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for round in 0..blocks {
            for is_new in [false, true] {
                let times: Vec<u64> = (0..20)
                    .map(|call| {
                        let noise = f64::from((round * 7 + call * 13 + u32::from(is_new)) % 11) / 11.0;
                        ((1e6 + spread * 1e6 * noise) * if is_new { factor } else { 1.0 }) as u64
                    })
                    .collect();
                outcomes.push(Outcome {
                    unit: Unit {
                        experiment: "regression".into(),
                        target: "a".into(),
                        function: "f".into(),
                        size: "test".into(),
                        variant: if is_new { "b" } else { "a" }.into(),
                        round,
                        parameters: json!({"is_new": is_new, "side": {}, "threshold": 0.05, "calls": 20, "compare": "warm", "measure": "total"}),
                        estimate: Estimate::default(),
                    },
                    measured: json!({"times_ns": times, "other": 0, "tally": {"calls": 21, "failures": {}}, "image": "sha256:x"}),
                    cut: None,
                });
            }
        }
        outcomes
    }

    #[test]
    fn each_verdict_follows_from_what_was_measured() {
        assert_eq!(verdict(&outcomes(8, 1.0, 0.02)), Verdict::Unchanged);
        assert_eq!(verdict(&outcomes(8, 1.3, 0.02)), Verdict::Slower);
        assert_eq!(verdict(&outcomes(8, 0.7, 0.02)), Verdict::Faster);
        assert_eq!(verdict(&outcomes(2, 1.3, 0.02)), Verdict::Undecided);
        assert_eq!(verdict(&[]), Verdict::Undecided);
        // A difference that is certain and matters to nobody.
        assert_eq!(verdict(&outcomes(8, 1.02, 0.001)), Verdict::Unchanged);
    }

    #[test]
    fn a_side_that_failed_is_undecided_and_codes_tell() {
        let mut broken = outcomes(8, 1.0, 0.02);
        for outcome in broken.iter_mut().filter(|outcome| outcome.unit.variant == "b") {
            outcome.measured["times_ns"] = json!([]);
        }
        assert_eq!(verdict(&broken), Verdict::Undecided);
        let codes: Vec<u8> =
            [Verdict::Unchanged, Verdict::Faster, Verdict::Slower, Verdict::Undecided].map(Verdict::exit_code).into();
        assert_eq!(codes, [0, 0, 3, 4]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn exchanging_the_sides_exchanges_the_verdict(factor in 0.5f64..2.0) {
            let there = verdict(&outcomes(8, factor, 0.02));
            let back = verdict(&outcomes(8, 1.0 / factor, 0.02));
            let expected = match there { Verdict::Slower => Verdict::Faster, Verdict::Faster => Verdict::Slower, other => other };
            // Near the threshold rounding may tip one and not the other.
            prop_assume!((factor.ln().abs() - 1.05f64.ln()).abs() > 0.03);
            prop_assert_eq!(back, expected);
        }
    }
}
