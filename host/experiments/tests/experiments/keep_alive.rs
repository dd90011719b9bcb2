//! The keep-alive time that is set is the one that is found.

use std::collections::BTreeMap;
use std::time::Duration;

use experiments::{Earlier, Experiment, Finding, find};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::pretended::{Manner, Trouble, every_fifth};
use crate::stage::{Carried, Stage, carry_out, carry_out_until, cut_after, number, request};

fn keep_alive() -> &'static dyn Experiment {
    find("keep-alive").unwrap()
}

fn kept_for(keep_alive: Duration, manner: Manner) -> Stage {
    Stage::new("one", manner)
        .configured(|scale, _| (scale.keep_alive, scale.minimum_instances) = (Some(keep_alive), Some(2)))
}

async fn carried(stage: &Stage, settings: &[(&str, Value)]) -> Carried {
    let mut all = vec![("longest-idle-s", json!(60)), ("rounds", json!(1))];
    all.extend(settings.iter().cloned());
    carry_out(keep_alive(), request(&[stage], &["function1"], &all), &[stage]).await
}

fn column(finding: &Finding, name: &str) -> f64 {
    number(finding, 0, 0, name)
}

#[tokio::test(start_paused = true)]
async fn seven_seconds_are_set_and_found() {
    let stage = kept_for(Duration::from_secs(7), Manner::named("a"));
    let carried = carried(&stage, &[]).await;
    let finding = carried.finding();
    let (kept, gone) = (column(finding, "all kept for"), column(finding, "all gone after"));
    assert!(kept <= 7.0 && 7.0 <= gone, "{kept} to {gone}");
    assert!(gone - kept <= 0.3, "{kept} to {gone}");
    assert_eq!(column(finding, "set"), 7.0);
    assert!(column(finding, "confirmations kept") >= 3.0 && column(finding, "confirmations gone") >= 3.0);
    assert!(finding.answer.contains("7.00 s is set"), "{}", finding.answer);
    // The curve is a step there, from single instances and from ten of one deployment.
    assert!((column(finding, "curve's time") - 7.0).abs() < 0.3, "{}", column(finding, "curve's time"));
    let tens: Vec<_> = (0..finding.tables[1].rows.len()).collect();
    assert_eq!(tens.len(), 8);
    for row in tens {
        let (idle, kept, of) =
            (number(finding, 1, row, "idle"), number(finding, 1, row, "kept"), number(finding, 1, row, "of"));
        assert_eq!(of, 10.0);
        assert!((idle - 7.0).abs() < 0.01 || kept == if idle < 7.0 { 10.0 } else { 0.0 }, "{idle}: {kept}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_can_be_set_by_the_experiment() {
    let stage = kept_for(Duration::from_secs(1_000), Manner::named("a"));
    let carried = carried(&stage, &[("keep-alive-s", json!(2.5)), ("instances", json!(0))]).await;
    let finding = carried.finding();
    let (kept, gone) = (column(finding, "all kept for"), column(finding, "all gone after"));
    assert!(kept <= 2.5 && 2.5 <= gone && gone - kept <= 0.3, "{kept} to {gone}");
    assert!(stage.counts.deployed.lock().unwrap().iter().all(|spec| spec.scale.minimum_instances == Some(0)));
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_reclaims_by_chance_has_an_interval_with_both_ends() {
    let reclaims = Some((Duration::from_secs(4), Duration::from_secs(9)));
    let stage = kept_for(Duration::from_secs(1_000), Manner { reclaims, ..Manner::named("a") });
    let carried = carried(&stage, &[("confirmations", json!(8))]).await;
    let finding = carried.finding();
    let (first, last) = (column(finding, "first gone after"), column(finding, "last kept for"));
    assert!((4.0..=9.1).contains(&first) && (3.9..=9.0).contains(&last) && first < last, "{first} {last}");
    assert!(column(finding, "all kept for") <= first && column(finding, "all gone after") >= last);
    assert!(finding.answer.contains("after different times"), "{}", finding.answer);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_for_longer_than_the_bound_is_said_to_be() {
    let stage = kept_for(Duration::from_secs(1_000), Manner::named("a"));
    let begin = tokio::time::Instant::now();
    let carried = carried(&stage, &[]).await;
    let finding = carried.finding();
    assert!(finding.answer.contains("no idle instance of function1 was reclaimed within 60.0 s"), "{}", finding.answer);
    assert!(begin.elapsed() < Duration::from_secs(200));
}

#[tokio::test(start_paused = true)]
async fn with_a_fifth_of_the_calls_failing_or_hanging_it_still_finds_it_and_counts_are_exact() {
    let stage = kept_for(Duration::from_secs(7), Manner { trouble: every_fifth, ..Manner::named("a") })
        .configured(|_, limits| limits.time = Some(Duration::from_secs(2)));
    let carried = carried(&stage, &[("instances", json!(3))]).await;
    let finding = carried.finding();
    let (kept, gone) = (column(finding, "all kept for"), column(finding, "all gone after"));
    // The upper end holds what the call before took, and that may have hung.
    assert!(kept <= 7.0 && 7.0 <= gone && gone - kept < 3.0, "{kept} to {gone}");
    assert_eq!(column(finding, "calls"), stage.calls() as f64);
    assert_eq!(column(finding, "failed"), stage.troubles() as f64);
}

#[tokio::test(start_paused = true)]
async fn where_nobody_answers_it_ends_without_an_answer() {
    let stage = kept_for(Duration::from_secs(7), Manner { trouble: |_| Trouble::Hangs, ..Manner::named("a") });
    let carried = carried(&stage, &[]).await;
    assert_eq!((carried.summary.done, carried.summary.failed.len(), carried.left), (0, 1, 0));
    assert!(carried.summary.failed[0].1.contains("no two calls in turn"), "{:?}", carried.summary.failed);
}

#[tokio::test(start_paused = true)]
async fn wherever_it_is_cut_a_resumed_search_goes_on_and_tries_nothing_twice() {
    let key = "keep-alive/one/function1/test//0";
    let settings = [("longest-idle-s", json!(60)), ("rounds", json!(1)), ("points", json!(4))];
    // Within the doubling, the halving, and the curve.
    for seconds in [12, 30, 55] {
        let stage = kept_for(Duration::from_secs(7), Manner::named("a"));
        let asked = || request(&[&stage], &["function1"], &settings);
        let time = Duration::from_secs(seconds);
        let first = cut_after(time, keep_alive(), asked(), &[&stage], &Earlier::default()).await;
        let partial = first.summary.finding.as_ref().unwrap();
        assert!(first.says_cut(key) && column(partial, "all kept for") > 0.0, "{partial:?}");
        assert_eq!(column(partial, "calls"), stage.calls() as f64);
        let (_sender, stop) = watch::channel(false);
        let second = carry_out_until(keep_alive(), asked(), &[&stage], &first.earlier(), stop).await;
        let finding = second.finding();
        let (kept, gone) = (column(finding, "all kept for"), column(finding, "all gone after"));
        assert!(kept <= 7.0 && 7.0 <= gone && gone - kept <= 0.3, "{kept} to {gone}");
        assert!(!second.says_cut(key));
        assert_eq!(column(finding, "calls"), stage.calls() as f64);
        assert_eq!(finding.tables[1].rows.len(), 4);
        let seen = |carried: &Carried| carried.kept.saved[key][&0]["observations"].as_array().unwrap().clone();
        let (before, after) = (seen(&first), seen(&second));
        assert_eq!(after[..before.len()], before);
        let mut tried: BTreeMap<String, u32> = BTreeMap::new();
        after.iter().for_each(|one| *tried.entry(one["asked_s"].to_string()).or_default() += 1);
        assert!(tried.values().all(|times| *times == 3), "{tried:?}");
        assert_eq!(column(finding, "idle instances"), after.len() as f64);
    }
}

#[tokio::test(start_paused = true)]
async fn each_idle_time_is_saved_before_the_next_is_tried() {
    let stage = kept_for(Duration::from_secs(7), Manner::named("a"));
    let settings = [("longest-idle-s", json!(60)), ("rounds", json!(1))];
    let asked = request(&[&stage], &["function1"], &settings);
    // 1 s, 2 s and 4 s are over, and 8 s are not.
    let cut = cut_after(Duration::from_secs(10), keep_alive(), asked, &[&stage], &Earlier::default()).await;
    assert_eq!(column(cut.summary.finding.as_ref().unwrap(), "idle instances"), 9.0);
}
