//! What identities show of the instances over time is what the platform had. Schedules keep real time, so these take some.

use std::time::Duration;

use experiments::{Experiment, Finding, Mark, find};
use serde_json::{Value, json};

use crate::pretended::{Manner, Trouble, every_fifth};
use crate::stage::{Carried, Stage, carry_out, number, request};

fn scale_up() -> &'static dyn Experiment {
    find("scale-up").unwrap()
}

async fn carried(stage: &Stage, settings: &[(&str, Value)]) -> Carried {
    let mut all = vec![
        ("rounds", json!(1)),
        ("length-s", json!(1.5)),
        ("rate", json!(10)),
        ("peak", json!(80)),
        ("service-s", json!(0.1)),
        ("watch-s", json!(0.0)),
        ("sample-s", json!(0.05)),
        ("shapes", json!(["spike"])),
    ];
    for (name, value) in settings {
        all.retain(|(other, _)| other != name);
        all.push((name, value.clone()));
    }
    carry_out(scale_up(), request(&[stage], &["function1"], &all), &[stage]).await
}

/// The points of the series of that ending in the plot of the instances.
fn series<'a>(finding: &'a Finding, ending: &str) -> &'a [experiments::Point] {
    let is_it = |series: &&experiments::Series| series.name.ends_with(ending);
    &finding.plots[0].series.iter().find(is_it).unwrap_or_else(|| panic!("no {ending}")).points
}

#[tokio::test]
async fn instances_over_time_are_those_that_the_platform_had_and_they_go_again() {
    let manner = Manner { cold_start: Duration::from_millis(50), ..Manner::named("a") };
    let stage = Stage::new("one", manner);
    let carried = carried(&stage, &[("keep-alive-s", json!(0.6)), ("watch-s", json!(1.0))]).await;
    let finding = carried.finding();
    let known = |name: &str| number(finding, 1, 0, name);
    assert_eq!((known("seen, not known"), known("answered outside of their lives")), (0.0, 0.0));
    // 80 calls of 102 ms per second need some eight instances, and as many more as begin while those start.
    let most = number(finding, 0, 0, "most instances");
    assert!((6.0..=24.0).contains(&most), "{most}");
    assert_eq!(most, known("most seen"));
    assert!(known("most known") >= most && known("most known") <= most + 2.0, "{} of {most}", known("most known"));
    let (seen, lives) = (series(finding, ": seen"), series(finding, ": known"));
    assert_eq!(seen.len(), lives.len());
    // Never more than there were, and as many while calls keep them busy.
    assert!(seen.iter().zip(lives).all(|(seen, lives)| seen.y <= lives.y + 1.0));
    let in_the_spike = |point: &&experiments::Point| (0.7..1.0).contains(&point.x);
    let mean = |points: &[experiments::Point]| {
        let values: Vec<f64> = points.iter().filter(in_the_spike).map(|point| point.y).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    assert!(mean(seen) >= 0.6 * mean(lives), "{} of {}", mean(seen), mean(lives));
    // The platform said so too, and all were gone after the keep-alive time.
    assert!(!series(finding, ": told").is_empty());
    let gone = number(finding, 0, 0, "all gone after");
    assert!((0.5..1.0).contains(&gone), "{gone}");
    assert_eq!(lives.last().unwrap().y, 0.0);
    assert!(carried.kept.samples.iter().any(|(name, _, value)| name == "instances" && *value == Ok(0.0)));
    assert!(finding.plots[0].series.iter().any(|series| series.mark == Mark::Step));
}

#[tokio::test]
async fn a_maximum_is_seen_and_queueing_is_in_the_response_times() {
    let manner = Manner { cold_start: Duration::from_millis(10), ..Manner::named("a") };
    let stage = Stage::new("one", manner).configured(|scale, _| scale.maximum_instances = Some(3));
    let carried =
        carried(&stage, &[("shapes", json!(["pyramid", "ramp"])), ("peak", json!(60)), ("length-s", json!(3))]).await;
    let finding = carried.finding();
    for row in 0..2 {
        assert_eq!(number(finding, 0, row, "most instances"), 3.0);
        assert_eq!(number(finding, 1, row, "most known"), 3.0);
        // Twice as many as three instances serve: the last wait long.
        assert!(number(finding, 0, row, "response, p95") > 200e6);
        assert!(number(finding, 0, row, "queue, p95") > 100e6);
        assert!(number(finding, 0, row, "most calls under way") > 6.0);
    }
    assert!(finding.answer.contains("was served by up to 3 "), "{}", finding.answer);
    assert_eq!(finding.plots.len(), 4);
}

#[tokio::test]
async fn failures_hangs_and_drops_are_counted_exactly_and_it_ends() {
    let stage = Stage::new("one", Manner { trouble: every_fifth, ..Manner::named("a") })
        .configured(|_, limits| limits.time = Some(Duration::from_millis(700)));
    let carried = carried(&stage, &[("most-in-flight", json!(6))]).await;
    let finding = carried.finding();
    let column = |name: &str| number(finding, 0, 0, name);
    assert_eq!((column("calls"), column("failed")), (stage.calls() as f64, stage.troubles() as f64));
    assert_eq!(carried.kept.calls.len() as u64, stage.calls());
    // 10 calls per second over two thirds of the time, 80 over the last.
    assert!(column("dropped") > 0.0 && (column("calls") + column("dropped") - 50.0).abs() <= 2.0);
}

#[tokio::test]
async fn where_nobody_says_who_they_are_the_rest_is_still_measured() {
    let stage = Stage::new("one", Manner { trouble: |_| Trouble::Fails, ..Manner::named("a") });
    let carried = carried(&stage, &[("length-s", json!(0.3))]).await;
    let finding = carried.finding();
    assert_eq!(number(finding, 0, 0, "failed"), number(finding, 0, 0, "calls"));
    assert!(finding.answer.contains("calls failed"), "{}", finding.answer);
}

#[test]
fn what_can_not_be_sent_is_refused() {
    let units = |settings: &[(&str, Value)]| {
        let mut request = request(&[], &["function1"], settings);
        request.targets.clear();
        scale_up().units(&request)
    };
    for settings in [[("rate", json!(-1.0))], [("peak", json!(1e9))], [("length-s", json!(0))], [("parts", json!(0))]] {
        assert!(units(&settings).is_err(), "{settings:?}");
    }
}
