#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use rand::SeedableRng;

use super::*;
use crate::azure_trace::{Calls, Window, generate};

fn trace(counts: &[u32]) -> Trace {
    let functions = counts.iter().enumerate().map(|(number, count)| TracedFunction {
        name: format!("a/{number}"),
        calls: Calls::Listed(vec![(0.0, f64::from(number as u32)); *count as usize]),
        memory_mb: None,
    });
    Trace {
        functions: functions.collect(),
        window: Window { from_minute: 0, minutes: 1 },
        source: "a test".to_owned(),
        without_durations: 0,
        malformed: Vec::new(),
    }
}

#[test]
fn distances_are_those_of_the_textbook() {
    let distance = Distance::between(vec![0.0, 9.0], vec![0.0, 0.0, 9.0, 99.0]);
    // At 9: 1 against 3/4.
    assert_eq!(distance.kolmogorov_smirnov, 0.25);
    // From 9 to 99 is one decade, over which a quarter lies apart.
    assert!((distance.wasserstein_decades - 0.25).abs() < 1e-12, "{distance:?}");
    let same = Distance::between(vec![1.0, 2.0], vec![2.0, 1.0, 1.0, 2.0]);
    assert_eq!((same.kolmogorov_smirnov, same.wasserstein_decades), (0.0, 0.0));
    assert_eq!(Distance::between(Vec::new(), vec![1.0]).kolmogorov_smirnov, 1.0);
}

#[test]
fn a_sample_of_a_heavy_tailed_trace_stands_for_it() {
    let trace = generate(2_000, Window { from_minute: 0, minutes: 60 }, 1);
    let sampled = sample(&trace, 40, &mut ChaCha8Rng::seed_from_u64(2));
    assert_eq!(sampled.picked.len(), 40);
    assert!(sampled.calls.kolmogorov_smirnov <= 1.0 / 40.0 + 1.0 / trace.functions.len() as f64, "{sampled:?}");
    // 50 draws: far nearer than the 0.21 that one of 40 in a hundred may be off (the distribution's 95% point, 1.36 / sqrt(40)).
    assert!(sampled.durations.kolmogorov_smirnov < 0.13, "{sampled:?}");
    assert!(sampled.calls.wasserstein_decades < 0.2, "{sampled:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn a_sample_is_as_large_as_asked_for_without_repetition_and_near(
        counts in prop::collection::vec(1u32..60, 1..80), functions in 1usize..90, seed: u64,
    ) {
        let trace = trace(&counts);
        let sampled = sample(&trace, functions, &mut ChaCha8Rng::seed_from_u64(seed));
        let expected = functions.min(counts.len());
        let mut picked = sampled.picked.clone();
        picked.sort_unstable();
        picked.dedup();
        prop_assert_eq!(picked.len(), expected);
        let bound = 1.0 / expected as f64 + 1.0 / counts.len() as f64;
        prop_assert!(sampled.calls.kolmogorov_smirnov <= bound + 1e-12, "{:?}", sampled);
        if expected == counts.len() {
            prop_assert_eq!(sampled.calls.kolmogorov_smirnov, 0.0);
        }
    }
}
