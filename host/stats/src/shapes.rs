//! What simulations draw from: distributions whose quantiles are known, and processes of them.

use rand::{Rng, SeedableRng, rngs::StdRng};
use rand_distr::{Cauchy, Distribution, LogNormal, Normal};
use statrs::distribution::{ContinuousCDF, Normal as NormalQuantiles};

use super::{Clusters, Interval, Sample};

/// Positive distributions with a median of 100, as times are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    Normal,
    LogNormal,
    /// Two equal modes that meet at 100, symmetrically.
    Bimodal,
    /// A variance without end.
    Pareto,
    /// The logarithm has Cauchy's distribution, whose mean is without end.
    LogCauchy,
}

pub(super) const SHAPES: [Shape; 5] =
    [Shape::Normal, Shape::LogNormal, Shape::Bimodal, Shape::Pareto, Shape::LogCauchy];

/// How processes of one program differ, for their whole life.
#[derive(Debug, Clone, Copy)]
pub(super) enum Between {
    /// Not at all.
    Nothing,
    /// By a factor of about 3 %.
    Factor,
    /// Half of them are 10 % slower than the others.
    TwoModes,
    /// One in ten is 30 % slower than the others, which differ by 1 %.
    RarelySlow,
}

impl Shape {
    pub(super) fn draw(self, random: &mut StdRng) -> f64 {
        match self {
            Self::Normal => normal(100.0, 5.0, random),
            Self::LogNormal => log_normal(100f64.ln(), 0.5, random),
            Self::Bimodal => normal(if random.random_bool(0.5) { 80.0 } else { 120.0 }, 8.0, random),
            Self::Pareto => 100.0 / (2.0 * (1.0 - random.random::<f64>())).sqrt(),
            Self::LogCauchy => {
                let cauchy = Cauchy::new(0.0, 0.2).map_or(f64::NAN, |cauchy| cauchy.sample(random));
                100.0 * cauchy.clamp(-100.0, 100.0).exp()
            }
        }
    }

    /// The quantile at a probability of at least a half.
    pub(super) fn quantile(self, probability: f64) -> f64 {
        let normal = |probability: f64| NormalQuantiles::standard().inverse_cdf(probability);
        match self {
            Self::Normal => 100.0 + 5.0 * normal(probability),
            Self::LogNormal => 100.0 * (0.5 * normal(probability)).exp(),
            // The lower mode is as good as wholly below.
            Self::Bimodal if probability > 0.5 => 120.0 + 8.0 * normal(2.0 * probability - 1.0),
            Self::Bimodal => 100.0,
            Self::Pareto => 100.0 / (2.0 * (1.0 - probability)).sqrt(),
            Self::LogCauchy => 100.0 * (0.2 * (std::f64::consts::PI * (probability - 0.5)).tan()).exp(),
        }
    }

    pub(super) fn values(self, n: usize, random: &mut StdRng) -> Vec<f64> {
        (0..n).map(|_| self.draw(random)).collect()
    }

    pub(super) fn sample(self, n: usize, random: &mut StdRng) -> Sample {
        Sample::new(self.values(n, random)).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(super) fn clusters(
        self,
        between: Between,
        processes: usize,
        repetitions: usize,
        random: &mut StdRng,
    ) -> Clusters {
        let process = |random: &mut StdRng| {
            let factor = between.draw(random);
            (0..repetitions).map(|_| factor * self.draw(random)).collect()
        };
        Clusters::new((0..processes).map(|_| process(random)).collect()).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Between {
    fn draw(self, random: &mut StdRng) -> f64 {
        match self {
            Self::Nothing => 1.0,
            Self::Factor => log_normal(0.0, 0.03, random),
            Self::TwoModes => f64::from(10 + u8::from(random.random_bool(0.5))) / 10.0,
            Self::RarelySlow if random.random_bool(0.1) => 1.3,
            Self::RarelySlow => log_normal(0.0, 0.01, random),
        }
    }
}

fn normal(mean: f64, deviation: f64, random: &mut StdRng) -> f64 {
    Normal::new(mean, deviation).map_or(f64::NAN, |normal| normal.sample(random))
}

fn log_normal(mean: f64, deviation: f64, random: &mut StdRng) -> f64 {
    LogNormal::new(mean, deviation).map_or(f64::NAN, |log_normal| log_normal.sample(random))
}

/// The share of `draws` for which `holds`.
pub(super) fn share(draws: u32, seed: u64, mut holds: impl FnMut(&mut StdRng) -> bool) -> f64 {
    let mut random = StdRng::seed_from_u64(seed);
    let hits = (0..draws).filter(|_| holds(&mut random)).count();
    hits as f64 / f64::from(draws)
}

pub(super) fn covers(interval: Option<Interval>, value: f64) -> bool {
    interval.is_some_and(|interval| interval.contains(value))
}
