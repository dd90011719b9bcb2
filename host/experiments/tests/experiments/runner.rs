//! The runner and the bench, with an experiment that does what a test says.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use experiments::{
    Bench, Earlier, Estimate, Experiment, ExperimentError, Finding, Outcome, Request, RequestError, SchedulePlan, Unit,
};
use platform::{Capabilities, Scale};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::pretended::{Manner, Trouble, every_fifth};
use crate::stage::{Stage, carry_out, carry_out_until, cut_after, request, until};

/// Three rounds on every target; the variant says what a unit does.
struct Scripted {
    variants: &'static [&'static str],
    seen: Mutex<Vec<String>>,
}

impl Scripted {
    fn with(variants: &'static [&'static str]) -> Scripted {
        Scripted { variants, seen: Mutex::default() }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

#[async_trait]
impl Experiment for Scripted {
    fn name(&self) -> &'static str {
        "some"
    }

    fn question(&self) -> &'static str {
        "what?"
    }

    fn missing(&self, capabilities: &Capabilities) -> Option<&'static str> {
        (!capabilities.memory_limit).then_some("limit memory")
    }

    fn defaults(&self, _: bool) -> Value {
        json!({})
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>, RequestError> {
        let mut units = Vec::new();
        for round in 0..3 {
            for target in &request.targets {
                for variant in self.variants {
                    units.push(Unit {
                        experiment: self.name().to_owned(),
                        target: target.target.clone(),
                        function: "function1".to_owned(),
                        size: "test".to_owned(),
                        variant: (*variant).to_owned(),
                        round,
                        parameters: Value::Null,
                        estimate: Estimate::default(),
                    });
                }
            }
        }
        Ok(units)
    }

    async fn run(&self, unit: &Unit, bench: &Bench<'_>) -> Result<Value, ExperimentError> {
        self.seen.lock().unwrap().push(unit.key());
        let deployment = bench.deploy("function1", |_| {}).await?;
        let event = bench.subject()?.event.clone();
        match unit.variant.as_str() {
            "fails" => return Err(ExperimentError::NoAnswer("it was to fail".to_owned())),
            "waits" => bench.wait(Duration::from_secs(3600)).await?,
            "removes" => bench.remove(&deployment).await?,
            "saves" => {
                bench.save(&1)?;
                bench.save(&2)?;
                return Err(ExperimentError::NoAnswer("it was to fail".to_owned()));
            }
            "saves parts" => {
                bench.save_more(&1)?;
                bench.save_more(&2)?;
                bench.wait(Duration::from_secs(3600)).await?;
            }
            "goes on" => return Ok(json!(bench.earlier::<u32>().map(|before| before + 1))),
            _ => {}
        }
        let call = bench.call(&deployment, event, "one", 0).await;
        Ok(json!(call.is_ok_and(|call| call.is_success())))
    }

    fn finding(&self, _: &Request, outcomes: &[Outcome]) -> Finding {
        let measured = outcomes.iter().map(|outcome| outcome.measured.clone()).collect();
        Finding {
            answer: outcomes.len().to_string(),
            notes: vec![Value::Array(measured).to_string()],
            ..Finding::default()
        }
    }
}

fn rounds_of(keys: &[String]) -> Vec<String> {
    keys.iter().map(|key| key.rsplit('/').next().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn units_are_in_random_order_within_their_rounds_and_the_same_for_a_seed() {
    let stages = [Stage::new("one", Manner::named("a")), Stage::new("two", Manner::named("b"))];
    let [one, two] = &stages;
    let order = async |seed: u64| {
        let experiment = Scripted::with(&["x", "y", "z", "w"]);
        carry_out(&experiment, Request { seed, ..request(&[one, two], &["function1"], &[]) }, &[one, two]).await;
        experiment.seen()
    };
    let (first, again, other) = (order(1).await, order(1).await, order(2).await);
    assert_eq!(first.len(), 24);
    assert_eq!(first, again);
    assert_ne!(first, other);
    assert!(rounds_of(&first).is_sorted(), "{first:?}");
    // Not one target after the other, and not alike in each round.
    assert!(!first[..8].is_sorted(), "{first:?}");
    let without_round = |keys: &[String]| keys.iter().map(|key| key[..key.len() - 2].to_owned()).collect::<Vec<_>>();
    assert_ne!(without_round(&first[..8]), without_round(&first[8..16]));
}

#[tokio::test(start_paused = true)]
async fn what_is_done_is_not_done_again_and_still_counts() {
    let stage = Stage::new("one", Manner::named("a"));
    let experiment = Scripted::with(&["x", "y"]);
    let done = BTreeMap::from([("some/one/function1/test/x/0".to_owned(), json!(true))]);
    let earlier = Earlier { done, ..Earlier::default() };
    let (_sender, stop) = watch::channel(false);
    let carried =
        carry_out_until(&experiment, request(&[&stage], &["function1"], &[]), &[&stage], &earlier, stop).await;
    assert_eq!(experiment.seen().len(), 5);
    assert!(!experiment.seen().contains(&"some/one/function1/test/x/0".to_owned()));
    assert_eq!((carried.summary.done, carried.finding().answer.as_str()), (6, "6"));
    assert_eq!(carried.kept.done.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_fails_stops_no_other_and_all_that_was_deployed_is_removed() {
    let stage = Stage::new("one", Manner::named("a"));
    let experiment = Scripted::with(&["fails", "removes", "x"]);
    let carried = carry_out(&experiment, request(&[&stage], &["function1"], &[]), &[&stage]).await;
    assert_eq!(experiment.seen().len(), 9);
    assert_eq!((carried.summary.done, carried.summary.failed.len(), carried.left), (6, 3, 0));
    assert!(carried.summary.failed.iter().all(|(key, why)| key.contains("fails") && why == "it was to fail"));
    assert_eq!(carried.kept.notes.len(), 3);
    assert!(!carried.summary.stopped && carried.summary.not_removed.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_target_that_lacks_something_is_left_out_with_a_line() {
    let able = Stage::new("able", Manner::named("a"));
    let unable = Stage::new("unable", Manner { memory_limit: false, ..Manner::named("b") });
    let experiment = Scripted::with(&["x"]);
    let carried = carry_out(&experiment, request(&[&able, &unable], &["function1"], &[]), &[&able, &unable]).await;
    assert_eq!(carried.summary.left_out, [("unable".to_owned(), "b can't limit memory".to_owned())]);
    assert_eq!(carried.kept.notes, ["unable was left out of some: b can't limit memory"]);
    assert!(experiment.seen().iter().all(|key| key.contains("/able/")));
    assert_eq!(carried.summary.done, 3);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_not_there_fails_its_units_only() {
    let (there, gone) = (Stage::new("there", Manner::named("a")), Stage::new("gone", Manner::named("b")));
    let experiment = Scripted::with(&["x"]);
    let carried = carry_out(&experiment, request(&[&there, &gone], &["function1"], &[]), &[&there]).await;
    assert_eq!((carried.summary.done, carried.summary.failed.len()), (3, 3));
    assert!(carried.summary.failed[0].1.contains("gone could not be reached"));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_a_wait_and_leaves_nothing_deployed() {
    let stage = Stage::new("one", Manner::named("a"));
    let experiment = Scripted::with(&["waits"]);
    let (sender, stop) = watch::channel(false);
    let begin = tokio::time::Instant::now();
    let none = Earlier::default();
    let stages = [&stage];
    let run = carry_out_until(&experiment, request(&stages, &["function1"], &[]), &stages, &none, stop);
    let stopping = async {
        until("the first unit", || !experiment.seen().is_empty()).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        sender.send_replace(true);
    };
    let (carried, ()) = tokio::join!(run, stopping);
    assert!(begin.elapsed() < Duration::from_secs(60));
    assert!(carried.summary.stopped && carried.summary.finding.is_none());
    assert_eq!((carried.summary.done, carried.left, experiment.seen().len()), (0, 0, 1));
    assert!(carried.kept.done.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_unit_had_saved_before_it_failed_is_in_the_answer_which_says_so() {
    let stage = Stage::new("one", Manner::named("a"));
    let experiment = Scripted::with(&["saves"]);
    let carried = carry_out(&experiment, request(&[&stage], &["function1"], &[]), &[&stage]).await;
    assert_eq!((carried.summary.done, carried.summary.failed.len()), (0, 3));
    let notes = &carried.summary.finding.as_ref().unwrap().notes;
    // Of each the last that it saved.
    assert_eq!(notes[0], "[2,2,2]");
    assert!(notes[1].contains("some/one/function1/test/saves/0 was cut before its end: it was to fail"), "{notes:?}");
    assert_eq!(notes.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn parts_that_a_unit_saved_are_kept_beside_each_other_until_it_is_begun_again() {
    let stage = Stage::new("one", Manner::named("a"));
    let experiment = Scripted::with(&["saves parts"]);
    let asked = || request(&[&stage], &["function1"], &[]);
    let first = cut_after(Duration::from_secs(10), &experiment, asked(), &[&stage], &Earlier::default()).await;
    assert_eq!(first.summary.finding.as_ref().unwrap().notes[0], "[1,2]");
    // Cut before the unit is begun again, the next has the same.
    let begun = experiment.seen().len();
    let (_sender, stop) = watch::channel(true);
    let second = carry_out_until(&experiment, asked(), &[&stage], &first.earlier(), stop).await;
    assert_eq!(experiment.seen().len(), begun);
    assert!(second.says_cut("some/one/function1/test/saves parts/0"));
    assert_eq!(second.summary.finding.as_ref().unwrap().notes[0], "[1,2]");
    let third = cut_after(Duration::from_secs(10), &experiment, asked(), &[&stage], &first.earlier()).await;
    assert_eq!(third.summary.finding.as_ref().unwrap().notes[0], "[1,2]");
}

#[tokio::test(start_paused = true)]
async fn a_unit_goes_on_from_what_it_had_saved_and_a_cut_leaves_out_nothing_that_is_done() {
    let stage = Stage::new("one", Manner::named("a"));
    let key = |round: u32| format!("some/one/function1/test/goes on/{round}");
    let earlier =
        Earlier { done: BTreeMap::from([(key(2), json!(5))]), saved: BTreeMap::from([(key(1), vec![json!(7)])]) };
    let asked = || request(&[&stage], &["function1"], &[]);
    let experiment = Scripted::with(&["goes on"]);
    let (_sender, stop) = watch::channel(false);
    let carried = carry_out_until(&experiment, asked(), &[&stage], &earlier, stop).await;
    assert_eq!(carried.finding().notes, ["[null,8,5]"]);
    let (_sender, stop) = watch::channel(true);
    let carried = carry_out_until(&experiment, asked(), &[&stage], &earlier, stop).await;
    assert_eq!((carried.summary.done, carried.summary.stopped), (1, true));
    assert_eq!(carried.summary.finding.as_ref().unwrap().notes[0], "[7,5]");
    assert!(carried.says_cut(&key(1)));
}

/// Makes calls in all ways that a bench has, and counts.
struct Calls;

#[async_trait]
impl Experiment for Calls {
    fn name(&self) -> &'static str {
        "calls"
    }

    fn question(&self) -> &'static str {
        "how many?"
    }

    fn missing(&self, _: &Capabilities) -> Option<&'static str> {
        None
    }

    fn defaults(&self, _: bool) -> Value {
        json!({})
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>, RequestError> {
        let mut units = Scripted::with(&["x"]).units(request)?;
        units.truncate(1);
        Ok(units)
    }

    async fn run(&self, _: &Unit, bench: &Bench<'_>) -> Result<Value, ExperimentError> {
        let deployment = bench
            .deploy("function1", |spec| {
                spec.limits.time = Some(Duration::from_millis(200));
                spec.scale.queue = Some(50);
            })
            .await?;
        let event = Bytes::from_static(br#"{"sleep": 0.01}"#);
        let mut calls = Vec::new();
        for number in 0..10 {
            calls.push(bench.call(&deployment, event.clone(), "one", number).await?);
        }
        calls.extend(bench.at_once(&deployment, vec![event.clone(); 20], "many").await?);
        let plan = SchedulePlan {
            times_ns: (0..30).map(|number| number * 5_000_000).collect(),
            events: vec![event].into(),
            most_in_flight: 1_000,
            patience: Duration::from_secs(1),
            label: "schedule".to_owned(),
        };
        let scheduled = bench.on_schedule(&deployment, plan).await?;
        assert_eq!(scheduled.lateness_ns.len(), 30);
        assert!(scheduled.calls.iter().all(|call| call.intended_ns.is_some() && call.sent_ns >= call.intended_ns));
        calls.extend(scheduled.calls);
        let failed = calls.iter().filter(|call| !call.is_success()).count();
        let cold = calls.iter().filter(|call| call.is_cold() == Some(true)).count();
        Ok(json!({ "calls": calls.len(), "failed": failed, "cold": cold }))
    }

    fn finding(&self, _: &Request, outcomes: &[Outcome]) -> Finding {
        Finding { answer: outcomes[0].measured.to_string(), ..Finding::default() }
    }
}

#[tokio::test]
async fn each_call_is_recorded_and_failures_are_counted_exactly() {
    let stage = Stage::new("one", Manner { trouble: every_fifth, ..Manner::named("a") });
    let carried = carry_out(&Calls, request(&[&stage], &["function1"], &[]), &[&stage]).await;
    let counted: Value = serde_json::from_str(&carried.finding().answer).unwrap();
    assert_eq!((counted["calls"].as_u64(), counted["failed"].as_u64()), (Some(60), Some(12)));
    assert_eq!((stage.calls(), stage.troubles()), (60, 12));
    assert_eq!(carried.kept.calls.len(), 60);
    let labelled = |label: &str| carried.kept.calls.iter().filter(|(_, call)| call.label == label).count();
    assert_eq!((labelled("one"), labelled("many"), labelled("schedule")), (10, 20, 30));
    let kinds: Vec<_> = carried.kept.calls.iter().filter_map(|(_, call)| call.failure.as_ref()).collect();
    assert!(kinds.iter().all(|failure| ["internal", "limit"].contains(&failure.kind.as_str())), "{kinds:?}");
}

#[tokio::test]
async fn where_the_platform_holds_fewer_the_rest_of_a_schedule_waits_and_is_late_by_that() {
    struct Busy;
    #[async_trait]
    impl Experiment for Busy {
        fn name(&self) -> &'static str {
            "busy"
        }

        fn question(&self) -> &'static str {
            "how long?"
        }

        fn missing(&self, _: &Capabilities) -> Option<&'static str> {
            None
        }

        fn defaults(&self, _: bool) -> Value {
            json!({})
        }

        fn units(&self, request: &Request) -> Result<Vec<Unit>, RequestError> {
            Calls.units(request)
        }

        async fn run(&self, _: &Unit, bench: &Bench<'_>) -> Result<Value, ExperimentError> {
            let deployment = bench.deploy("function1", |_| {}).await?;
            let plan = SchedulePlan {
                times_ns: vec![0; 6],
                events: vec![Bytes::from_static(br#"{"sleep": 0.1}"#)].into(),
                most_in_flight: 4,
                patience: Duration::from_secs(5),
                label: "all".to_owned(),
            };
            let scheduled = bench.on_schedule(&deployment, plan).await?;
            let longest = scheduled.calls.iter().map(experiments::Call::response_ns).max();
            Ok(json!([scheduled.calls.len(), scheduled.dropped, longest]))
        }

        fn finding(&self, _: &Request, outcomes: &[Outcome]) -> Finding {
            Finding { answer: outcomes[0].measured.to_string(), ..Finding::default() }
        }
    }
    let manner = Manner { cold_start: Duration::ZERO, trouble: |_| Trouble::Nothing, ..Manner::named("a") };
    let stage = Stage::new("one", manner).configured(|scale, _| {
        *scale = Scale { maximum_instances: Some(1), ..Scale::default() };
    });
    let carried = carry_out(&Busy, request(&[&stage], &["function1"], &[]), &[&stage]).await;
    let (calls, dropped, longest): (u64, u64, u64) = serde_json::from_str(&carried.finding().answer).unwrap();
    assert_eq!((calls, dropped), (4, 2));
    // One instance serves the four one after another.
    assert!((400_000_000..1_500_000_000).contains(&longest), "{longest}");
}
