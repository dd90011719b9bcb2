//! Two sides compared: how large the difference is, whether there is one, and what could have been missed.
//!
//! The verdict follows from the interval of the ratio of medians: there is a difference when it excludes 1. Like with
//! like is therefore called different as often as such an interval misses, which was simulated (see the tests of this
//! folder): at most 5 % of comparisons at 95 %, from 2 to 16 processes a side. The p-value is that of the same
//! interval; the Mann-Whitney test beside it asks another question, whether one side's values tend to be greater, and
//! has no part in the verdict: with three processes a side it can't fall below 0.1.
//!
//! A difference in fewer than six processes in all (three on each side, or two and four) isn't called (at 95 %): where each process runs in one of two modes,
//! chance alone gives two against two the same difference in one case of eight.
//!
//! With one process a side there is no verdict. Repetitions within one show how precise its median is, not whether
//! another process of the same program would differ as much.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clustered_ratio::{RatioOfMedians, chance_of_modes, processes_for_a_call};
use super::{
    Bootstrap, Clusters, Confidence, Correction, Estimate, Interval, MannWhitney, Undecidable,
    clustered_ratio_of_medians, mann_whitney,
};

/// What a comparison says. Ratios are the new side over the baseline: 1.5 is half as much again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// The new side's median is greater.
    Increase {
        /// Lower end of the ratio, at least 1.
        low: f64,
        /// Upper end of the ratio.
        high: f64,
    },
    /// The new side's median is less.
    Decrease {
        /// Lower end of the ratio.
        low: f64,
        /// Upper end of the ratio, at most 1.
        high: f64,
    },
    /// No difference was found.
    NoDifference {
        /// The largest relative difference, up or down, that the interval doesn't exclude: 0.015 for "no difference
        /// larger than 1.5 % could have been missed".
        could_have_missed: f64,
    },
    /// Nothing can be said.
    Undecidable {
        /// Why.
        reason: Undecidable,
    },
}

/// Two sides compared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The new side's median over the baseline's. Its interval is the one that the verdict rests on, at the confidence
    /// that the table's correction asks for (in [`Interval::confidence`]); a side of one process has an interval too,
    /// marked as such, and no verdict. None when the baseline's median is zero.
    pub effect: Option<Estimate>,
    /// The probability of a ratio at least as far from 1 if the medians were equal, of this comparison alone. None
    /// where nothing can be said.
    pub p_value: Option<f64>,
    /// The same corrected for the number of comparisons: there is a difference where it is below what the confidence
    /// leaves.
    pub adjusted_p_value: Option<f64>,
    /// Whether the new side's values tend to be greater, and how much so.
    pub ranks: MannWhitney,
    /// What all of this says.
    pub verdict: Verdict,
}

/// Compares one new side with its baseline.
pub fn compare(baseline: &Clusters, new: &Clusters, bootstrap: &Bootstrap) -> Comparison {
    let ratio = ratio(baseline, new, bootstrap);
    let adjusted = ratio.as_ref().ok().map(|ratio| (ratio.p_value, bootstrap.confidence));
    judge(baseline, new, &ratio, adjusted, bootstrap)
}

/// Compares each pair of (baseline, new), so that the verdicts of the whole table hold together in the way that
/// `correction` names. Comparisons that nothing can be said of don't count as such.
pub fn compare_many(
    pairs: &[(&Clusters, &Clusters)],
    correction: Correction,
    bootstrap: &Bootstrap,
) -> Vec<Comparison> {
    let ratios: Vec<_> = pairs.iter().map(|(baseline, new)| ratio(baseline, new, bootstrap)).collect();
    let p_values: Vec<f64> = ratios.iter().flatten().map(|ratio| ratio.p_value).collect();
    let mut adjusted = correction.apply(&p_values, bootstrap.confidence).into_iter();
    let judged = pairs.iter().zip(&ratios).map(|((baseline, new), ratio)| {
        let adjusted = if ratio.is_ok() { adjusted.next() } else { None };
        judge(baseline, new, ratio, adjusted, bootstrap)
    });
    judged.collect()
}

/// A ratio that a verdict may rest on.
struct Judged {
    ratio: RatioOfMedians,
    p_value: f64,
    /// Where there are too few processes for a call: how many each side needs.
    needed: Option<usize>,
}

fn ratio(baseline: &Clusters, new: &Clusters, bootstrap: &Bootstrap) -> Result<Judged, Undecidable> {
    if baseline.processes().min(new.processes()) == 1 {
        return Err(Undecidable::OneProcess);
    }
    let ratio = RatioOfMedians::new(new, baseline, bootstrap)?;
    let chance = chance_of_modes((baseline.processes(), new.processes()));
    let too_few = chance >= 1.0 - bootstrap.confidence.get();
    let p_value = if too_few { ratio.p_value().max(chance) } else { ratio.p_value() };
    Ok(Judged { ratio, p_value, needed: too_few.then(|| processes_for_a_call(bootstrap.confidence)) })
}

fn judge(
    baseline: &Clusters,
    new: &Clusters,
    judged: &Result<Judged, Undecidable>,
    adjusted: Option<(f64, Confidence)>,
    bootstrap: &Bootstrap,
) -> Comparison {
    let ranks = mann_whitney(baseline, new);
    match (judged, adjusted) {
        (Ok(judged), Some((adjusted, confidence))) => {
            let interval = judged.ratio.interval(confidence);
            let effect = Some(Estimate {
                value: judged.ratio.value(),
                interval: interval.ok(),
                samples: baseline.pooled().len() + new.pooled().len(),
                processes: Some(baseline.processes() + new.processes()),
            });
            let decided = interval.is_ok();
            let verdict = match (interval.map(Verdict::of), judged.needed) {
                (Ok(verdict), Some(needed)) if verdict.is_difference() => {
                    Verdict::Undecidable { reason: Undecidable::TooFewProcesses { needed } }
                }
                (Ok(verdict), _) => verdict,
                (Err(reason), _) => Verdict::Undecidable { reason },
            };
            Comparison {
                effect,
                p_value: decided.then_some(judged.p_value),
                adjusted_p_value: decided.then_some(adjusted),
                ranks,
                verdict,
            }
        }
        (Err(reason), _) if !are_the_same_constant(baseline, new) => Comparison {
            effect: clustered_ratio_of_medians(new, baseline, bootstrap),
            p_value: None,
            adjusted_p_value: None,
            ranks,
            verdict: Verdict::Undecidable { reason: *reason },
        },
        _ => Comparison {
            effect: clustered_ratio_of_medians(new, baseline, bootstrap),
            p_value: None,
            adjusted_p_value: None,
            ranks,
            verdict: Verdict::NoDifference { could_have_missed: 0.0 },
        },
    }
}

/// Zero bytes here and zero bytes there: no ratio, and yet no difference.
fn are_the_same_constant(baseline: &Clusters, new: &Clusters) -> bool {
    let constant = |side: &Clusters| side.pooled().min() == side.pooled().max() && side.processes() > 1;
    constant(baseline) && constant(new) && baseline.pooled().min() == new.pooled().min()
}

impl Verdict {
    fn of(interval: Interval) -> Self {
        let Interval { low, high, .. } = interval;
        if low > 1.0 {
            Self::Increase { low, high }
        } else if high < 1.0 {
            Self::Decrease { low, high }
        } else {
            Self::NoDifference { could_have_missed: (high - 1.0).max(1.0 - low) }
        }
    }

    /// Whether this is an increase or a decrease.
    pub fn is_difference(&self) -> bool {
        matches!(self, Self::Increase { .. } | Self::Decrease { .. })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::Method;
    use super::*;

    fn side(processes: usize, base: f64) -> Clusters {
        let repetitions = |process: usize| {
            (0..10).map(|step| base * (1.0 + 0.002 * ((process * 7 + step * 3) % 11) as f64)).collect()
        };
        Clusters::new((0..processes).map(repetitions).collect()).unwrap()
    }

    fn verdict(baseline: &Clusters, new: &Clusters) -> Verdict {
        compare(baseline, new, &Bootstrap::default()).verdict
    }

    #[test]
    fn a_difference_is_called_with_its_direction_and_size() {
        for processes in [3, 7, 8, 16] {
            let (base, more) = (side(processes, 100.0), side(processes, 135.0));
            let Verdict::Increase { low, high } = verdict(&base, &more) else { panic!("{processes}") };
            assert!(1.3 < low && low < 1.350_1 && 1.349_9 < high && high < 1.4, "{processes}: {low} {high}");
            let Verdict::Decrease { low, high } = verdict(&more, &base) else { panic!("{processes}") };
            assert!(0.71 < low && low < 0.740_8 && 0.740_7 < high && high < 0.77, "{processes}: {low} {high}");
        }
    }

    #[test]
    fn no_difference_says_what_could_have_been_missed() {
        let Verdict::NoDifference { could_have_missed } = verdict(&side(8, 100.0), &side(8, 100.0)) else { panic!() };
        assert!(could_have_missed > 0.0 && could_have_missed < 0.02, "{could_have_missed}");
        let few = verdict(&side(2, 100.0), &side(2, 100.0));
        assert!(
            matches!(few, Verdict::NoDifference { could_have_missed: more } if more > could_have_missed),
            "{few:?}"
        );
    }

    #[test]
    fn one_process_gives_an_interval_and_no_verdict() {
        let found = compare(&side(1, 100.0), &side(1, 200.0), &Bootstrap::default());
        assert_eq!(found.verdict, Verdict::Undecidable { reason: Undecidable::OneProcess });
        assert_eq!(found.effect.unwrap().interval.unwrap().method, Method::WithinOneProcess);
        assert_eq!((found.p_value, found.adjusted_p_value), (None, None));
        let mixed = verdict(&side(1, 100.0), &side(5, 200.0));
        assert_eq!(mixed, Verdict::Undecidable { reason: Undecidable::OneProcess });
    }

    #[test]
    fn zeros_and_negative_values_have_a_clear_answer() {
        let constant = |processes, value| Clusters::new(vec![vec![value; 3]; processes]).unwrap();
        assert_eq!(verdict(&constant(4, 0.0), &constant(4, 0.0)), Verdict::NoDifference { could_have_missed: 0.0 });
        let reason = |baseline, new| match verdict(&baseline, &new) {
            Verdict::Undecidable { reason } => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(reason(constant(4, 0.0), constant(4, 1.0)), Undecidable::ZeroBaseline);
        assert_eq!(reason(constant(4, 1.0), constant(4, 0.0)), Undecidable::NotPositive);
        assert_eq!(reason(constant(9, -1.0), constant(9, -2.0)), Undecidable::NotPositive);
        assert_eq!(verdict(&constant(2, 5.0), &constant(2, 5.0)), Verdict::NoDifference { could_have_missed: 0.0 });
        assert!(matches!(reason(constant(2, 5.0), constant(2, 6.0)), Undecidable::TooFewProcesses { needed: 3 }));
        assert_eq!(reason(side(2, 100.0), side(3, 300.0)), Undecidable::TooFewProcesses { needed: 3 });
        assert!(verdict(&constant(3, 5.0), &constant(3, 6.0)).is_difference());
    }

    #[test]
    fn a_table_asks_for_more_than_a_single_comparison() {
        let sides: Vec<(Clusters, Clusters)> = (0..40).map(|_| (side(4, 100.0), side(4, 100.9))).collect();
        let pairs: Vec<_> = sides.iter().map(|(baseline, new)| (baseline, new)).collect();
        let width = |correction| {
            let found = compare_many(&pairs, correction, &Bootstrap::default());
            let interval = found[0].effect.unwrap().interval.unwrap();
            (interval.high - interval.low, found[0].adjusted_p_value.unwrap(), found[0].p_value.unwrap())
        };
        let (alone, together) = (width(Correction::None), width(Correction::FamilyWise));
        assert!(together.0 > 1.5 * alone.0, "{together:?} {alone:?}");
        assert_eq!(alone.1, alone.2);
        assert!((together.1 - (40.0 * together.2).min(1.0)).abs() < 1e-12, "{together:?}");
    }

    #[test]
    fn a_comparison_survives_json() {
        for (processes, again) in [(3, true), (1, false)] {
            let found = compare(&side(processes, 1.0), &side(3, 2.0), &Bootstrap::default());
            let text = serde_json::to_string(&found).unwrap();
            let read: Comparison = serde_json::from_str(&text).unwrap();
            assert_eq!((read.ranks.unit, read.verdict.is_difference()), (found.ranks.unit, again), "{text}");
        }
    }
}
