//! The bootstrap's settings and its two ways to draw a median.

use rand::{Rng, SeedableRng, rngs::StdRng};
use rand_distr::{Beta, Distribution};

use super::{Confidence, Sample};

/// How to bootstrap. The same settings and the same samples always give the same interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// How many resamples are drawn, at least 200.
    pub resamples: usize,
    /// Seed of the generator.
    pub seed: u64,
    /// The confidence wanted.
    pub confidence: Confidence,
}

impl Default for Bootstrap {
    /// 2,000 resamples at 95 %, from a fixed seed.
    fn default() -> Self {
        Self { resamples: 2_000, seed: 0, confidence: Confidence::NINETY_FIVE }
    }
}

impl Bootstrap {
    /// Draws the statistic again and again; the ends of its middle part that leaves `tail` at either side. None when
    /// a resample gave no finite value.
    pub(super) fn ends(&self, count: usize, tail: f64, mut draw: impl FnMut(&mut StdRng) -> f64) -> Option<(f64, f64)> {
        let mut random = StdRng::seed_from_u64(self.seed);
        let statistics = (0..count.max(200)).map(|_| draw(&mut random)).collect();
        let statistics = Sample::new(statistics).ok()?;
        Some((statistics.quantile(tail), statistics.quantile(1.0 - tail)))
    }
}

/// Draws what the median of a resample with replacement would be, without making the resample: in constant time and
/// from exactly its distribution.
///
/// A resample is `x(ceil(n U))` for n uniform U, and rises with U, so its m-th order statistic is that of U(m), which
/// is beta(m, n-m+1); given U(m), the n-m greater ones are uniform above it and U(m+1) is their least.
/// L. Devroye, "Non-Uniform Random Variate Generation" (1986), V.3; B. Efron, SIAM Monograph 38 (1982), 10.
pub(super) struct MedianOfResample<'a> {
    sorted: &'a [f64],
    middle: Beta<f64>,
}

impl<'a> MedianOfResample<'a> {
    /// None only if the distribution can't be made, which no sample's size brings about.
    pub(super) fn new(sample: &'a Sample) -> Option<Self> {
        let n = sample.len();
        let rank = n.div_ceil(2);
        let middle = Beta::new(rank as f64, (n - rank + 1) as f64).ok()?;
        Some(Self { sorted: sample.sorted(), middle })
    }

    pub(super) fn draw(&self, random: &mut impl Rng) -> f64 {
        let n = self.sorted.len();
        let middle = self.middle.sample(random);
        let low = self.at(middle);
        if n % 2 == 1 {
            return low;
        }
        let greater = (n - n / 2) as f64;
        let next = middle + (1.0 - middle) * (1.0 - random.random::<f64>().powf(1.0 / greater));
        low + (self.at(next) - low) / 2.0
    }

    fn at(&self, uniform: f64) -> f64 {
        let n = self.sorted.len();
        self.sorted[((uniform * n as f64).ceil() as usize).clamp(1, n) - 1]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::sample::median_in_place;
    use super::*;

    /// The share of draws at or below each value, the quick way and the plain way.
    #[test]
    fn the_quick_draw_has_the_distribution_of_real_resamples() {
        for n in [5usize, 6, 31] {
            let sample = Sample::new((0..n).map(|index| index as f64).collect()).unwrap();
            let quick = MedianOfResample::new(&sample).unwrap();
            let mut random = StdRng::seed_from_u64(11);
            let draws = 20_000;
            let mut quick_draws: Vec<f64> = (0..draws).map(|_| quick.draw(&mut random)).collect();
            let mut plain_draws: Vec<f64> = (0..draws)
                .map(|_| {
                    let mut resample: Vec<f64> = (0..n).map(|_| sample.sorted()[random.random_range(0..n)]).collect();
                    median_in_place(&mut resample)
                })
                .collect();
            quick_draws.sort_unstable_by(f64::total_cmp);
            plain_draws.sort_unstable_by(f64::total_cmp);
            for value in (0..2 * n).map(|half| half as f64 / 2.0) {
                let share = |draws: &[f64]| draws.partition_point(|draw| *draw <= value) as f64 / draws.len() as f64;
                // Four standard errors of the difference of two shares of 20,000.
                assert!((share(&quick_draws) - share(&plain_draws)).abs() < 0.02, "n {n} at {value}");
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_ends_and_another_one_others() {
        let sample = Sample::new((0..50).map(|index| f64::from(index * index)).collect()).unwrap();
        let median = MedianOfResample::new(&sample).unwrap();
        let ends = |seed| Bootstrap { seed, ..Bootstrap::default() }.ends(300, 0.025, |random| median.draw(random));
        assert_eq!(ends(1), ends(1));
        let many = |seed| Bootstrap { seed, ..Bootstrap::default() }.ends(300, 0.31, |random| random.random::<f64>());
        assert_ne!(many(1), many(2));
    }
}
