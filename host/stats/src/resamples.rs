//! How a median is distributed over resamples, and the ratio of two such medians.
//!
//! The ratio pairs every resample of one side with every resample of the other, as the two are drawn independently.
//! This wastes nothing of what was drawn, needs no pairing by chance, and exchanging the sides inverts the interval.

use rand::{Rng, SeedableRng, rngs::StdRng};
use statrs::distribution::{Beta, ContinuousCDF, Normal};

use super::{Bootstrap, Sample};

/// From this size on the beta distribution is taken as normal: its kurtosis is 6 / n off by then.
const NEARLY_NORMAL: usize = 1_000;

/// Less likely medians than this at either end are left out.
const UNLIKELY: f64 = 1e-9;

/// At most this many processes are drawn in all; of more, fewer resamples are taken (never below 400).
const DRAWN_PROCESSES: usize = 20_000_000;

/// How many resamples are drawn of so many processes.
pub(super) fn resamples(processes: usize, bootstrap: &Bootstrap) -> usize {
    bootstrap.resamples.max(200).min((DRAWN_PROCESSES / processes).max(400))
}

/// Values with their probabilities.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Resamples {
    /// Ascending.
    values: Vec<f64>,
    /// The probability of each value or a lesser one; the last is 1.
    cumulative: Vec<f64>,
}

impl Resamples {
    /// The median over all resamples with replacement of independent values, without drawing any.
    ///
    /// A resample is `x(ceil(n U))` for n uniform U, so its median is `x(ceil(n B))` where B, the median of the U, is
    /// beta((n+1)/2, (n+1)/2): B. Efron, SIAM Monograph 38 (1982), 10. For an even n, where the median is the mean of
    /// two values, that beta distribution lies between those of the two: the weights of F. E. Harrell and C. E. Davis,
    /// Biometrika 69 (1982). None only if the distribution can't be made, which no sample's size brings about.
    pub(super) fn of_median(sample: &Sample) -> Option<Self> {
        let n = sample.len();
        let size = n as f64;
        // Ten standard deviations of the rank to either side of the middle.
        let reach = (5.0 * size.sqrt()).ceil() as usize + 1;
        let (mut first, mut last) = ((n / 2).saturating_sub(reach), (n / 2 + reach).min(n));
        let normal = Normal::standard();
        let beta = Beta::new((size + 1.0) / 2.0, (size + 1.0) / 2.0).ok()?;
        let below = |rank: usize| {
            let share = rank as f64 / size;
            if n < NEARLY_NORMAL { beta.cdf(share) } else { normal.cdf((share - 0.5) * 2.0 * (size + 2.0).sqrt()) }
        };
        let mut cumulative: Vec<f64> = (first + 1..=last).map(below).collect();
        // As likely as not to be seen once in a thousand million: a lonely zero needn't forbid a ratio.
        let unlikely = cumulative.partition_point(|share| *share < UNLIKELY).min(n.div_ceil(2) - 1 - first);
        cumulative.drain(..unlikely);
        first += unlikely;
        let likely = cumulative.partition_point(|share| 1.0 - *share >= UNLIKELY) + 1;
        cumulative.truncate(likely);
        last = last.min(first + likely);
        if let Some(end) = cumulative.last_mut() {
            *end = 1.0;
        }
        Some(Self { values: sample.sorted()[first..last].to_vec(), cumulative })
    }

    /// The median of all repetitions of processes that are drawn with replacement, each with all of its repetitions.
    /// Every process has at least one.
    pub(super) fn of_processes(processes: &[Vec<f64>], bootstrap: &Bootstrap) -> Self {
        let drawn = DrawnProcesses::new(processes);
        let mut random = StdRng::seed_from_u64(bootstrap.seed);
        let count = resamples(processes.len(), bootstrap);
        let mut times = vec![0; processes.len()];
        let mut values: Vec<f64> = (0..count).map(|_| drawn.median(&mut times, &mut random)).collect();
        values.sort_unstable_by(f64::total_cmp);
        let cumulative = (1..=count).map(|rank| rank as f64 / count as f64).collect();
        Self { values, cumulative }
    }

    /// The values that leave at most `tail` below and above them.
    pub(super) fn ends(&self, tail: f64) -> (f64, f64) {
        let low = self.cumulative.partition_point(|share| *share < tail);
        let high = self.cumulative.partition_point(|share| 1.0 - *share >= tail);
        let last = self.values.len() - 1;
        (self.values[low.min(last)], self.values[high.min(last)])
    }

    /// Whether every value is above zero.
    pub(super) fn is_positive(&self) -> bool {
        self.values[0] > 0.0
    }

    fn min(&self) -> f64 {
        self.values[0]
    }

    fn max(&self) -> f64 {
        self.values[self.values.len() - 1]
    }

    /// The probability of values below `limit`, or of `limit` too where `inclusive`; `from` is where to start looking,
    /// and is left there for a greater limit.
    fn below(&self, limit: f64, inclusive: bool, from: &mut usize) -> f64 {
        while *from < self.values.len() && (self.values[*from] < limit || (inclusive && self.values[*from] == limit)) {
            *from += 1;
        }
        if *from == 0 { 0.0 } else { self.cumulative[*from - 1] }
    }
}

/// The probability that `above / below` is at most `ratio` (`inclusive`), or less. `below` is positive.
fn share_below(above: &Resamples, below: &Resamples, ratio: f64, inclusive: bool) -> f64 {
    let (mut share, mut previous, mut from) = (0.0, 0.0, 0);
    for (value, cumulative) in below.values.iter().zip(&below.cumulative) {
        share += (cumulative - previous) * above.below(ratio * value, inclusive, &mut from);
        previous = *cumulative;
    }
    share
}

/// The probabilities that `above / below` is at most one, and at least one. Both are positive.
pub(super) fn tails_at_one(above: &Resamples, below: &Resamples) -> (f64, f64) {
    (share_below(above, below, 1.0, true), share_below(below, above, 1.0, true))
}

/// The least ratio that with lesser ones has at least the probability `tail`, and the greatest that has it with
/// greater ones. Both sides are positive; none when a ratio is no finite number.
pub(super) fn ratio_ends(above: &Resamples, below: &Resamples, tail: f64) -> Option<(f64, f64)> {
    let (least, greatest) = (above.min() / below.max(), above.max() / below.min());
    if !(least.is_finite() && greatest.is_finite()) {
        return None;
    }
    let low = first_ratio(least, greatest, |ratio| share_below(above, below, ratio, true) >= tail);
    // Seen from the other side, so that exchanging the sides gives the inverse.
    let high = first_ratio(1.0 / greatest, 1.0 / least, |ratio| share_below(below, above, ratio, true) >= tail);
    Some((low, 1.0 / high)).filter(|(low, high)| low.is_finite() && high.is_finite())
}

/// The least positive number in `least..=greatest` for which `holds`; it holds for all greater ones. Positive floating
/// point numbers are ordered as their bits are, which are halved.
fn first_ratio(least: f64, greatest: f64, holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (least.to_bits(), greatest.to_bits());
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(f64::from_bits(middle)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    f64::from_bits(high)
}

/// All repetitions in ascending order with the process of each, and how many of each process come before every
/// `block`-th: so that the median of drawn processes is found without putting them together.
struct DrawnProcesses {
    in_order: Vec<(f64, u32)>,
    sizes: Vec<usize>,
    block: usize,
    before: Vec<u32>,
}

impl DrawnProcesses {
    fn new(processes: &[Vec<f64>]) -> Self {
        let mut in_order: Vec<(f64, u32)> = (0u32..)
            .zip(processes)
            .flat_map(|(process, repetitions)| repetitions.iter().map(move |value| (*value, process)))
            .collect();
        in_order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        // No shorter than the number of processes, which keeps `before` as long as `in_order` at most.
        let block = processes.len().max(64);
        let mut counts = vec![0u32; processes.len()];
        let mut before = Vec::new();
        for part in in_order.chunks(block) {
            before.extend_from_slice(&counts);
            for (_, process) in part {
                counts[*process as usize] += 1;
            }
        }
        Self { in_order, sizes: processes.iter().map(Vec::len).collect(), block, before }
    }

    fn median(&self, times: &mut [usize], random: &mut StdRng) -> f64 {
        times.fill(0);
        let mut total = 0;
        for _ in 0..times.len() {
            let process = random.random_range(0..times.len());
            times[process] += 1;
            total += self.sizes[process];
        }
        let start = |block: usize| -> usize {
            let counts = &self.before[block * times.len()..(block + 1) * times.len()];
            counts.iter().zip(&*times).map(|(count, times)| *count as usize * times).sum()
        };
        // The last block that starts at or before the lower one of the two in the middle.
        let lower = (total - 1) / 2;
        let (mut low, mut high) = (0, self.in_order.len().div_ceil(self.block));
        while high - low > 1 {
            let middle = low.midpoint(high);
            if start(middle) <= lower {
                low = middle;
            } else {
                high = middle;
            }
        }
        let mut passed = start(low);
        let mut below = None;
        for (value, process) in &self.in_order[low * self.block..] {
            passed += times[*process as usize];
            if below.is_none() && passed > lower {
                below = Some(*value);
            }
            if passed > total / 2 {
                let below = below.unwrap_or(*value);
                return below + (value - below) / 2.0;
            }
        }
        // Not reached: all that were drawn have been passed by then.
        self.in_order[self.in_order.len() - 1].0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::sample::median_in_place;
    use super::*;

    /// The share of draws at or below each value, computed and drawn.
    #[test]
    fn the_computed_distribution_is_that_of_real_resamples() {
        // For even sizes the computed one puts the mean of two values onto either: compared at an odd size only.
        for n in [5usize, 31] {
            let sample = Sample::new((0..n).map(|index| index as f64).collect()).unwrap();
            let computed = Resamples::of_median(&sample).unwrap();
            let mut random = StdRng::seed_from_u64(11);
            let draws = 20_000;
            let mut drawn: Vec<f64> = (0..draws)
                .map(|_| {
                    let mut resample: Vec<f64> = (0..n).map(|_| sample.sorted()[random.random_range(0..n)]).collect();
                    median_in_place(&mut resample)
                })
                .collect();
            drawn.sort_unstable_by(f64::total_cmp);
            for value in (0..n).map(|value| value as f64) {
                let share = drawn.partition_point(|draw| *draw <= value) as f64 / f64::from(draws);
                // Four standard errors of a share of 20,000.
                assert!((share - computed.below(value, true, &mut 0)).abs() < 0.0145, "n {n} at {value}");
            }
        }
    }

    #[test]
    fn the_two_forms_of_the_distribution_meet() {
        let sample = |n: usize| Sample::new((1..=n).map(|rank| rank as f64 / n as f64).collect()).unwrap();
        for tail in [0.025, 0.0001] {
            let (exact, _) = Resamples::of_median(&sample(NEARLY_NORMAL - 1)).unwrap().ends(tail);
            let (normal, _) = Resamples::of_median(&sample(NEARLY_NORMAL + 1)).unwrap().ends(tail);
            assert!((exact - normal).abs() < 0.002, "{exact} {normal}");
        }
    }

    #[test]
    fn the_median_of_drawn_processes_is_that_of_putting_them_together() {
        let mut values = StdRng::seed_from_u64(3);
        for (count, longest) in [(2, 1), (8, 9), (9, 200), (100, 3)] {
            let processes: Vec<Vec<f64>> = (0..count)
                .map(|_| {
                    (0..values.random_range(1..=longest)).map(|_| f64::from(values.random_range(0..50u8))).collect()
                })
                .collect();
            let drawn = DrawnProcesses::new(&processes);
            let (mut quick, mut plain) = (StdRng::seed_from_u64(4), StdRng::seed_from_u64(4));
            let mut times = vec![0; count];
            for _ in 0..100 {
                let mut together: Vec<f64> =
                    (0..count).flat_map(|_| processes[plain.random_range(0..count)].clone()).collect();
                assert_eq!(drawn.median(&mut times, &mut quick), median_in_place(&mut together));
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_resamples_and_another_one_others() {
        let processes: Vec<Vec<f64>> = (0..9).map(|index| vec![f64::from(index * index), 3.0]).collect();
        let of =
            |seed| Resamples::of_processes(&processes, &Bootstrap { seed, resamples: 300, ..Bootstrap::default() });
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn ends_and_tails_agree() {
        let sample = |offset: f64| Sample::new((0..21).map(|step| offset + f64::from(step * step)).collect()).unwrap();
        let (above, below) =
            (Resamples::of_median(&sample(180.0)).unwrap(), Resamples::of_median(&sample(90.0)).unwrap());
        let (less, _) = tails_at_one(&above, &below);
        assert!(less > 0.0 && less < 0.5, "{less}");
        assert!(ratio_ends(&above, &below, less * 1.01).unwrap().0 > 1.0);
        assert!(ratio_ends(&above, &below, less * 0.99).unwrap().0 <= 1.0);
    }
}
