//! A trace of ours, for who has none.
//!
//! Its distributions are those that M. Shahrad et al., "Serverless in the Wild" (USENIX ATC 2020), give for Azure Functions:
//! average execution times are log-normal (mean of the logarithm -0.38, standard deviation 2.36, s; section 3.4), memory is
//! Burr XII (c = 11.652, k = 0.221, scale 107.083 MB; section 3.5), and daily calls are such that 45% of the applications have at
//! most one an hour and 81% at most one a minute (section 3.3): a log-normal distribution through these two points.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal, Poisson};

use super::percentiles::Percentiles;
use super::{Calls, Trace, TracedFunction, Window};

const DURATION_LN_S: (f64, f64) = (-0.38, 2.36);
const MEMORY_BURR: (f64, f64, f64) = (11.652, 0.221, 107.083);
/// ln 24 is 0.126 standard deviations below the mean, ln 1440 is 0.878 above it.
const DAILY_CALLS_LN: (f64, f64) = (3.692, 4.078);
/// No function of the published trace takes, or is called, more: 10 minutes, 1,000,000 a minute.
const LONGEST_S: f64 = 600.0;
const MOST_PER_MINUTE: f64 = 1e6;
/// Spread of a function's durations about their median, of the logarithm: ours, as the paper gives none.
const WITHIN: f64 = 0.5;

/// Functions that are called in a window, from a seed; of `functions`, those that are called at all.
pub(crate) fn generate(functions: u32, window: Window, seed: u64) -> Trace {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let mut made: Vec<TracedFunction> = Vec::new();
    for number in 0..functions.max(1) {
        let function = one(number, window, &mut chance);
        made.extend(function.filter(|function| function.count() > 0));
    }
    if made.is_empty() {
        // A window in which nothing happens would be no trace.
        let durations_s = Percentiles::new(vec![(50.0, DURATION_LN_S.0.exp())]);
        made.extend(durations_s.ok().map(|durations_s| TracedFunction {
            name: "generated/0".to_owned(),
            calls: Calls::Counted { minutes: vec![(0, 1)], durations_s },
            memory_mb: None,
        }));
    }
    Trace {
        functions: made,
        window,
        source: format!(
            "generated from seed {seed} with the distributions of Shahrad et al. (2020): no trace file was given"
        ),
        without_durations: 0,
        malformed: Vec::new(),
    }
}

fn one(number: u32, window: Window, chance: &mut ChaCha8Rng) -> Option<TracedFunction> {
    // The parameters are constants that the distributions accept.
    let daily: f64 = LogNormal::new(DAILY_CALLS_LN.0, DAILY_CALLS_LN.1).ok()?.sample(chance);
    let median_s: f64 = LogNormal::new(DURATION_LN_S.0, DURATION_LN_S.1).ok()?.sample(chance);
    let per_minute = (daily / 1440.0).clamp(1e-9, MOST_PER_MINUTE);
    let counts = Poisson::new(per_minute).ok()?;
    let minutes = (0..window.minutes).filter_map(|minute| {
        let count: f64 = counts.sample(chance);
        (count >= 1.0).then_some((minute, count as u32))
    });
    let minutes = minutes.collect();
    // Quantiles of a log-normal distribution, and of the Burr distribution by its inverse.
    let durations =
        [(0.0, -3.0), (1.0, -2.326), (25.0, -0.674), (50.0, 0.0), (75.0, 0.674), (99.0, 2.326), (100.0, 3.0)];
    let durations = durations.map(|(percentage, z)| (percentage, (median_s * f64::exp(WITHIN * z)).min(LONGEST_S)));
    let (c, k, scale) = MEMORY_BURR;
    let typical: f64 = chance.random_range(0.0..0.999);
    let memory_mb = scale * ((1.0 - typical).powf(-1.0 / k) - 1.0).powf(1.0 / c);
    Some(TracedFunction {
        name: format!("generated/{number}"),
        calls: Calls::Counted { minutes, durations_s: Percentiles::new(durations.into()).ok()? },
        memory_mb: Percentiles::new(vec![(1.0, memory_mb * 0.9), (50.0, memory_mb), (100.0, memory_mb * 1.2)]).ok(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_its_seed_and_has_the_published_shares() {
        let day = Window { from_minute: 0, minutes: 1440 };
        let hour = Window { from_minute: 0, minutes: 60 };
        assert_eq!(generate(200, hour, 5), generate(200, hour, 5));
        assert_ne!(generate(200, hour, 5), generate(200, hour, 6));
        let trace = generate(600, day, 5);
        // Of 600; those that were never called are not in it.
        let share = |most: u64| {
            let more = trace.functions.iter().filter(|function| function.count() > most).count();
            1.0 - more as f64 / 600.0
        };
        assert!((share(24) - 0.45).abs() < 0.06, "{}", share(24));
        assert!((share(1440) - 0.81).abs() < 0.06, "{}", share(1440));
        let mut memory: Vec<f64> =
            trace.functions.iter().filter_map(|function| Some(function.memory_mb.as_ref()?.at(50.0))).collect();
        memory.sort_by(f64::total_cmp);
        // The Burr distribution's median: 107.083 (2^(1/0.221) - 1)^(1/11.652) = 138.
        assert!((120.0..160.0).contains(&memory[memory.len() / 2]), "{}", memory[memory.len() / 2]);
    }
}
