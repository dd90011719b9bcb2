//! Odd values: whatever is measured, the answer is numbers or a reason, and never a panic.

use proptest::prelude::*;

use super::*;

const C95: Confidence = Confidence::NINETY_FIVE;

/// Zeros of both signs, the least and the greatest, equal ones, and some in between.
fn odd_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        Just(-0.0),
        Just(1.0),
        Just(f64::MIN_POSITIVE / 4.0),
        Just(1e100),
        Just(-1e100),
        -10.0..10.0f64,
        1.0..1.000_000_1f64,
    ]
}

fn odd_values() -> impl Strategy<Value = Vec<f64>> {
    prop_oneof![
        prop::collection::vec(odd_value(), 1..40),
        (odd_value(), 1..40usize).prop_map(|(value, n)| vec![value; n]),
        prop::collection::vec(0.001..100.0f64, 1..40),
    ]
}

/// Fails where a result holds something that is no number.
fn is_numbers(result: impl std::fmt::Debug) -> Result<(), TestCaseError> {
    let text = format!("{result:?}");
    prop_assert!(!text.contains("NaN") && !text.contains("inf"), "{}", text);
    Ok(())
}

fn clusters(values: &[f64], repetitions: usize) -> Result<Clusters, TestCaseError> {
    let processes = values.chunks(repetitions).map(<[f64]>::to_vec).collect();
    Clusters::new(processes).map_err(|error| TestCaseError::fail(error.to_string()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn one_side_has_an_answer_of_numbers(values in odd_values(), repetitions in 1..20usize) {
        let permutations = Permutations { count: 99, ..Permutations::default() };
        let bootstrap = Bootstrap { resamples: 200, ..Bootstrap::default() };
        let clusters = clusters(&values, repetitions)?;
        is_numbers(summarise(&values, C95))?;
        is_numbers(mean(&values, C95))?;
        is_numbers(trend(&values, C95))?;
        is_numbers(warm_up(&values, &permutations))?;
        is_numbers(change_points(&values, &permutations))?;
        is_numbers(clustered_median(&clusters, &bootstrap))?;
        is_numbers(samples_for(clusters.pooled(), 0.02, C95))?;
        is_numbers(processes_for(&clusters, 0.02, C95))?;
        is_numbers(StoppingRule::new(0.05, 6, C95).map(|rule| rule.reached(clusters.pooled())))?;
    }

    #[test]
    fn two_sides_have_an_answer_of_numbers(baseline in odd_values(), new in odd_values(), repetitions in 1..20usize) {
        let bootstrap = Bootstrap { resamples: 200, ..Bootstrap::default() };
        let (baseline, new) = (clusters(&baseline, repetitions)?, clusters(&new, repetitions)?);
        is_numbers(ratio_of_medians(new.pooled(), baseline.pooled(), &bootstrap))?;
        is_numbers(compare(&baseline, &new, &bootstrap))?;
        let pairs = [(&baseline, &new), (&new, &baseline), (&baseline, &baseline)];
        for correction in [Correction::None, Correction::FamilyWise, Correction::FalseDiscovery] {
            let found = compare_many(&pairs, correction, &bootstrap);
            is_numbers(&found)?;
            prop_assert!(!found[2].verdict.is_difference(), "{:?}", found[2]);
            for found in found {
                let called = found.adjusted_p_value.is_some_and(|p_value| p_value < 0.05 - 1e-12);
                prop_assert!(!found.verdict.is_difference() || called || found.adjusted_p_value == Some(0.05), "{:?}", found);
            }
        }
    }
}

#[test]
fn values_that_are_no_measurements_are_refused_with_their_position() {
    let text = |values: &[f64]| Sample::new(values.to_vec()).map_or_else(|error| error.to_string(), |_| String::new());
    assert_eq!(text(&[1.0, f64::INFINITY]), "sample 1 is inf, not a finite number");
    assert_eq!(text(&[1.0, 2.0, -1e200]), "sample 2 is -1e200, beyond 1e100");
    assert_eq!(text(&[]), "no samples");
    assert_eq!(mean(&[f64::MAX], C95), Err(SampleError::TooGreat { index: 0, value: f64::MAX }));
}

#[test]
fn a_hundred_thousand_values_are_done_at_once() -> Result<(), SampleError> {
    let values: Vec<f64> =
        (0..100_000u32).map(|step| 100.0 + f64::from(step.wrapping_mul(2_654_435_761) >> 8) / 1e6).collect();
    let processes = Clusters::new(values.chunks(10_000).map(<[f64]>::to_vec).collect())?;
    let bootstrap = Bootstrap { resamples: 1_000, ..Bootstrap::default() };
    assert!(
        matches!(compare(&processes, &processes, &bootstrap).verdict, Verdict::NoDifference { could_have_missed } if could_have_missed < 0.01)
    );
    assert_eq!(summarise(&values, C95)?.n, 100_000);
    Ok(())
}
