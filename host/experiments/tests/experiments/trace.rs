//! The calls of a trace are all made, when they are due, and last as long as the trace says.

use std::time::Duration;

use experiments::{Earlier, Runner, find};
use serde_json::json;
use tokio::sync::watch;

use crate::pretended::{Manner, every_fifth};
use crate::stage::{Stage, carry_out, carry_out_until, number, request, until};

/// Two functions, called 30 and 10 times in minute 2; 100 ms each.
fn day(folder: &std::path::Path) -> Vec<(&'static str, serde_json::Value)> {
    let calls = "HashOwner,HashApp,HashFunction,Trigger,1,2,3\no,a,f,http,9,30,0\no,a,g,timer,0,10,1\n";
    let mut durations = "HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum".to_owned();
    [0, 1, 25, 50, 75, 99, 100].iter().for_each(|at| durations.push_str(&format!(",percentile_Average_{at}")));
    durations.push_str(
        "\no,a,f,100,1,100,100,100,100,100,100,100,100,100\no,a,g,100,1,100,100,100,100,100,100,100,100,100\n",
    );
    std::fs::write(folder.join("calls.csv"), calls).unwrap();
    std::fs::write(folder.join("durations.csv"), durations).unwrap();
    vec![
        ("calls", json!(folder.join("calls.csv"))),
        ("durations", json!(folder.join("durations.csv"))),
        ("from-minute", json!(1)),
        ("minutes", json!(1)),
        ("minute-s", json!(1.0)),
        ("functions", json!(2)),
        ("factor", json!(1.0)),
    ]
}

#[tokio::test]
async fn every_call_of_the_window_is_made_and_lasts_as_long_as_it_should() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new("one", Manner::named("a"));
    let carried =
        carry_out(find("trace").unwrap(), request(&[&stage], &["function1"], &day(folder.path())), &[&stage]).await;
    let finding = carried.finding();
    assert_eq!((number(finding, 0, 0, "due"), number(finding, 0, 0, "answered")), (40.0, 40.0));
    assert_eq!((stage.calls(), number(finding, 0, 0, "dropped")), (40, 0.0));
    // 100 ms by the trace; the rest is added.
    let response = number(finding, 0, 0, "response, median");
    let added = number(finding, 0, 0, "added, median");
    assert!(response > 100e6 && (response - added - 100e6).abs() < 1.0, "{response} {added}");
    // Each function has instances of its own; nearly each call has one where those before are busy.
    let specs = stage.counts.deployed.lock().unwrap().clone();
    assert_eq!(specs.len(), 2);
    assert!(finding.answer.contains("40 calls of Azure Functions 2019, calls.csv"), "{}", finding.answer);
    let due: Vec<u64> = carried.kept.calls.iter().filter_map(|(_, call)| call.intended_ns).collect();
    assert_eq!(due.len(), 40);
    assert!(due.iter().all(|due| *due < 1_000_000_000), "{due:?}");
}

#[tokio::test]
async fn calls_that_fail_and_that_are_dropped_are_counted_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new("one", Manner { trouble: every_fifth, ..Manner::named("a") })
        .configured(|_, limits| limits.time = Some(Duration::from_millis(300)));
    let mut settings = day(folder.path());
    settings.push(("most-in-flight", json!(2)));
    let carried = carry_out(find("trace").unwrap(), request(&[&stage], &["function1"], &settings), &[&stage]).await;
    let finding = carried.finding();
    let [due, answered, dropped] = ["due", "answered", "dropped"].map(|column| number(finding, 0, 0, column));
    let failed = carried.kept.calls.iter().filter(|(_, call)| !call.is_success()).count() as f64;
    assert_eq!(due, answered + dropped + failed);
    assert_eq!(failed as u64, stage.troubles());
    // 30 calls of 100 ms in a second, two at once: 20 at most.
    assert!(dropped >= 8.0, "{dropped}");
    assert!(finding.notes.iter().any(|note| note.contains("the load was not the trace's")), "{:?}", finding.notes);
}

#[tokio::test]
async fn a_plan_says_how_many_calls_and_how_long() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new("one", Manner::named("a"));
    let planned = Runner::new(find("trace").unwrap(), request(&[&stage], &[], &day(folder.path()))).unwrap();
    let estimate = planned.units()[0].estimate;
    assert_eq!(estimate.invocations, 40);
    // 40 calls of 0.1 s at 0.128 GB.
    assert!((estimate.gigabyte_seconds - 0.512).abs() < 1e-9, "{estimate:?}");
}

#[tokio::test]
async fn a_replay_that_was_cut_has_an_answer_with_the_calls_until_then_and_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new("one", Manner::named("a"));
    let asked = || request(&[&stage], &["function1"], &day(folder.path()));
    let (trace, stages, none) = (find("trace").unwrap(), [&stage], Earlier::default());
    let (sender, stop) = watch::channel(false);
    let cutting = async {
        until("a call", || stage.calls() >= 10).await;
        sender.send_replace(true);
    };
    let (first, ()) = tokio::join!(carry_out_until(trace, asked(), &stages, &none, stop), cutting);
    let partial = first.summary.finding.as_ref().unwrap();
    let made = stage.calls();
    assert!((10..40).contains(&made), "{made}");
    assert_eq!((number(partial, 0, 0, "due"), number(partial, 0, 0, "answered")), (made as f64, made as f64));
    assert!(first.says_cut("trace/one/function1/none/2 functions, 1 minutes/0"), "{:?}", partial.notes);
    let (_sender, stop) = watch::channel(false);
    let second = carry_out_until(trace, asked(), &stages, &first.earlier(), stop).await;
    assert_eq!((number(second.finding(), 0, 0, "due"), stage.calls()), (40.0, made + 40));
}
