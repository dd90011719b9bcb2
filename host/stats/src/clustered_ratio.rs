//! The ratio of two medians where repetitions sit in processes: its interval at any confidence, and the p-value of
//! there being no difference. Both come from the same distribution, so the interval excludes 1 exactly when the
//! p-value is below what the confidence leaves.
//!
//! The method follows from the processes, as for one median (see [`super::clustered_median`]). A table of many
//! comparisons asks for confidences of 99.9 % and more, where resampling says nothing any more: few values never give
//! a median beyond their extremes. Beyond what they carry, the interval is therefore the union of the widest one that
//! resampling gives and Student's t over the logarithms of the processes' medians, with the degrees of freedom of
//! B. L. Welch, Biometrika 34 (1947).

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};
use thiserror::Error;

use super::clustered::{BEYOND, Center, ENOUGH_PROCESSES, center, expanded_tail, joined, student};
use super::ratio::finite;
use super::resamples::{Resamples, ratio_ends, resamples, tails_at_one};
use super::{Bootstrap, Clusters, Confidence, Estimate, Interval, Method, samples_needed};

/// Why two medians can't be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "reason")]
#[non_exhaustive]
pub enum Undecidable {
    /// The baseline's median is zero: there is no ratio to it.
    #[error("the baseline's median is zero")]
    ZeroBaseline,
    /// A median is zero or negative, or could well be: there is no ratio with an interval.
    #[error("a ratio needs positive values")]
    NotPositive,
    /// The values differ so widely, from so few processes, that an end of the interval is beyond all numbers.
    #[error("the values differ too widely for an interval from so few processes")]
    TooWide,
    /// A side is a single process: what differs from process to process was not seen.
    #[error("one process only on a side: what differs from process to process was not seen")]
    OneProcess,
    /// Too few values for an interval.
    #[error("{found} values on a side, {needed} are needed")]
    TooFewValues {
        /// The fewest that a side has.
        found: usize,
        /// What each side needs.
        needed: usize,
    },
    /// A difference shows, in processes so few that it may be chance: where each process runs in one of two modes,
    /// two against two differ as cleanly in one case of eight.
    #[error("so few processes could differ so by chance, {needed} on each side are needed")]
    TooFewProcesses {
        /// How many on each side would do.
        needed: usize,
    },
}

/// The probability that chance alone makes two sides, of `a` and `b` processes, differ with each alike in itself.
///
/// Suppose that each process of the same program runs in one of two modes (an alignment, a page more or less), in the
/// one with the probability q. Then it is `q^a (1-q)^b + (1-q)^a q^b`, where no term exceeds its value at
/// `q = a / (a+b)`. Of two against two it is 12.5 %, and no method can tell that from a true difference.
pub(super) fn chance_of_modes((a, b): (usize, usize)) -> f64 {
    let (a, b) = (a as f64, b as f64);
    // By logarithms, as the powers overflow from 144 processes on.
    (2f64.ln() + a * a.ln() + b * b.ln() - (a + b) * (a + b).ln()).exp()
}

/// How many processes on each side make it less than what the confidence leaves: 3 at 95 %.
pub(super) fn processes_for_a_call(confidence: Confidence) -> usize {
    ((1.0 - (1.0 - confidence.get()).log2()) / 2.0).floor() as usize + 1
}

/// The ratio of two medians of repetitions in processes, with an interval that accounts for the processes (see the
/// text above). In a swap of the sides the ratio and the ends of its interval are inverted.
///
/// None when the denominator's median is zero. No interval when a median isn't positive (of a side, of a process, or
/// of a resample), when one side is a single process and the other several, or when all processes of a side agree and
/// there are too few of them to say something.
pub fn clustered_ratio_of_medians(above: &Clusters, below: &Clusters, bootstrap: &Bootstrap) -> Option<Estimate> {
    let value = finite(above.pooled().median() / below.pooled().median())?;
    let interval = RatioOfMedians::new(above, below, bootstrap).and_then(|ratio| ratio.interval(bootstrap.confidence));
    Some(Estimate {
        value,
        interval: interval.ok(),
        samples: above.pooled().len() + below.pooled().len(),
        processes: Some(above.processes() + below.processes()),
    })
}

/// What is known of the ratio of two medians.
#[derive(Debug, Clone)]
pub(super) struct RatioOfMedians {
    value: f64,
    resampled: Option<Resampled>,
    student: Option<StudentRatio>,
    /// As if all repetitions were independent, for where Student's t stands alone: belonging to processes can only make
    /// it worse. Medians of few processes with two modes often agree by chance, and the interval is too narrow then.
    floor: Option<Resampled>,
}

impl RatioOfMedians {
    pub(super) fn new(above: &Clusters, below: &Clusters, bootstrap: &Bootstrap) -> Result<Self, Undecidable> {
        let value = finite(above.pooled().median() / below.pooled().median()).ok_or(Undecidable::ZeroBaseline)?;
        if !(value > 0.0 && below.pooled().median() > 0.0) {
            return Err(Undecidable::NotPositive);
        }
        let fewer = above.processes().min(below.processes());
        if fewer == 1 && above.processes() != below.processes() {
            return Err(Undecidable::OneProcess);
        }
        let resampled = Resampled::new(above, below, bootstrap)?;
        let student = match StudentRatio::new(above, below) {
            Ok(student) if fewer > 1 => Some(student),
            // A lonely zero among many processes is no reason to say nothing where resampling does.
            Err(reason) if resampled.is_none() => return Err(reason),
            _ => None,
        };
        let floor =
            if resampled.is_none() { Resampled::independent(above, below, Method::Bootstrap).ok() } else { None };
        Ok(Self { value, resampled, student, floor })
    }

    pub(super) fn value(&self) -> f64 {
        self.value
    }

    /// The interval at a confidence. A greater confidence never gives a narrower one.
    pub(super) fn interval(&self, confidence: Confidence) -> Result<Interval, Undecidable> {
        let error = 1.0 - confidence.get();
        let resampled = self.resampled.as_ref();
        let found = match (resampled, &self.student) {
            (Some(resampled), _) if error >= resampled.least_error => resampled.interval(confidence)?,
            (Some(resampled), Some(student)) => {
                let student = student.interval(confidence)?;
                joined(student, Some(resampled.interval(resampled.at_most(confidence))?))
            }
            (None, Some(student)) => {
                let floor = self.floor.as_ref().map(|floor| floor.interval(floor.at_most(confidence))).transpose()?;
                joined(student.interval(confidence)?, floor)
            }
            (Some(Resampled { found, .. }), None) => {
                let (found, needed) = (*found, samples_needed(0.5, confidence).unwrap_or(usize::MAX));
                let is_too_few = found < needed;
                return Err(if is_too_few {
                    Undecidable::TooFewValues { found, needed }
                } else {
                    Undecidable::NotPositive
                });
            }
            (None, None) => return Err(Undecidable::OneProcess),
        };
        Ok(found.including(self.value))
    }

    /// The probability, were the medians equal, of a ratio at least as far from one: the least error at which the
    /// interval excludes one. It is 1 where the ratio itself, which the interval always contains, lies on the other
    /// side of one than what the p-value rests on.
    pub(super) fn p_value(&self) -> f64 {
        let side = direction(self.value, 1.0);
        let student = self.student.map(|student| (student.p_value(), direction(student.welch.mean, 0.0)));
        let found = match (&self.resampled, student) {
            (Some(resampled), student) => {
                let (found, resampled_side) = resampled.p_value();
                let found = match student {
                    _ if found >= resampled.least_error => found,
                    Some((student, student_side)) if student_side == resampled_side => {
                        student.min(resampled.least_error)
                    }
                    _ => resampled.least_error,
                };
                Some((found, resampled_side))
            }
            (None, Some((student, student_side))) => {
                let floor = self.floor.as_ref().map(|floor| (floor.p_value(), floor.least_error));
                Some(match floor {
                    Some(((_, side), _)) if side != student_side => (1.0, side),
                    // Beyond what it carries the floor stays where it is.
                    Some(((p_value, side), least)) if p_value >= least => (student.max(p_value), side),
                    _ => (student, student_side),
                })
            }
            (None, None) => None,
        };
        found.filter(|(_, found_side)| side.is_some() && *found_side == side).map_or(1.0, |(p_value, _)| p_value)
    }
}

/// The ratio by resampling.
#[derive(Debug, Clone)]
struct Resampled {
    above: Resamples,
    below: Resamples,
    method: Method,
    /// How many processes the side with fewer has, where these were drawn.
    processes: Option<usize>,
    /// The fewest values of a side.
    found: usize,
    /// The least share of 1 that an interval may leave out.
    least_error: f64,
}

impl Resampled {
    /// None where there are too few processes to resample.
    fn new(above: &Clusters, below: &Clusters, bootstrap: &Bootstrap) -> Result<Option<Self>, Undecidable> {
        let found = above.pooled().len().min(below.pooled().len());
        let fewer = above.processes().min(below.processes());
        let independent = above.is_independent() && below.is_independent();
        if independent || fewer == 1 {
            let method = if fewer == 1 { Method::WithinOneProcess } else { Method::Bootstrap };
            return Self::independent(above, below, method).map(Some);
        }
        if fewer < ENOUGH_PROCESSES {
            return Ok(None);
        }
        let [above_drawn, below_drawn] =
            [above, below].map(|side| Resamples::of_processes(side.repetitions(), bootstrap));
        let more = above.processes().max(below.processes());
        let tail = BEYOND / resamples(more, bootstrap) as f64;
        Self {
            above: above_drawn,
            below: below_drawn,
            method: Method::HierarchicalBootstrap,
            processes: Some(fewer),
            found,
            least_error: error_of_expanded_tail(fewer, tail),
        }
        .if_positive()
        .map(Some)
    }

    /// As if all values were independent.
    fn independent(above: &Clusters, below: &Clusters, method: Method) -> Result<Self, Undecidable> {
        let found = above.pooled().len().min(below.pooled().len());
        let sides = Resamples::of_median(above.pooled()).zip(Resamples::of_median(below.pooled()));
        let (above, below) = sides.ok_or(Undecidable::NotPositive)?;
        // As for the interval of a median: beyond, its ends would lie outside of the sample.
        let least_error = 2f64.powf(1.0 - found as f64);
        Self { above, below, method, processes: None, found, least_error }.if_positive()
    }

    fn if_positive(self) -> Result<Self, Undecidable> {
        let is_positive = self.above.is_positive() && self.below.is_positive();
        if is_positive { Ok(self) } else { Err(Undecidable::NotPositive) }
    }

    /// The confidence, or the greatest that resampling carries.
    fn at_most(&self, confidence: Confidence) -> Confidence {
        Confidence::leaving((1.0 - confidence.get()).max(self.least_error).min(1.0 - f64::EPSILON))
    }

    fn interval(&self, confidence: Confidence) -> Result<Interval, Undecidable> {
        let tail = match self.processes {
            Some(processes) => expanded_tail(processes, confidence),
            None => (1.0 - confidence.get()) / 2.0,
        };
        let (low, high) = ratio_ends(&self.above, &self.below, tail).ok_or(Undecidable::TooWide)?;
        Ok(Interval { low, high, confidence: confidence.get(), achieved_coverage: None, method: self.method })
    }

    /// The p-value, and to which side of one the ratio lies.
    fn p_value(&self) -> (f64, Option<Ordering>) {
        let (at_most, at_least) = tails_at_one(&self.above, &self.below);
        let tail = at_most.min(at_least);
        let p_value = match self.processes {
            Some(processes) => error_of_expanded_tail(processes, tail),
            None => (2.0 * tail).min(1.0),
        };
        (p_value, direction(at_least, at_most))
    }
}

/// On which side of `middle` a value lies.
fn direction(value: f64, middle: f64) -> Option<Ordering> {
    value.partial_cmp(&middle).filter(|side| side.is_ne())
}

/// The inverse of [`expanded_tail`]: what an interval that leaves `tail` at either side leaves out in truth.
fn error_of_expanded_tail(processes: usize, tail: f64) -> f64 {
    if tail >= 0.5 {
        return 1.0;
    }
    let k = processes as f64;
    let student = -Normal::standard().inverse_cdf(tail) * ((k - 1.0) / k).sqrt();
    two_sided(student, k - 1.0)
}

fn two_sided(student: f64, freedom: f64) -> f64 {
    match StudentsT::new(0.0, 1.0, freedom) {
        // By symmetry the lower tail, which keeps its digits where it is small.
        Ok(distribution) => (2.0 * distribution.cdf(-student.abs())).min(1.0),
        Err(_) => 1.0,
    }
}

/// The difference of the means of logarithms of the processes' medians, as by Welch and as by Student.
///
/// Welch's supposes nothing of the two sides' spreads, but where one side has fewer processes, these may agree by
/// chance: like with like, it called two against sixteen different in 12 to 24 %. "Student"'s spread is that of
/// both sides together (Biometrika 6 (1908)). The interval is the union of both, which for equal numbers is Welch's.
#[derive(Debug, Clone, Copy)]
struct StudentRatio {
    welch: Center,
    pooled: Center,
    processes: (usize, usize),
}

impl StudentRatio {
    /// For two processes or more on either side.
    fn new(above: &Clusters, below: &Clusters) -> Result<Self, Undecidable> {
        let logarithms = |clusters: &Clusters| -> Result<Center, Undecidable> {
            let medians: Option<Vec<f64>> =
                clusters.medians().into_iter().map(|median| (median > 0.0).then(|| median.ln())).collect();
            center(&medians.ok_or(Undecidable::NotPositive)?).ok_or(Undecidable::OneProcess)
        };
        let processes = (above.processes(), below.processes());
        let (above, below) = (logarithms(above)?, logarithms(below)?);
        let mean = above.mean - below.mean;
        let (a, b) = (above.error.powi(2), below.error.powi(2));
        let freedom = if a + b > 0.0 { (a + b).powi(2) / (a * a / above.freedom + b * b / below.freedom) } else { 1.0 };
        let welch = Center { mean, error: (a + b).sqrt(), freedom };
        // The sums of squares: the squared error is one over n (n - 1).
        let (m, n) = (above.freedom + 1.0, below.freedom + 1.0);
        let squares = a * m * above.freedom + b * n * below.freedom;
        let freedom = above.freedom + below.freedom;
        let pooled = Center { mean, error: (squares / freedom * (1.0 / m + 1.0 / n)).sqrt(), freedom };
        Ok(Self { welch, pooled, processes })
    }

    fn interval(&self, confidence: Confidence) -> Result<Interval, Undecidable> {
        if self.is_without_spread() && self.p_value() >= 1.0 - confidence.get() {
            return Err(Undecidable::TooFewProcesses { needed: processes_for_a_call(confidence) });
        }
        let by = |center: Center| student(center.mean, center.error, center.freedom, confidence);
        let (found, pooled) = (by(self.welch), by(self.pooled));
        let (low, high) = (found.low.min(pooled.low).exp(), found.high.max(pooled.high).exp());
        if low > 0.0 && high.is_finite() { Ok(Interval { low, high, ..found }) } else { Err(Undecidable::TooWide) }
    }

    /// Whether all of either side agree, and the sides differ.
    fn is_without_spread(&self) -> bool {
        self.welch.error == 0.0 && self.welch.mean != 0.0
    }

    /// Where no process differs from another of its side there is nothing to scale the difference by, and what chance
    /// alone does to two modes takes its place.
    fn p_value(&self) -> f64 {
        if self.is_without_spread() {
            return chance_of_modes(self.processes);
        }
        let by = |center: Center| {
            if center.mean == 0.0 { 1.0 } else { two_sided(center.mean / center.error, center.freedom) }
        };
        by(self.welch).max(by(self.pooled))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn processes(count: usize, offset: f64) -> Clusters {
        let repetitions =
            |process: usize| (0..10).map(|step| offset + process as f64 + f64::from(step) / 10.0).collect();
        Clusters::new((0..count).map(repetitions).collect()).unwrap()
    }

    #[test]
    fn ratios_of_few_and_of_many_processes_contain_their_estimate() {
        for count in [1, 2, 3, 7, 8, 12] {
            let found =
                clustered_ratio_of_medians(&processes(count, 200.0), &processes(count, 100.0), &Bootstrap::default());
            let found = found.unwrap();
            let interval = found.interval.unwrap();
            assert!(interval.contains(found.value), "{count}: {found:?}");
            assert!(interval.low > 1.0, "{count}: {found:?}");
            assert_eq!((found.samples, found.processes), (20 * count, Some(2 * count)));
        }
    }

    #[test]
    fn what_has_no_interval_says_none() {
        let (one, three) = (processes(1, 9.0), processes(3, 9.0));
        let none = clustered_ratio_of_medians(&one, &three, &Bootstrap::default()).unwrap();
        assert_eq!(none.interval, None);
        let negative = Clusters::new(vec![vec![-1.0], vec![5.0], vec![6.0]]).unwrap();
        assert_eq!(clustered_ratio_of_medians(&negative, &three, &Bootstrap::default()).unwrap().interval, None);
        let zero = Clusters::new(vec![vec![0.0], vec![0.0]]).unwrap();
        assert_eq!(clustered_ratio_of_medians(&three, &zero, &Bootstrap::default()), None);
    }

    #[test]
    fn one_sample_in_every_process_is_independent_of_the_others() {
        let cold = |count| Clusters::new((0..count).map(|index| vec![f64::from(index) + 10.0]).collect()).unwrap();
        let ratio = clustered_ratio_of_medians(&cold(9), &cold(9), &Bootstrap::default()).unwrap();
        assert_eq!(ratio.interval.unwrap().method, Method::Bootstrap);
    }

    fn of(above: &[Vec<f64>], below: &[Vec<f64>]) -> Result<RatioOfMedians, Undecidable> {
        let clusters = |processes: &[Vec<f64>]| Clusters::new(processes.to_vec()).unwrap();
        RatioOfMedians::new(&clusters(above), &clusters(below), &Bootstrap { resamples: 400, ..Bootstrap::default() })
    }

    #[test]
    fn few_processes_that_all_agree_say_nothing() {
        let constant = |count, value| vec![vec![value]; count];
        let interval = |ratio: Result<RatioOfMedians, Undecidable>| ratio.unwrap().interval(Confidence::NINETY_FIVE);
        let reason = interval(of(&constant(2, 4.0), &constant(3, 5.0))).unwrap_err();
        assert_eq!(reason, Undecidable::TooFewProcesses { needed: 3 });
        let found = interval(of(&constant(3, 4.0), &constant(3, 5.0))).unwrap();
        assert!((found.low - 0.8).abs() < 1e-12 && (found.high - 0.8).abs() < 1e-12, "{found:?}");
        let equal = interval(of(&constant(2, 4.0), &constant(2, 4.0))).unwrap();
        assert_eq!((equal.low, equal.high), (1.0, 1.0));
    }

    #[test]
    fn a_lonely_zero_among_many_is_no_reason_to_say_nothing() {
        let side = |zero: f64| -> Vec<Vec<f64>> {
            (0..40).map(|index| vec![if index == 7 { zero } else { 50.0 + f64::from(index) }]).collect()
        };
        let ratio = of(&side(0.0), &side(60.0)).unwrap();
        assert!(ratio.interval(Confidence::NINETY_FIVE).unwrap().contains(1.0));
        let beyond = ratio.interval(Confidence::new(1.0 - 1e-14).unwrap());
        assert_eq!(beyond.unwrap_err(), Undecidable::TooFewValues { found: 40, needed: 48 });
        let few = of(&[vec![0.0], vec![1.0]], &[vec![1.0], vec![2.0]]);
        assert_eq!(few.unwrap_err(), Undecidable::NotPositive);
    }

    prop_compose! {
        fn side()(count in 1usize..12, repetitions in prop_oneof![Just(1usize), Just(7)])
            (side in prop::collection::vec(prop::collection::vec(1.0..100.0f64, repetitions), count)) -> Vec<Vec<f64>> {
            side
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn exchanging_the_sides_inverts(above in side(), below in side()) {
            match (of(&above, &below), of(&below, &above)) {
                (Ok(plain), Ok(swapped)) => {
                    prop_assert!((plain.p_value() - swapped.p_value()).abs() < 1e-9);
                    let intervals = (plain.interval(Confidence::NINETY_FIVE), swapped.interval(Confidence::NINETY_FIVE));
                    if let (Ok(plain), Ok(swapped)) = intervals {
                        prop_assert!((plain.low * swapped.high - 1.0).abs() < 1e-9);
                        prop_assert!((plain.high * swapped.low - 1.0).abs() < 1e-9);
                    }
                }
                (plain, swapped) => prop_assert_eq!(plain.map(|_| ()), swapped.map(|_| ())),
            }
        }

        #[test]
        fn more_confidence_never_narrows_and_excludes_one_as_the_p_value_says(above in side(), below in side()) {
            let Ok(ratio) = of(&above, &below) else { return Ok(()) };
            let mut last: Option<Interval> = None;
            for confidence in [0.5, 0.8, 0.95, 0.99, 0.999, 0.99999] {
                let Ok(found) = ratio.interval(Confidence::new(confidence).unwrap()) else { break };
                prop_assert!(found.low > 0.0 && found.high.is_finite() && found.low <= found.high);
                prop_assert!(last.is_none_or(|last| found.low <= last.low && last.high <= found.high));
                if (ratio.p_value() - (1.0 - confidence)).abs() > 1e-9 {
                    prop_assert_eq!(!found.contains(1.0), ratio.p_value() < 1.0 - confidence);
                }
                last = Some(found);
            }
        }

        #[test]
        fn a_common_factor_changes_nothing(above in side(), below in side(), power in -20i32..20) {
            // A power of two scales without rounding.
            let scaled = |side: &[Vec<f64>]| -> Vec<Vec<f64>> {
                side.iter().map(|values| values.iter().map(|value| value * 2f64.powi(power)).collect()).collect()
            };
            if let Ok(plain) = of(&above, &below).and_then(|ratio| ratio.interval(Confidence::NINETY_FIVE)) {
                let scaled = of(&scaled(&above), &scaled(&below)).unwrap().interval(Confidence::NINETY_FIVE).unwrap();
                prop_assert!((plain.low / scaled.low - 1.0).abs() < 1e-9 && (plain.high / scaled.high - 1.0).abs() < 1e-9);
            }
        }
    }
}
