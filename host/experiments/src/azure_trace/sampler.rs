//! Some functions of a trace that stand for all of them.

use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Trace, TracedFunction};

/// Draws of which the nearest is taken.
const DRAWS: u32 = 50;

/// How far two distributions are apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Distance {
    /// Kolmogorov-Smirnov: the greatest difference of the two distribution functions, 0 to 1.
    pub(crate) kolmogorov_smirnov: f64,
    /// Wasserstein (of order 1) between the logarithms to base 10 of 1 and the value: by how many powers of ten values would have
    /// to be moved on average.
    pub(crate) wasserstein_decades: f64,
}

/// Functions that were picked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sampled {
    /// Their places in the trace.
    pub(crate) picked: Vec<usize>,
    /// How far their calls are from those of all functions.
    pub(crate) calls: Distance,
    /// The same of their mean durations.
    pub(crate) durations: Distance,
}

/// Picks so many functions (all of them, where there are no more): sorted by their calls they are divided into as many equal
/// parts, and one is drawn from each. So the distribution of calls is kept: its Kolmogorov-Smirnov distance is at most `1/n + 1/all`.
/// Of 50 such draws, the one is taken whose calls and durations are nearest to all functions'.
pub(crate) fn sample(trace: &Trace, functions: usize, chance: &mut ChaCha8Rng) -> Sampled {
    let all = trace.functions.len();
    let mut by_calls: Vec<usize> = (0..all).collect();
    by_calls.sort_by(|one, other| {
        let key = |index: &usize| trace.functions[*index].count();
        key(one).cmp(&key(other)).then_with(|| trace.functions[*one].name.cmp(&trace.functions[*other].name))
    });
    let functions = functions.clamp(1, all.max(1));
    if functions >= all {
        return judged(trace, (0..all).collect());
    }
    let mut best: Option<Sampled> = None;
    for _ in 0..DRAWS {
        let parts = (0..functions).map(|part| &by_calls[part * all / functions..(part + 1) * all / functions]);
        let picked: Vec<usize> = parts.filter_map(|part| part.choose(chance).copied()).collect();
        let drawn = judged(trace, picked);
        let distance = |sampled: &Sampled| sampled.calls.kolmogorov_smirnov + sampled.durations.kolmogorov_smirnov;
        if best.as_ref().is_none_or(|best| distance(&drawn) < distance(best)) {
            best = Some(drawn);
        }
    }
    // There is at least one draw.
    best.unwrap_or_else(|| judged(trace, Vec::new()))
}

fn judged(trace: &Trace, picked: Vec<usize>) -> Sampled {
    let distance = |figure: fn(&TracedFunction) -> f64| {
        let of_picked = picked.iter().map(|index| figure(&trace.functions[*index])).collect();
        Distance::between(of_picked, trace.functions.iter().map(figure).collect())
    };
    let calls = distance(|function| function.count() as f64);
    let durations = distance(TracedFunction::mean_duration_s);
    Sampled { picked, calls, durations }
}

impl Distance {
    /// Between two sets of numbers, none below 0; of nothing to something it is as great as can be.
    pub(crate) fn between(mut some: Vec<f64>, mut all: Vec<f64>) -> Distance {
        if some.is_empty() || all.is_empty() {
            return Distance { kolmogorov_smirnov: 1.0, wasserstein_decades: f64::INFINITY };
        }
        some.sort_by(f64::total_cmp);
        all.sort_by(f64::total_cmp);
        let (mut greatest, mut area) = (0.0_f64, 0.0);
        let (mut one, mut other) = (0, 0);
        let mut last: Option<f64> = None;
        while one < some.len() || other < all.len() {
            let at = match (some.get(one), all.get(other)) {
                (Some(here), Some(there)) => here.min(*there),
                (Some(value), None) | (None, Some(value)) => *value,
                (None, None) => break,
            };
            let place = (1.0 + at).log10();
            let apart = (one as f64 / some.len() as f64 - other as f64 / all.len() as f64).abs();
            if let Some(last) = last {
                area += apart * (place - last);
            }
            last = Some(place);
            one += some[one..].iter().take_while(|value| **value <= at).count();
            other += all[other..].iter().take_while(|value| **value <= at).count();
            greatest = greatest.max((one as f64 / some.len() as f64 - other as f64 / all.len() as f64).abs());
        }
        Distance { kolmogorov_smirnov: greatest, wasserstein_decades: area }
    }
}

#[cfg(test)]
#[path = "sampler_tests.rs"]
mod tests;
