//! Whether values of one side tend to be greater than those of the other: the Mann-Whitney U test and its effect sizes.
//!
//! H. B. Mann and D. R. Whitney, Annals of Mathematical Statistics 18 (1947). Ties take mean ranks; the normal
//! approximation has the correction for ties and for continuity of E. L. Lehmann, "Nonparametrics" (1975), 1.4.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use super::Clusters;

/// Up to this size of either side, and without ties, the exact distribution is used: its counts stay below 2^38.
const EXACT: usize = 20;

/// What the test of ranks compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RankedUnit {
    /// The median of each process: repetitions within one are not independent.
    ProcessMedians,
    /// Single values, each from a process of its own.
    Values,
    /// Single values of one process on either side: what differs from process to process was not seen, and the
    /// p-value is too small by an unknown amount.
    ValuesWithinOneProcess,
}

/// The Mann-Whitney test of two sides.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MannWhitney {
    /// In how many pairs of units the new side's is greater; an equal pair counts half.
    pub u: f64,
    /// Two-sided: the probability of a U at least as far from its middle if both sides had one distribution. With few
    /// units it can't be small: at least 0.1 for three against three.
    pub p_value: f64,
    /// Whether the p-value is from the exact distribution, else from the normal approximation.
    pub exact: bool,
    /// What was ranked.
    pub unit: RankedUnit,
    /// How often a single value of the new side exceeds one of the baseline, a share of 1, ties counted half: the
    /// common-language effect size of K. O. McGraw and S. P. Wong, Psychological Bulletin 111 (1992). It is over all
    /// values, whatever was ranked for the test.
    pub common_language: f64,
    /// The same from -1 to 1: N. Cliff, Psychological Bulletin 114 (1993). 0 where neither side tends to be greater.
    pub cliffs_delta: f64,
}

/// Tests whether the new side's values tend to be greater or less than the baseline's, over the processes' medians
/// where there are several processes with repetitions.
pub fn mann_whitney(baseline: &Clusters, new: &Clusters) -> MannWhitney {
    let all = pairs(baseline.pooled().sorted(), new.pooled().sorted());
    let (ranked, unit) = if baseline.is_independent() && new.is_independent() {
        (all, RankedUnit::Values)
    } else if baseline.processes().max(new.processes()) == 1 {
        (all, RankedUnit::ValuesWithinOneProcess)
    } else {
        let [baseline, new] = [baseline, new].map(|side| {
            let mut medians = side.medians();
            medians.sort_unstable_by(f64::total_cmp);
            medians
        });
        (pairs(&baseline, &new), RankedUnit::ProcessMedians)
    };
    let (p_value, exact) = ranked.p_value();
    let common_language = all.u / all.count();
    let cliffs_delta = 2.0 * common_language - 1.0;
    MannWhitney { u: ranked.u, p_value, exact, unit, common_language, cliffs_delta }
}

/// What the test needs to know of its units.
#[derive(Debug, Clone, Copy)]
struct Pairs {
    baseline: usize,
    new: usize,
    u: f64,
    /// The sum of t^3 - t over groups of t equal values.
    ties: f64,
}

/// Goes through both sides, each in ascending order, at once.
fn pairs(baseline: &[f64], new: &[f64]) -> Pairs {
    let (mut u, mut ties) = (0.0, 0.0);
    let (mut low, mut high) = (0, 0);
    while low < baseline.len() || high < new.len() {
        let value = match (baseline.get(low), new.get(high)) {
            (Some(a), Some(b)) => a.min(*b),
            (Some(value), None) | (None, Some(value)) => *value,
            (None, None) => break,
        };
        let equal = |values: &[f64]| values.iter().take_while(|other| **other == value).count();
        let (in_baseline, in_new) = (equal(&baseline[low..]), equal(&new[high..]));
        u += in_new as f64 * (low as f64 + in_baseline as f64 / 2.0);
        let together = (in_baseline + in_new) as f64;
        ties += together.powi(3) - together;
        low += in_baseline;
        high += in_new;
    }
    Pairs { baseline: baseline.len(), new: new.len(), u, ties }
}

impl Pairs {
    fn count(&self) -> f64 {
        self.baseline as f64 * self.new as f64
    }

    /// The two-sided p-value, and whether it is exact.
    fn p_value(&self) -> (f64, bool) {
        if self.ties == 0.0 && self.baseline.max(self.new) <= EXACT {
            return (self.exact(), true);
        }
        let n = (self.baseline + self.new) as f64;
        let variance = self.count() / 12.0 * (n + 1.0 - self.ties / (n * (n - 1.0)));
        if variance <= 0.0 {
            return (1.0, false);
        }
        let distance = ((self.u - self.count() / 2.0).abs() - 0.5).max(0.0);
        ((2.0 * Normal::standard().cdf(-distance / variance.sqrt())).min(1.0), false)
    }

    fn exact(&self) -> f64 {
        let counts = counts_of_u(self.baseline, self.new);
        let less = self.u.min(self.count() - self.u) as usize;
        let all: i64 = counts.iter().sum();
        let tail: i64 = counts[..=less].iter().sum();
        (2.0 * tail as f64 / all as f64).min(1.0)
    }
}

/// In how many orders of the values U is 0, 1, ...: the coefficients of the Gaussian binomial, which is the product
/// of (1 - q^(n+i)) / (1 - q^i) for i in 1..=m.
fn counts_of_u(m: usize, n: usize) -> Vec<i64> {
    let mut counts = vec![0i64; m * n + 1];
    counts[0] = 1;
    for i in 1..=m {
        for power in (n + i..counts.len()).rev() {
            counts[power] -= counts[power - n - i];
        }
        for power in i..counts.len() {
            counts[power] += counts[power - i];
        }
    }
    counts
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(values: &[f64]) -> Clusters {
        Clusters::new(values.iter().map(|value| vec![*value]).collect()).unwrap()
    }

    #[test]
    fn the_counts_of_u_are_those_of_the_tables() {
        assert_eq!(counts_of_u(3, 3), [1, 1, 2, 3, 3, 3, 3, 2, 1, 1]);
        assert_eq!(counts_of_u(20, 20).iter().sum::<i64>(), 137_846_528_820);
    }

    /// Exact: 24 of 126 orders. With ties: three 2s and two 5s, so a variance of 30 / 12 (12 - 30 / 110) = 29.318 and a
    /// distance of 25.5 - 15 - 0.5 = 10, or 1.8469 standard deviations.
    #[test]
    fn p_values_are_those_found_by_hand() {
        let plain = mann_whitney(&values(&[1.1, 2.2, 3.3, 4.4]), &values(&[0.5, 5.0, 6.0, 7.0, 8.0]));
        assert_eq!((plain.u, plain.exact, plain.unit), (16.0, true, RankedUnit::Values));
        assert!((plain.p_value - 0.190_476_19).abs() < 1e-8, "{plain:?}");
        let ties = mann_whitney(&values(&[1.0, 2.0, 2.0, 3.0, 5.0]), &values(&[2.0, 4.0, 5.0, 6.0, 7.0, 8.0]));
        assert_eq!((ties.u, ties.exact), (25.5, false));
        assert!((ties.p_value - 0.064_77).abs() < 1e-5, "{ties:?}");
    }

    #[test]
    fn repetitions_are_not_taken_for_independent() {
        let side = |offset: f64| {
            Clusters::new(
                (0..3).map(|process| (0..50).map(|step| offset + f64::from(process * 100 + step)).collect()).collect(),
            )
        };
        let found = mann_whitney(&side(0.0).unwrap(), &side(1_000.0).unwrap());
        assert_eq!((found.unit, found.u, found.cliffs_delta), (RankedUnit::ProcessMedians, 9.0, 1.0));
        assert!((found.p_value - 0.1).abs() < 1e-12);
        let one = Clusters::new(vec![vec![1.0, 2.0, 3.0]]).unwrap();
        assert_eq!(mann_whitney(&one, &one).unit, RankedUnit::ValuesWithinOneProcess);
        assert_eq!(mann_whitney(&one, &side(0.0).unwrap()).unit, RankedUnit::ProcessMedians);
    }

    #[test]
    fn all_equal_is_no_difference() {
        let equal = mann_whitney(&values(&[0.0; 30]), &values(&[0.0; 3]));
        assert_eq!((equal.p_value, equal.common_language, equal.cliffs_delta), (1.0, 0.5, 0.0));
    }

    proptest! {
        #[test]
        fn ranks_alone_count_and_sides_mirror(
            a in prop::collection::vec(0u8..40, 1..30),
            b in prop::collection::vec(0u8..40, 1..30),
        ) {
            let as_values = |side: &[u8], map: fn(f64) -> f64| values(&side.iter().map(|value| map(f64::from(*value))).collect::<Vec<_>>());
            let plain = mann_whitney(&as_values(&a, |value| value), &as_values(&b, |value| value));
            let bent = mann_whitney(&as_values(&a, |value| value.powi(3) - 5.0), &as_values(&b, |value| value.powi(3) - 5.0));
            prop_assert_eq!(plain, bent);
            let swapped = mann_whitney(&as_values(&b, |value| value), &as_values(&a, |value| value));
            prop_assert!((plain.p_value - swapped.p_value).abs() < 1e-12 && plain.cliffs_delta + swapped.cliffs_delta < 1e-12);
            let brute: f64 = a.iter().flat_map(|a| b.iter().map(move |b| if b > a { 1.0 } else if a == b { 0.5 } else { 0.0 })).sum();
            prop_assert_eq!(plain.u, brute);
            prop_assert!((0.0..=1.0).contains(&plain.p_value));
        }

        #[test]
        fn the_approximation_is_near_the_exact_one(u in 0usize..=400) {
            let pairs = Pairs { baseline: 20, new: 20, u: u as f64, ties: 0.0 };
            let approximate = Pairs { ties: 1e-9, ..pairs };
            prop_assert!((pairs.p_value().0 - approximate.p_value().0).abs() < 0.01);
        }
    }
}
