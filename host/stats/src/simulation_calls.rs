//! How often something is called that isn't there: differences of like with like, drifts, warm-ups and changes of steady
//! values. And that what is there is seen.
//!
//! At 95 %, in 10,000 draws unless said otherwise:
//! - like with like, 2 to 16 processes a side, equal numbers or not, of 1 or 10 repetitions, over all shapes and ways in
//!   which processes differ: called different in 0.3 to 5.0 %, never with two against two. (Where processes are drawn:
//!   2.3 to 2.5 % with eight a side, and 1.2 to 4.4 % of 1,000 otherwise.) Two of the 560 cells were above: seven a side
//!   of the bimodal shape with 5.32 % and of the normal one in two modes with 5.02 %. The intervals over two to seven
//!   processes were widened after that, which can only lower the others too: these two have 2.4 and 4.8 %, and the 54
//!   cells that were drawn again at most 4.84 % but for one. Known to be above 5 %: seven a side whose processes have one
//!   of two values and as good as nothing between, 5.7 to 6.0 %, as six a side have 4.75 % at most;
//! - any call in a table of 20 of like with like: 1.8 to 3.4 % with Holm, 2.1 to 3.5 % with Benjamini and Hochberg, and 21
//!   to 61 % without a correction (1,000 tables from eight processes on);
//! - steady series of 10 to 100: drift 4.2 to 5.3 %, warm-up 4.1 to 5.3 % (none in 10), change 4.0 to 5.2 %;
//! - a regression after 30 runs is found where it is, by 4 standard deviations after 3 runs in 94 % of 1,000 series, by 2
//!   after 3, 5 and 10 runs in 28, 58 and 82 %, by 1 after 15 runs in 26 %.

use super::shapes::{Between, SHAPES, Shape, share};
use super::*;

const C95: Confidence = Confidence::NINETY_FIVE;
const DRAWS: u32 = 10_000;
const BETWEEN: [Between; 4] = [Between::Nothing, Between::Factor, Between::TwoModes, Between::RarelySlow];
const FEW_RESAMPLES: Bootstrap = Bootstrap { resamples: 1_000, seed: 0, confidence: C95 };

/// How often like is called different from like.
fn calls(shape: Shape, between: Between, sides: (usize, usize), repetitions: usize, draws: u32) -> f64 {
    share(draws, 1, |random| {
        let baseline = shape.clusters(between, sides.0, repetitions, random);
        let new = shape.clusters(between, sides.1, repetitions, random);
        compare(&baseline, &new, &FEW_RESAMPLES).verdict.is_difference()
    })
}

#[test]
fn like_is_seldom_called_different_from_like() {
    for (shape, between, sides, repetitions, draws) in [
        (Shape::Normal, Between::TwoModes, (2, 2), 10, 1_000),
        (Shape::Normal, Between::Factor, (3, 3), 10, 1_000),
        (Shape::Bimodal, Between::Nothing, (3, 3), 1, DRAWS),
        (Shape::Pareto, Between::Factor, (2, 16), 1, 2_000),
        (Shape::LogNormal, Between::RarelySlow, (5, 5), 5, 1_000),
        (Shape::LogCauchy, Between::Factor, (7, 7), 3, 1_000),
        (Shape::Normal, Between::Factor, (8, 8), 5, 60),
    ] {
        let found = calls(shape, between, sides, repetitions, draws);
        // Three standard errors of a share of 0.05.
        let most = 0.05 + 3.0 * (0.05 * 0.95 / f64::from(draws)).sqrt();
        assert!(found <= most, "{shape:?}, {between:?}, {sides:?}: {found}");
    }
}

#[test]
#[ignore = "minutes: cargo test --release -p faasbench --lib stats::simulation -- --ignored --nocapture"]
fn like_is_seldom_called_different_from_like_in_10_000_draws() {
    let sides = [
        (2, 2),
        (2, 4),
        (2, 16),
        (3, 3),
        (3, 8),
        (4, 4),
        (5, 5),
        (5, 16),
        (6, 6),
        (7, 7),
        (8, 8),
        (8, 16),
        (12, 12),
        (16, 16),
    ];
    let mut greatest: f64 = 0.0;
    for between in BETWEEN {
        for repetitions in [1, 10] {
            for sides in sides {
                // Where processes are drawn it takes half a millisecond each time.
                let quick = repetitions == 1 || sides.0 < 8 || (sides == (8, 8) && matches!(between, Between::Factor));
                let draws = if quick { DRAWS } else { 1_000 };
                let found = SHAPES.map(|shape| calls(shape, between, sides, repetitions, draws));
                println!("{between:?}, {repetitions} repetitions, {sides:?}: {found:?}");
                if quick {
                    greatest = found.into_iter().fold(greatest, f64::max);
                }
                assert!(found.into_iter().all(|found| found <= 0.07), "{found:?}");
            }
        }
    }
    println!("at most {greatest}");
    // Three standard errors above 5 %.
    assert!(greatest <= 0.0565, "{greatest}");
}

/// How often a table of like with like has any call, each pair apart or all with one baseline.
fn tables_with_calls(correction: Correction, processes: usize, one_baseline: bool, draws: u32) -> f64 {
    share(draws, 2, |random| {
        let mut side = || Shape::LogNormal.clusters(Between::Factor, processes, 5, random);
        let (baselines, news): (Vec<_>, Vec<_>) = (0..20).map(|_| (side(), side())).unzip();
        let baseline = |index: usize| if one_baseline { &baselines[0] } else { &baselines[index] };
        let pairs: Vec<_> = news.iter().enumerate().map(|(index, new)| (baseline(index), new)).collect();
        compare_many(&pairs, correction, &FEW_RESAMPLES).iter().any(|found| found.verdict.is_difference())
    })
}

#[test]
fn a_whole_table_of_like_with_like_seldom_has_a_call() {
    for correction in [Correction::FamilyWise, Correction::FalseDiscovery] {
        for one_baseline in [false, true] {
            let found = tables_with_calls(correction, 4, one_baseline, 60);
            // Three standard errors above 5 %.
            assert!(found <= 0.135, "{correction:?}, {one_baseline}: {found}");
        }
    }
    assert!(tables_with_calls(Correction::None, 4, false, 30) > 0.1);
}

#[test]
#[ignore = "three minutes: cargo test --release -p faasbench --lib stats::simulation -- --ignored --nocapture"]
fn a_whole_table_of_like_with_like_seldom_has_a_call_in_many_draws() {
    for (processes, draws) in [(3, 10_000), (4, 10_000), (6, 10_000), (8, 1_000), (16, 1_000)] {
        for correction in [Correction::None, Correction::FamilyWise, Correction::FalseDiscovery] {
            for one_baseline in [false, true] {
                let found = tables_with_calls(correction, processes, one_baseline, draws);
                println!("{processes} processes, {correction:?}, one baseline {one_baseline}: {found}");
                let most = 0.05 + 3.0 * (0.05 * 0.95 / f64::from(draws)).sqrt();
                assert!(correction == Correction::None || found <= most, "{found}");
            }
        }
    }
}

#[test]
fn true_differences_are_seen() {
    let seen = |processes: usize, factor: f64, draws: u32| {
        share(draws, 3, |random| {
            let side = |random: &mut _| Shape::Normal.clusters(Between::Factor, processes, 10, random);
            let (baseline, other) = (side(random), side(random));
            let scaled = |process: &Vec<f64>| process.iter().map(|value| factor * value).collect();
            let Ok(new) = Clusters::new(other.repetitions().iter().map(scaled).collect()) else { return false };
            matches!(compare(&baseline, &new, &FEW_RESAMPLES).verdict, Verdict::Increase { low, high } if low < factor && factor < high)
        })
    };
    let (few, many) = (seen(3, 1.2, 1_000), seen(8, 1.1, 50));
    assert!(few > 0.9 && many > 0.9, "{few} {many}");
}

#[test]
fn steady_values_seldom_drift_warm_up_or_change() {
    let permutations = Permutations { count: 199, ..Permutations::default() };
    for shape in [Shape::Normal, Shape::Bimodal, Shape::LogCauchy] {
        let drifts = share(2_000, 4, |random| trend(&shape.values(25, random), C95).is_ok_and(|found| found.is_drift));
        let warm_ups = share(300, 5, |random| matches!(warm_up(&shape.values(40, random), &permutations), Ok(Some(_))));
        let changes = share(150, 6, |random| {
            !change_points(&shape.values(25, random), &permutations).is_ok_and(|found| found.is_empty())
        });
        // Three standard errors above 5 %.
        assert!(drifts <= 0.065 && warm_ups <= 0.088 && changes <= 0.103, "{shape:?}: {drifts} {warm_ups} {changes}");
    }
}

#[test]
#[ignore = "a minute: cargo test --release -p faasbench --lib stats::simulation -- --ignored --nocapture"]
fn steady_values_seldom_drift_warm_up_or_change_in_10_000_draws() {
    let permutations = Permutations { count: 199, ..Permutations::default() };
    for shape in SHAPES {
        for n in [10, 30, 100] {
            let drifts =
                share(DRAWS, 4, |random| trend(&shape.values(n, random), C95).is_ok_and(|found| found.is_drift));
            let warm_ups =
                share(DRAWS, 5, |random| matches!(warm_up(&shape.values(n, random), &permutations), Ok(Some(_))));
            let draws = if n > 30 { 2_000 } else { DRAWS };
            let changes = share(draws, 6, |random| {
                !change_points(&shape.values(n, random), &permutations).is_ok_and(|found| found.is_empty())
            });
            println!("{shape:?}, n {n}: drift {drifts}, warm-up {warm_ups}, change {changes}");
            assert!(drifts <= 0.0565 && warm_ups <= 0.0565 && changes <= 0.065);
        }
    }
}

#[test]
#[ignore = "a minute: cargo test --release -p faasbench --lib stats::simulation -- --ignored --nocapture"]
fn a_regression_of_a_series_is_found_where_it_is() {
    for (shift, runs) in [(2.0, 3), (2.0, 5), (2.0, 10), (4.0, 3), (4.0, 5), (1.0, 15)] {
        let found = share(1_000, 7, |random| {
            let values = Shape::Normal.values(30 + runs, random);
            let shifted =
                values.iter().enumerate().map(|(step, value)| value + if step < 30 { 0.0 } else { 5.0 * shift });
            change_points(&shifted.collect::<Vec<_>>(), &Permutations::default())
                .is_ok_and(|found| found.iter().any(|point| point.index.abs_diff(30) <= 1))
        });
        println!("{shift} standard deviations for {runs} runs after 30: found in {found}");
        assert!(found > if shift >= 4.0 { 0.8 } else { 0.0 });
    }
}
