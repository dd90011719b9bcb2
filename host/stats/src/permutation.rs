//! Permutation tests of values in an order: how often would chance alone order them so?

use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::{Confidence, Sample};

/// How to permute. The same settings and the same values always give the same answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Permutations {
    /// How many orders are drawn, at least 99; the p-value is no less than one over this number.
    pub count: usize,
    /// Seed of the generator.
    pub seed: u64,
    /// One minus the probability of a false alarm of each test.
    pub confidence: Confidence,
}

impl Default for Permutations {
    /// 499 orders at 95 %, from a fixed seed.
    fn default() -> Self {
        Self { count: 499, seed: 0, confidence: Confidence::NINETY_FIVE }
    }
}

impl Permutations {
    /// Whether a p-value is small enough to speak of.
    pub(super) fn is_small(&self, p_value: f64) -> bool {
        p_value <= 1.0 - self.confidence.get() + f64::EPSILON
    }

    /// The share of orders whose statistic is at least that of the given one, which counts as one of them: M. Dwass,
    /// Annals of Mathematical Statistics 28 (1957). Where it is clear that the p-value isn't small, drawing ends:
    /// J. Besag and P. Clifford, Biometrika 78 (1991).
    pub(super) fn p_value(&self, values: &[f64], statistic: impl Fn(&[f64]) -> f64) -> f64 {
        let observed = statistic(values);
        let count = self.count.max(99);
        let enough = ((1.0 - self.confidence.get()) * (count + 1) as f64).ceil() as usize + 1;
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut order = values.to_vec();
        let mut at_least = 0;
        for drawn in 1..=count {
            order.shuffle(&mut random);
            // A sum in another order may differ in its last digits.
            if statistic(&order) >= observed * (1.0 - 1e-12) {
                at_least += 1;
            }
            if at_least >= enough {
                return at_least as f64 / drawn as f64;
            }
        }
        (at_least + 1) as f64 / (count + 1) as f64
    }
}

/// Values with what lies far off drawn in to three standard deviations, estimated by the MAD, so that a lonely one
/// can't make a pattern: C. P. Winsor's device; J. W. Tukey, Annals of Mathematical Statistics 33 (1962). Where more
/// than half are equal, and the MAD is zero, they are left as they are.
pub(super) fn winsorised(values: &[f64], sample: &Sample) -> Vec<f64> {
    let (median, reach) = (sample.median(), 3.0 * 1.4826 * sample.median_absolute_deviation());
    let (low, high) = (median - reach, median + reach);
    if reach > 0.0 { values.iter().map(|value| value.clamp(low, high)).collect() } else { values.to_vec() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn p_values_are_the_share_of_orders_at_least_as_extreme() {
        let values: Vec<f64> = (0..5).map(f64::from).collect();
        // That the greatest comes first happens in one order of five.
        let p_value = Permutations { count: 4_000, ..Permutations::default() }
            .p_value(&[4.0, 0.0, 1.0, 2.0, 3.0], |order| order[0]);
        assert!((p_value - 0.2).abs() < 0.06, "{p_value}");
        assert_eq!(Permutations::default().p_value(&values, |_| 1.0), 1.0);
        // A statistic that only the given order reaches.
        let values: Vec<f64> = (0..12).map(f64::from).collect();
        let sorted = |order: &[f64]| f64::from(u8::from(order.is_sorted()));
        assert_eq!(Permutations::default().p_value(&values, sorted), 1.0 / 500.0);
    }

    #[test]
    fn a_lonely_value_is_drawn_in() {
        let values = [1.0, 2.0, 3.0, 4.0, 1e9];
        let drawn_in = winsorised(&values, &Sample::new(values.to_vec()).unwrap());
        assert_eq!(drawn_in[..4], values[..4]);
        assert!(drawn_in[4] < 10.0, "{drawn_in:?}");
    }
}
