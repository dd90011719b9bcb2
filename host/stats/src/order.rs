//! Intervals of quantiles from order statistics.
//!
//! In `n` independent draws the number below the quantile at `p` is binomial(n, p), whatever the distribution, so
//! the order statistics `X(l)` and `X(u)` enclose the quantile with the probability that this number lies in
//! `l..=u-1`. W. J. Conover, "Practical Nonparametric Statistics" (1999), 3.2; H. A. David and H. N. Nagaraja, "Order
//! Statistics" (2003), 7.1. Ties only raise the coverage.
//!
//! The ranks taken are the fewest neighbouring ones whose probabilities reach the wanted confidence. The achieved
//! coverage therefore exceeds it by less than the probability of one rank, and for other quantiles than the median
//! the remaining error may sit on one side: with 59 samples the 95th percentile's interval ends at the maximum.

use statrs::distribution::{Binomial, Discrete};

use super::{Confidence, Interval, Method, Sample};

/// The ranks (from 1) of the order statistics that enclose the quantile at `probability` of `n` samples, and their
/// coverage; none when even the smallest and the greatest value don't reach the confidence, or when `probability`
/// is not strictly between 0 and 1.
pub fn ranks(n: usize, probability: f64, confidence: Confidence) -> Option<(usize, usize, f64)> {
    if !(probability > 0.0 && probability < 1.0) || n < 2 {
        return None;
    }
    // The number below may be 1..=n-1: at 0 and at n the quantile lies outside of the sample.
    let outside = probability.powf(n as f64) + (1.0 - probability).powf(n as f64);
    if 1.0 - outside < confidence.get() {
        return None;
    }
    let last = n as u64 - 1;
    let binomial = Binomial::new(probability, n as u64).ok()?;
    let mode = (((n + 1) as f64 * probability).floor() as u64).clamp(1, last);
    let (mut low, mut high) = (mode, mode);
    let mut coverage = binomial.pmf(mode);
    let (mut below, mut above) = (coverage, coverage);
    let odds = probability / (1.0 - probability);
    // Outwards from the mode, the more probable neighbour first: binomial probabilities have one peak, so no other
    // run of neighbours is shorter. The next probability follows from pmf(k+1)/pmf(k) = (n-k)/(k+1) * odds.
    let mut next_below = below * low as f64 / ((n as u64 - low + 1) as f64 * odds);
    let mut next_above = above * (n as u64 - high) as f64 / (high + 1) as f64 * odds;
    while coverage < confidence.get() {
        let down = low > 1 && (high == last || next_below >= next_above);
        if down {
            low -= 1;
            below = next_below;
            coverage += below;
            next_below = below * low as f64 / ((n as u64 - low + 1) as f64 * odds);
        } else if high < last {
            high += 1;
            above = next_above;
            coverage += above;
            next_above = above * (n as u64 - high) as f64 / (high + 1) as f64 * odds;
        } else {
            // Rounding alone kept the sum below: all ranks are in.
            break;
        }
    }
    Some((low as usize, high as usize + 1, coverage.min(1.0)))
}

/// The fewest samples with which the quantile at `probability` has an interval: 6 for the median at 95 %, 59 for
/// the 95th percentile, 299 for the 99th. None when `probability` is not strictly between 0 and 1.
///
/// Solves `p^n + (1-p)^n <= 1 - confidence`. S. S. Wilks, Annals of Mathematical Statistics 12 (1941).
pub fn samples_needed(probability: f64, confidence: Confidence) -> Option<usize> {
    if !(probability > 0.0 && probability < 1.0) {
        return None;
    }
    let error = 1.0 - confidence.get();
    let carries = |n: f64| probability.powf(n) + (1.0 - probability).powf(n) <= error;
    // The greater term alone gives a number that is at most a few short of it.
    let farther = probability.max(1.0 - probability);
    let mut n = (error.ln() / farther.ln()).ceil().max(2.0);
    while !carries(n) {
        n += 1.0;
    }
    Some(n as usize)
}

impl Sample {
    /// The interval of the quantile at `probability`; none when there are fewer than [`samples_needed`].
    pub fn quantile_interval(&self, probability: f64, confidence: Confidence) -> Option<Interval> {
        let (low, high, coverage) = ranks(self.len(), probability, confidence)?;
        Some(Interval {
            low: self.sorted()[low - 1],
            high: self.sorted()[high - 1],
            confidence: confidence.get(),
            achieved_coverage: Some(coverage),
            method: Method::OrderStatistics,
        })
    }

    /// The interval of the median; none with fewer than six samples at 95 %.
    pub fn median_interval(&self, confidence: Confidence) -> Option<Interval> {
        self.quantile_interval(0.5, confidence)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use statrs::distribution::DiscreteCDF;

    const C95: Confidence = Confidence::NINETY_FIVE;

    #[test]
    fn the_ranks_of_the_median_are_those_of_the_tables() {
        let found = |n| ranks(n, 0.5, C95).map(|(low, high, coverage)| (low, high, (coverage * 1e4).round() / 1e4));
        assert_eq!(found(5), None);
        assert_eq!(found(6), Some((1, 6, 0.9688)));
        assert_eq!(found(8), Some((1, 7, 0.9609)));
        assert_eq!(found(10), Some((2, 9, 0.9785)));
        assert_eq!(found(20), Some((6, 15, 0.9586)));
    }

    #[test]
    fn a_percentile_needs_the_samples_that_carry_it() {
        assert_eq!(samples_needed(0.5, C95), Some(6));
        assert_eq!(samples_needed(0.95, C95), Some(59));
        assert_eq!(samples_needed(0.05, C95), Some(59));
        assert_eq!(samples_needed(0.99, C95), Some(299));
        assert_eq!(samples_needed(1.0, C95), None);
        assert_eq!(ranks(58, 0.95, C95), None);
        assert_eq!(ranks(59, 0.95, C95).unwrap().1, 59);
    }

    #[test]
    fn a_million_samples_have_ranks_about_the_square_root_from_the_middle() {
        let (low, high, coverage) = ranks(1_000_000, 0.5, C95).unwrap();
        // 1.96 * sqrt(n) / 2 = 980.
        assert!((979..=982).contains(&(500_000 - low)) && (979..=982).contains(&(high - 500_000)), "{low} {high}");
        assert!((0.95..0.951).contains(&coverage), "{coverage}");
    }

    proptest! {
        #[test]
        fn the_stated_coverage_is_the_binomial_probability(n in 2usize..400, p in 0.02..0.98f64, confidence in 0.5..0.999f64) {
            let confidence = Confidence::new(confidence).unwrap();
            if let Some((low, high, coverage)) = ranks(n, p, confidence) {
                prop_assert!(1 <= low && low < high && high <= n);
                let binomial = Binomial::new(p, n as u64).unwrap();
                let exact = binomial.cdf(high as u64 - 1) - binomial.cdf(low as u64 - 1);
                prop_assert!((coverage - exact).abs() < 1e-8, "{} {}", coverage, exact);
                prop_assert!(coverage >= confidence.get() - 1e-9);
            } else {
                prop_assert!(n < samples_needed(p, confidence).unwrap());
            }
        }

        #[test]
        fn more_confidence_never_narrows(n in 6usize..200, a in 0.5..0.95f64, b in 0.5..0.95f64) {
            let width = |c: f64| ranks(n, 0.5, Confidence::new(c).unwrap()).map(|(low, high, _)| high - low).unwrap();
            prop_assert!(width(a.min(b)) <= width(a.max(b)));
        }
    }
}
