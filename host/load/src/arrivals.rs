//! When each request is due: computed from a seed, the same on every machine.

use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};

use crate::profile::Profile;
use crate::shape::Shape;

/// The times at which requests are due, ns since the beginning, in rising order. It is an iterator, so that a schedule of
/// any length takes no memory; two of one shape, length and seed give the same.
#[derive(Debug, Clone)]
pub struct Arrivals {
    times: Times,
}

#[derive(Debug, Clone)]
enum Times {
    /// `reached`: expected arrivals until the next, or, where there are `gaps`, until the last.
    Profile {
        profile: Profile,
        reached: f64,
        gaps: Option<Box<ChaCha8Rng>>,
    },
    Burst {
        size: u32,
        every_ns: u64,
        length_ns: u64,
        next: u64,
    },
    Trace {
        times_ns: std::vec::IntoIter<u64>,
        length_ns: u64,
    },
}

impl Arrivals {
    /// Of a shape over `length`; what a trace has beyond it is left out.
    pub fn new(shape: &Shape, length: Duration, seed: u64) -> Arrivals {
        let length_ns = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        let times = match (shape, shape.profile(length)) {
            (_, Some(profile)) => {
                let gaps = matches!(shape, Shape::Poisson { .. }).then(|| Box::new(ChaCha8Rng::seed_from_u64(seed)));
                Times::Profile { profile, reached: 0.0, gaps }
            }
            (Shape::Burst { size, every_ms }, None) => {
                Times::Burst { size: *size, every_ns: every_ms.saturating_mul(1_000_000), length_ns, next: 0 }
            }
            (Shape::Trace { times_ns }, None) => Times::Trace { times_ns: times_ns.clone().into_iter(), length_ns },
            // Every other shape has a profile.
            (_, None) => Times::Trace { times_ns: Vec::new().into_iter(), length_ns },
        };
        Arrivals { times }
    }

    /// How many there will be: exactly, or on average for a shape of chance.
    pub fn expected(shape: &Shape, length: Duration) -> f64 {
        match (shape, shape.profile(length)) {
            (Shape::Poisson { .. }, Some(profile)) => profile.arrivals(),
            _ => Arrivals::new(shape, length, 0).count() as f64,
        }
    }
}

impl Iterator for Arrivals {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        match &mut self.times {
            Times::Profile { profile, reached, gaps } => {
                let due = match gaps {
                    // A Poisson process: exponential gaps in units of expected arrivals.
                    Some(generator) => {
                        let gap: f64 = Exp1.sample(&mut **generator);
                        *reached += gap;
                        *reached
                    }
                    None => {
                        *reached += 1.0;
                        *reached - 1.0
                    }
                };
                let seconds = profile.cursor().time_of(due)?;
                Some((seconds * 1e9) as u64)
            }
            Times::Burst { size, every_ns, length_ns, next } => {
                let due = (*next / u64::from(*size)).saturating_mul(*every_ns);
                *next += 1;
                (due < *length_ns).then_some(due)
            }
            Times::Trace { times_ns, length_ns } => times_ns.next().filter(|due| due < length_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(shape: &Shape, seconds: u64, seed: u64) -> Vec<u64> {
        Arrivals::new(shape, Duration::from_secs(seconds), seed).collect()
    }

    #[test]
    fn a_constant_rate_is_even() {
        let times = times(&Shape::Constant { rate: 100.0 }, 2, 1);
        assert_eq!(times.len(), 200);
        assert!(times.windows(2).all(|pair| (9_999_999..=10_000_001).contains(&(pair[1] - pair[0]))));
    }

    #[test]
    fn chance_follows_the_seed_and_has_the_rate_and_the_variance_of_a_poisson_process() {
        let shape = Shape::Poisson { rate: 1_000.0 };
        let some = times(&shape, 50, 7);
        assert_eq!(some, times(&shape, 50, 7));
        assert_ne!(some, times(&shape, 50, 8));
        // 50,000 expected; five standard deviations are 1,118.
        assert!((48_882..=51_118).contains(&some.len()), "{}", some.len());
        let gaps: Vec<f64> = some.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // The standard deviation of an exponential distribution is its mean.
        assert!((0.95..1.05).contains(&(variance.sqrt() / mean)));
    }

    #[test]
    fn each_shape_has_its_number_of_requests_in_rising_order() {
        let shapes = [
            (Shape::Ramp { from: 0.0, to: 100.0 }, 500),
            (Shape::Step { from: 10.0, to: 30.0, steps: 3 }, 200),
            (Shape::Spike { rate: 10.0, peak: 100.0, share: 0.2 }, 280),
            (Shape::Pyramid { rate: 0.0, peak: 100.0 }, 500),
            (Shape::Burst { size: 7, every_ms: 1_000 }, 70),
            (Shape::Trace { times_ns: vec![0, 5, 5, 20_000_000_000] }, 3),
        ];
        for (shape, number) in shapes {
            assert_eq!(shape.validate(), Ok(()));
            let times = times(&shape, 10, 1);
            assert!(times.len().abs_diff(number) <= 1, "{}: {}", shape.name(), times.len());
            assert!(times.is_sorted() && times.iter().all(|due| *due <= 10_000_000_000), "{}", shape.name());
        }
    }

    #[test]
    fn a_step_has_its_rate_in_each_step() {
        let times = times(&Shape::Step { from: 10.0, to: 30.0, steps: 3 }, 30, 1);
        let within =
            |from: u64, to: u64| times.iter().filter(|due| (from..to).contains(&(**due / 1_000_000_000))).count();
        assert!(
            within(0, 10).abs_diff(100) <= 1 && within(10, 20).abs_diff(200) <= 1 && within(20, 30).abs_diff(300) <= 1
        );
    }

    #[test]
    fn what_can_not_be_sent_is_refused() {
        for shape in [
            Shape::Constant { rate: 0.0 },
            Shape::Constant { rate: f64::NAN },
            Shape::Poisson { rate: -1.0 },
            Shape::Ramp { from: 0.0, to: 0.0 },
            Shape::Step { from: 1.0, to: 2.0, steps: 0 },
            Shape::Spike { rate: 1.0, peak: 2.0, share: 1.0 },
            Shape::Burst { size: 0, every_ms: 1 },
            Shape::Trace { times_ns: vec![2, 1] },
        ] {
            assert!(shape.validate().is_err(), "{shape:?}");
        }
    }
}
