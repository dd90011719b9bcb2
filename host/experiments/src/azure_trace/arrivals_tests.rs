#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use rand::SeedableRng;

use super::*;
use crate::azure_trace::percentiles::Percentiles;

fn counted(minutes: Vec<(u32, u32)>) -> TracedFunction {
    let durations_s = Percentiles::new(vec![(0.0, 0.1), (100.0, 0.5)]).unwrap();
    TracedFunction { name: "a/f".to_owned(), calls: Calls::Counted { minutes, durations_s }, memory_mb: None }
}

fn replay(factor: f64, spacing: Spacing) -> Replay {
    Replay { factor, minute_s: 60.0, spacing, duration_factor: 1.0, longest_s: 1e9 }
}

fn of(function: &TracedFunction, replay: &Replay, seed: u64) -> Vec<Arrival> {
    arrivals(function, replay, &mut ChaCha8Rng::seed_from_u64(seed))
}

#[test]
fn arrivals_in_a_minute_are_as_irregular_as_a_poisson_process_and_nothing_happens_at_second_0() {
    let function = counted((0..200).map(|minute| (minute, 30)).collect());
    let arrivals = of(&function, &replay(1.0, Spacing::Poisson), 3);
    let gaps: Vec<f64> = arrivals.windows(2).map(|pair| pair[1].at_s - pair[0].at_s).collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    let deviation = (gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt();
    assert!((0.9..1.1).contains(&(deviation / mean)), "{}", deviation / mean);
    // Of 6,000, 100 are expected in the first second of a minute; six standard deviations are 60.
    let at_0 = arrivals.iter().filter(|arrival| arrival.at_s % 60.0 < 1.0).count();
    assert!((40..160).contains(&at_0), "{at_0}");
}

#[test]
fn equidistant_arrivals_are_shifted_by_another_part_of_each_minute() {
    let arrivals = of(&counted(vec![(0, 4), (1, 4)]), &replay(1.0, Spacing::Equidistant), 1);
    let places: Vec<f64> = arrivals.iter().map(|arrival| arrival.at_s).collect();
    assert!((places[1] - places[0] - 15.0).abs() < 1e-9 && (places[6] - places[5] - 15.0).abs() < 1e-9, "{places:?}");
    assert!(places[0] > 0.01 && (places[4] - 60.0 - places[0]).abs() > 0.01, "{places:?}");
}

#[test]
fn durations_are_scaled_and_cut() {
    let cut = Replay { duration_factor: 10.0, longest_s: 3.0, minute_s: 6.0, ..replay(1.0, Spacing::Poisson) };
    let arrivals = of(&counted(vec![(2, 500)]), &cut, 1);
    assert!(arrivals.iter().all(|arrival| (1.0..=3.0).contains(&arrival.duration_s)));
    // 1 to 5 s, uniform: half of them are longer than 3 s.
    let cut = arrivals.iter().filter(|arrival| arrival.is_cut).count();
    assert!((200..300).contains(&cut), "{cut}");
    assert!(arrivals.iter().all(|arrival| (12.0..18.0).contains(&arrival.at_s)));
}

proptest! {
    #[test]
    fn the_number_of_calls_is_exact_and_each_stays_in_its_minute(
        counts in prop::collection::vec(0u32..40, 1..20), factor in 0.01..3.0_f64, seed: u64, equidistant: bool,
    ) {
        let spacing = if equidistant { Spacing::Equidistant } else { Spacing::Poisson };
        let minutes: Vec<(u32, u32)> = (0..).zip(counts).filter(|(_, count)| *count > 0).collect();
        let function = counted(minutes.clone());
        let arrivals = of(&function, &replay(factor, spacing), seed);
        prop_assert_eq!(&arrivals, &of(&function, &replay(factor, spacing), seed));
        prop_assert_eq!(arrivals.len() as u64, (function.count() as f64 * factor).round() as u64);
        prop_assert!(arrivals.is_sorted_by(|one, other| one.at_s <= other.at_s));
        for (minute, count) in minutes {
            let from = f64::from(minute) * 60.0;
            let here = arrivals.iter().filter(|arrival| (from..from + 60.0).contains(&arrival.at_s)).count() as f64;
            prop_assert!((here - f64::from(count) * factor).abs() <= 1.0 + 1e-9);
        }
    }

    #[test]
    fn listed_calls_keep_their_times_and_their_number_is_exact(
        times in prop::collection::vec((0.0..300.0_f64, 0.0..9.0_f64), 0..60), factor in 0.0..3.0_f64, seed: u64,
    ) {
        let function = TracedFunction { name: "a/f".to_owned(), calls: Calls::Listed(times.clone()), memory_mb: None };
        let arrivals = of(&function, &replay(factor, Spacing::Poisson), seed);
        prop_assert_eq!(arrivals.len(), (times.len() as f64 * factor).round() as usize);
        let kept = |(at, duration): &(f64, f64)| {
            arrivals.iter().any(|arrival| (arrival.at_s - at).abs() < 1e-6 && (arrival.duration_s - duration).abs() < 1e-12)
        };
        let number = times.iter().filter(|call| kept(call)).count();
        prop_assert!(number >= times.len().min(arrivals.len()), "{} of {}", number, times.len());
    }
}
