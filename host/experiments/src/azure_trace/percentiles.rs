//! A distribution of which some percentiles are known.

use rand::Rng;

/// Values at rising percentages, from the least that is known to the greatest.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Percentiles {
    points: Vec<(f64, f64)>,
}

impl Percentiles {
    /// From (percentage, value).
    ///
    /// # Errors
    /// When there are none, or values fall while percentages rise: then they are no percentiles.
    pub(crate) fn new(points: Vec<(f64, f64)>) -> Result<Percentiles, String> {
        if points.is_empty() {
            return Err("it has no percentiles".to_owned());
        }
        for pair in points.windows(2) {
            if pair[1].0 <= pair[0].0 || pair[1].1 < pair[0].1 {
                return Err(format!(
                    "its percentile {} is {}, below percentile {}, which is {}",
                    pair[1].0, pair[1].1, pair[0].0, pair[0].1
                ));
            }
        }
        Ok(Percentiles { points })
    }

    /// The value at a percentage, linear between those that are known; outside of them, the nearest.
    pub(crate) fn at(&self, percentage: f64) -> f64 {
        let above = self.points.partition_point(|(known, _)| *known < percentage);
        match (above.checked_sub(1).and_then(|below| self.points.get(below)), self.points.get(above)) {
            (Some((from, low)), Some((to, high))) => low + (high - low) * (percentage - from) / (to - from),
            (None, Some((_, value))) | (Some((_, value)), None) => *value,
            // There is at least one.
            (None, None) => 0.0,
        }
    }

    /// A value by chance (inverse transform: L. Devroye, "Non-Uniform Random Variate Generation" (1986), 2.2).
    pub(crate) fn draw(&self, chance: &mut impl Rng) -> f64 {
        self.at(chance.random_range(0.0..100.0))
    }

    /// The mean of what is drawn.
    pub(crate) fn mean(&self) -> f64 {
        let between: f64 =
            self.points.windows(2).map(|pair| (pair[1].0 - pair[0].0) * (pair[0].1 + pair[1].1) / 2.0).sum();
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else { return 0.0 };
        (between + first.0 * first.1 + (100.0 - last.0) * last.1) / 100.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn values_are_linear_between_what_is_known_and_constant_outside() {
        let some = Percentiles::new(vec![(1.0, 10.0), (50.0, 20.0), (99.0, 118.0)]).unwrap();
        for (percentage, value) in [(0.0, 10.0), (1.0, 10.0), (25.5, 15.0), (50.0, 20.0), (51.0, 22.0), (100.0, 118.0)]
        {
            assert!((some.at(percentage) - value).abs() < 1e-9, "{percentage}: {}", some.at(percentage));
        }
        assert!(Percentiles::new(vec![(1.0, 10.0), (50.0, 9.0)]).unwrap_err().contains("percentile 50 is 9"));
        assert!(Percentiles::new(vec![]).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_drawn_lies_within_and_has_the_mean(steps in prop::collection::vec(0.0..100.0_f64, 7), seed: u64) {
            let mut value = 0.0;
            let points = [0.0, 1.0, 25.0, 50.0, 75.0, 99.0, 100.0].into_iter().zip(steps).map(|(percentage, step)| {
                value += step;
                (percentage, value)
            });
            let some = Percentiles::new(points.collect()).unwrap();
            let mut chance = ChaCha8Rng::seed_from_u64(seed);
            let drawn: Vec<f64> = (0..2_000).map(|_| some.draw(&mut chance)).collect();
            prop_assert!(drawn.iter().all(|value| (some.at(0.0)..=some.at(100.0)).contains(value)));
            let mean = drawn.iter().sum::<f64>() / 2_000.0;
            // Six standard errors, of at most half the range.
            prop_assert!((mean - some.mean()).abs() <= 6.0 * (some.at(100.0) - some.at(0.0)) / 2.0 / 2_000f64.sqrt() + 1e-9);
        }
    }
}
