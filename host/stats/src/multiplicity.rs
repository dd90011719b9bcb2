//! Corrections for many comparisons: with 100 of like with like, five would be called different at 95 %.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Confidence;

/// How the verdicts of a table are made to hold together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Correction {
    /// Each comparison stands alone: one in twenty of like with like is called different at 95 %.
    None,
    /// The chance of even one false call in the whole table is at most what the confidence leaves, whatever the
    /// comparisons have in common (Holm), and all intervals hold together (Bonferroni). For a verdict on a whole
    /// table, as in CI.
    #[default]
    FamilyWise,
    /// The share of false ones among the calls is, on average, at most what the confidence leaves (Benjamini and
    /// Hochberg), and so is the share of intervals of called differences that miss (Benjamini and Yekutieli). Sees
    /// more than [`Correction::FamilyWise`] where many differences are real. Of a table of like with like, it also
    /// calls any at all in at most 5 % of cases (at 95 %). It supposes comparisons that are independent or depend
    /// positively, such as those with one baseline.
    FalseDiscovery,
}

/// Holm's adjusted p-values, in the order given: those below `alpha` may be called together with a probability of at
/// most `alpha` of even one false call. The k-th least of m is multiplied by m - k + 1, and none is less than one
/// before it. S. Holm, Scandinavian Journal of Statistics 6 (1979).
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![0.0; p_values.len()];
    let mut greatest: f64 = 0.0;
    for (before, index) in ascending(p_values).into_iter().enumerate() {
        greatest = greatest.max(p_values[index] * (p_values.len() - before) as f64).min(1.0);
        adjusted[index] = greatest;
    }
    adjusted
}

/// Benjamini's and Hochberg's adjusted p-values, in the order given: of those below `q`, on average at most the
/// share `q` are false calls. The k-th least of m is multiplied by m / k, and none is greater than one after it.
/// Y. Benjamini and Y. Hochberg, Journal of the Royal Statistical Society B 57 (1995).
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![0.0; p_values.len()];
    let mut least: f64 = 1.0;
    for (before, index) in ascending(p_values).into_iter().enumerate().rev() {
        least = least.min(p_values[index] * p_values.len() as f64 / (before + 1) as f64);
        adjusted[index] = least;
    }
    adjusted
}

fn ascending(p_values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    order
}

impl Correction {
    /// The adjusted p-value of each comparison, and the confidence at which its interval is to be given, so that it
    /// excludes no difference exactly where the adjusted p-value is below what `confidence` leaves.
    pub(super) fn apply(self, p_values: &[f64], confidence: Confidence) -> Vec<(f64, Confidence)> {
        let error = 1.0 - confidence.get();
        let m = p_values.len() as f64;
        let at = |share: f64| if share < 1.0 { Confidence::leaving(error * share) } else { confidence };
        match self {
            Self::None => p_values.iter().map(|p_value| (*p_value, confidence)).collect(),
            Self::FamilyWise => {
                let bonferroni = error / m;
                let adjusted = holm(p_values);
                let mut steps = vec![0.0; p_values.len()];
                for (before, index) in ascending(p_values).into_iter().enumerate() {
                    steps[index] = 1.0 / (m - before as f64);
                }
                let interval = |index: usize, adjusted: f64| {
                    // Called by Holm's step alone: the step's own confidence, at which the interval excludes one.
                    let by_step = adjusted < error && p_values[index] >= bonferroni;
                    if by_step { at(steps[index]) } else { at(1.0 / m) }
                };
                adjusted.iter().enumerate().map(|(index, adjusted)| (*adjusted, interval(index, *adjusted))).collect()
            }
            Self::FalseDiscovery => {
                let adjusted = benjamini_hochberg(p_values);
                let called = adjusted.iter().filter(|adjusted| **adjusted < error).count().max(1);
                let interval = at(called as f64 / m);
                adjusted.into_iter().map(|adjusted| (adjusted, interval)).collect()
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(found: &[f64], expected: &[f64]) -> bool {
        found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12)
    }

    /// Holm: 4 x 0.005, 3 x 0.01, 2 x 0.03, and the greatest no less than that. The other: 4 x 0.005, 2 x 0.01, and
    /// 4/3 x 0.03 no more than 0.04.
    #[test]
    fn adjusted_values_are_those_found_by_hand() {
        let p_values = [0.01, 0.04, 0.03, 0.005];
        assert!(near(&holm(&p_values), &[0.03, 0.06, 0.06, 0.02]), "{:?}", holm(&p_values));
        assert!(near(&benjamini_hochberg(&p_values), &[0.02, 0.04, 0.04, 0.02]));
        assert!(holm(&[]).is_empty() && benjamini_hochberg(&[]).is_empty());
        assert_eq!((holm(&[0.3]), benjamini_hochberg(&[0.3])), (vec![0.3], vec![0.3]));
    }

    #[test]
    fn a_table_of_one_needs_no_correction() {
        for correction in [Correction::None, Correction::FamilyWise, Correction::FalseDiscovery] {
            assert_eq!(correction.apply(&[0.03], Confidence::NINETY_FIVE), [(0.03, Confidence::NINETY_FIVE)]);
        }
    }

    proptest! {
        #[test]
        fn corrections_only_raise_and_keep_the_order(p_values in prop::collection::vec(0.0..=1.0f64, 1..40)) {
            let (holm, hochberg) = (holm(&p_values), benjamini_hochberg(&p_values));
            for a in 0..p_values.len() {
                prop_assert!(p_values[a] <= hochberg[a] + 1e-15 && hochberg[a] <= holm[a] + 1e-15 && holm[a] <= 1.0);
                for b in 0..p_values.len() {
                    prop_assert!(p_values[a] > p_values[b] || (holm[a] <= holm[b] && hochberg[a] <= hochberg[b]));
                }
            }
        }

        #[test]
        fn a_call_and_its_interval_agree(p_values in prop::collection::vec(prop_oneof![0.0..0.06f64, 0.0..0.002f64], 1..60)) {
            for correction in [Correction::None, Correction::FamilyWise, Correction::FalseDiscovery] {
                for (p_value, (adjusted, at)) in p_values.iter().zip(correction.apply(&p_values, Confidence::NINETY_FIVE)) {
                    // An interval at a confidence excludes one where the p-value is below what that leaves.
                    prop_assert_eq!(adjusted < 1.0 - 0.95, *p_value < 1.0 - at.get(), "{} {} {:?}", p_value, adjusted, at);
                }
            }
        }
    }
}
