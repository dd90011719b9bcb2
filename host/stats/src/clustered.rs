//! Medians and their ratios where repetitions sit in processes.
//!
//! Two processes of the same program differ for their whole life (addresses, page placement, what else ran), so
//! repetitions within one say little of the next: T. Kalibera and R. Jones, "Rigorous Benchmarking in Reasonable
//! Time" (ISMM 2013). The interval has to come from the processes.
//!
//! What is done depends on how many processes there are:
//! - eight or more: hierarchical bootstrap. Processes are drawn with replacement, each with all of its repetitions, and
//!   the pooled median is taken. Drawing repetitions with replacement too would count their variation twice (A. C.
//!   Davison and D. V. Hinkley, "Bootstrap Methods and their Application" (1997), 3.8): in simulation such 95 % intervals
//!   covered 98 to 99.9 %. The percentiles are expanded for the small number of processes, alpha' / 2 =
//!   Phi(-sqrt(k / (k-1)) t(k-1)): T. C. Hesterberg, "What Teachers Should Know about the Bootstrap", The American
//!   Statistician 69 (2015). Where a confidence leaves fewer than five resamples beyond an end, the interval reaches at
//!   least as far as Student's.
//! - two to seven: Student's t over the processes' medians. Resampling can't do it: k processes never give a median
//!   beyond their extremes, and those enclose the true one with probability 1 - 2^(1-k) only, 75 % for three. (With six
//!   or seven, resampling covered 92 %.) Student's t supposes the processes' medians to be nearly normal. Where they
//!   have two modes, two or three often agree by chance, and it covered 88 to 94 %. The interval is therefore never
//!   narrower than if all repetitions were independent, which belonging to processes can only make worse. It costs
//!   1 to 10 % of width, and then covers 95 % and more.
//! - one sample in every process (cold starts): they are independent, and where there are enough of them (six at 95 %)
//!   the interval is that of [`Sample::median_interval`].
//! - one: the repetitions are taken as independent, and the interval is marked [`Method::WithinOneProcess`].

use statrs::distribution::{ContinuousCDF, Normal};

use super::mean::{standard_deviation, student_quantile};
use super::resamples::{Resamples, resamples};
use super::sample::median_in_place;
use super::{Bootstrap, Confidence, Estimate, Interval, Method, Sample, SampleError, samples_needed};

/// From this number of processes on they are resampled.
pub(super) const ENOUGH_PROCESSES: usize = 8;
/// The ends of an interval need at least this many resamples beyond each.
pub(super) const BEYOND: f64 = 5.0;

/// Repetitions in their processes.
#[derive(Debug, Clone, PartialEq)]
pub struct Clusters {
    processes: Vec<Vec<f64>>,
    pooled: Sample,
}

impl Clusters {
    /// One list of repetitions for each process; a process without any is left out.
    ///
    /// # Errors
    /// When there are no repetitions at all, or one isn't finite or beyond 1e100 (its index counts through all processes).
    pub fn new(mut processes: Vec<Vec<f64>>) -> Result<Self, SampleError> {
        processes.retain(|repetitions| !repetitions.is_empty());
        let pooled = Sample::new(processes.concat())?;
        Ok(Self { processes, pooled })
    }

    /// All repetitions together.
    pub fn pooled(&self) -> &Sample {
        &self.pooled
    }

    /// How many processes have at least one repetition.
    pub fn processes(&self) -> usize {
        self.processes.len()
    }

    /// The processes, each with at least one repetition.
    pub(super) fn repetitions(&self) -> &[Vec<f64>] {
        &self.processes
    }

    /// Whether every process has one sample only, so that they are independent.
    pub(super) fn is_independent(&self) -> bool {
        self.pooled.len() == self.processes.len()
    }

    /// The median of each process.
    pub(super) fn medians(&self) -> Vec<f64> {
        self.processes.iter().map(|repetitions| median_in_place(&mut repetitions.clone())).collect()
    }

    /// Whether the samples are independent, and enough for a median's interval.
    fn carries_independent(&self, confidence: Confidence) -> bool {
        let enough = samples_needed(0.5, confidence).is_some_and(|needed| self.pooled.len() >= needed);
        enough && self.is_independent()
    }
}

/// The median of all repetitions, with an interval that accounts for their processes (see the module's text).
pub fn clustered_median(clusters: &Clusters, bootstrap: &Bootstrap) -> Estimate {
    let value = clusters.pooled.median();
    let confidence = bootstrap.confidence;
    let interval = match clusters.processes() {
        _ if clusters.carries_independent(confidence) => clusters.pooled.median_interval(confidence),
        1 => clusters.pooled.median_interval(confidence).map(|found| Interval {
            achieved_coverage: None,
            method: Method::WithinOneProcess,
            ..found
        }),
        2..ENOUGH_PROCESSES => {
            let pooled = clusters.pooled.median_interval(confidence);
            student_over_processes(clusters, confidence).map(|found| joined(found, pooled))
        }
        count => {
            let tail = expanded_tail(count, confidence);
            let (low, high) = Resamples::of_processes(&clusters.processes, bootstrap).ends(tail);
            let found = resampled(low, high, confidence);
            let is_carried = tail * resamples(count, bootstrap) as f64 >= BEYOND;
            let student = if is_carried { None } else { student_over_processes(clusters, confidence) };
            Some(joined(found, student))
        }
    };
    // Not finite only where values near the greatest number there is were squared.
    let finite = interval.filter(|found| found.low.is_finite() && found.high.is_finite());
    let interval = finite.map(|found| found.including(value));
    Estimate { value, interval, samples: clusters.pooled.len(), processes: Some(clusters.processes()) }
}

/// Where a mean lies: its standard error is `error`, with `freedom` degrees of freedom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Center {
    pub(super) mean: f64,
    pub(super) error: f64,
    pub(super) freedom: f64,
}

/// None for fewer than two values.
pub(super) fn center(values: &[f64]) -> Option<Center> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let error = standard_deviation(values, mean)? / n.sqrt();
    Some(Center { mean, error, freedom: n - 1.0 })
}

pub(super) fn student(mean: f64, error: f64, freedom: f64, confidence: Confidence) -> Interval {
    let half = student_quantile(confidence.upper_tail(), freedom) * error;
    Interval {
        low: mean - half,
        high: mean + half,
        confidence: confidence.get(),
        achieved_coverage: None,
        method: Method::StudentOverProcesses,
    }
}

fn student_over_processes(clusters: &Clusters, confidence: Confidence) -> Option<Interval> {
    center(&clusters.medians()).map(|center| student(center.mean, center.error, center.freedom, confidence))
}

/// The interval widened to hold the other one too.
pub(super) fn joined(found: Interval, other: Option<Interval>) -> Interval {
    other.map_or(found, |other| found.including(other.low).including(other.high))
}

fn resampled(low: f64, high: f64, confidence: Confidence) -> Interval {
    let method = Method::HierarchicalBootstrap;
    Interval { low, high, confidence: confidence.get(), achieved_coverage: None, method }
}

/// The part to leave at either side of the bootstrap's distribution, with `processes` >= 2.
pub(super) fn expanded_tail(processes: usize, confidence: Confidence) -> f64 {
    let k = processes as f64;
    let wanted = (k / (k - 1.0)).sqrt() * student_quantile(confidence.upper_tail(), k - 1.0);
    Normal::standard().cdf(-wanted)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn processes(count: usize, offset: f64) -> Clusters {
        let repetitions =
            |process: usize| (0..10).map(|step| offset + process as f64 + f64::from(step) / 10.0).collect();
        Clusters::new((0..count).map(repetitions).collect()).unwrap()
    }

    #[test]
    fn the_method_follows_from_the_number_of_processes() {
        let method = |count| clustered_median(&processes(count, 50.0), &Bootstrap::default()).interval.unwrap().method;
        assert_eq!(method(1), Method::WithinOneProcess);
        assert_eq!(method(2), Method::StudentOverProcesses);
        assert_eq!(method(7), Method::StudentOverProcesses);
        assert_eq!(method(8), Method::HierarchicalBootstrap);
    }

    #[test]
    fn one_sample_in_every_process_is_independent_of_the_others() {
        let cold = |count| Clusters::new((0..count).map(|index| vec![f64::from(index) + 10.0]).collect()).unwrap();
        let median = |count| clustered_median(&cold(count), &Bootstrap::default()).interval.map(|found| found.method);
        assert_eq!(median(1), None);
        assert_eq!(median(5), Some(Method::StudentOverProcesses));
        assert_eq!(median(6), Some(Method::OrderStatistics));
    }

    #[test]
    fn processes_without_repetitions_are_not_counted() {
        let clusters = Clusters::new(vec![vec![1.0, 2.0], vec![], vec![3.0]]).unwrap();
        assert_eq!((clusters.processes(), clusters.pooled().len()), (2, 3));
        assert_eq!(Clusters::new(vec![vec![], vec![]]), Err(SampleError::Empty));
    }

    #[test]
    fn more_confidence_never_narrows() {
        for count in [2, 5, 8, 30] {
            let mut last: Option<Interval> = None;
            for confidence in [0.5, 0.9, 0.95, 0.99, 0.999, 0.9999] {
                let confidence = Confidence::new(confidence).unwrap();
                let bootstrap = Bootstrap { confidence, ..Bootstrap::default() };
                let found = clustered_median(&processes(count, 5.0), &bootstrap).interval.unwrap();
                assert!(last.is_none_or(|last| found.low <= last.low && last.high <= found.high), "{count}: {found:?}");
                last = Some(found);
            }
        }
    }

    #[test]
    fn processes_that_agree_by_chance_are_not_taken_for_certain() {
        let repetitions = || (0..10).map(f64::from).collect();
        let agreeing = Clusters::new(vec![repetitions(), repetitions()]).unwrap();
        let found = clustered_median(&agreeing, &Bootstrap::default()).interval.unwrap();
        let independent = agreeing.pooled().median_interval(Confidence::NINETY_FIVE).unwrap();
        assert_eq!((found.low, found.high), (independent.low, independent.high));
    }

    #[test]
    fn processes_that_differ_widen_what_repetitions_alone_would_say() {
        let clusters = processes(10, 0.0);
        let width = |interval: Interval| interval.high - interval.low;
        let naive = width(clusters.pooled().median_interval(Confidence::NINETY_FIVE).unwrap());
        let honest = width(clustered_median(&clusters, &Bootstrap::default()).interval.unwrap());
        assert!(honest > 1.5 * naive, "{honest} {naive}");
    }
}
