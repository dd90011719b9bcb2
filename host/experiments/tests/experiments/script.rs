//! Scripts are carried out like built-in experiments, and find what was set.

use std::collections::BTreeMap;
use std::time::Duration;

use experiments::script::{SCRIPTS, Script, built_in, template};
use experiments::{Cell, Earlier, Experiment, Finding, Runner, find};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::pretended::{Manner, every_fifth};
use crate::stage::{Carried, Stage, carry_out, carry_out_until, cut_after, number, request, until};

fn script(text: &str) -> Script {
    Script::parse(text, "mine.toml").unwrap()
}

async fn carried(script: &Script, stage: &Stage, set: &[(&str, Value)]) -> Carried {
    carry_out(script, request(&[stage], &["function1"], set), &[stage]).await
}

/// The numbers in that column, row by row.
fn numbers(finding: &Finding, title: &str, name: &str) -> Vec<f64> {
    let table = finding.tables.iter().find(|table| table.title == title).unwrap_or_else(|| panic!("no table {title}"));
    let column =
        table.columns.iter().position(|column| column.name == name).unwrap_or_else(|| panic!("no column {name}"));
    let number = |row: &Vec<Cell>| match &row[column] {
        Cell::Estimate { value, .. } | Cell::Number(value) => *value,
        other => panic!("{name} is {other:?}"),
    };
    table.rows.iter().map(number).collect()
}

fn ms(ns: f64) -> f64 {
    ns / 1e6
}

#[tokio::test(start_paused = true)]
async fn the_script_of_cold_start_agrees_with_the_experiment() {
    let manner =
        Manner { cold_start: Duration::from_millis(300), service: Duration::from_millis(20), ..Manner::named("a") };
    let stage = Stage::new("one", manner);
    let own = carried(&built_in("cold-start").unwrap().unwrap(), &stage, &[("rounds", json!(2))]).await;
    let theirs =
        carry_out(find("cold-start").unwrap(), request(&[&stage], &["function1"], &[("rounds", json!(2))]), &[&stage])
            .await;
    let (own, theirs) = (own.finding(), theirs.finding());
    let (cold, warm) = (numbers(own, "Cold calls", "total, median")[0], numbers(own, "Warm calls", "total, median")[0]);
    assert!((ms(cold) - ms(numbers(theirs, "Cold and warm calls", "cold, median")[0])).abs() < 5.0, "{cold}");
    assert!((ms(warm) - ms(numbers(theirs, "Cold and warm calls", "warm, median")[0])).abs() < 5.0, "{warm}");
    assert_eq!(numbers(own, "Cold calls", "n"), [20.0]);
    assert_eq!(numbers(own, "Warm calls", "n"), [60.0]);
    assert_eq!(numbers(own, "Was it what was meant?", "cold"), [100.0, 0.0]);
    assert!((ms(numbers(own, "In the handler", "handler, median")[1]) - 21.0).abs() < 3.0);
    assert!(own.answer.contains("On one the median total of `cold` of function1/test was"), "{}", own.answer);
}

#[tokio::test(start_paused = true)]
async fn the_script_of_keep_alive_finds_what_was_set() {
    let stage =
        Stage::new("one", Manner::named("a")).configured(|scale, _| scale.keep_alive = Some(Duration::from_secs(7)));
    let found = carried(&built_in("keep-alive").unwrap().unwrap(), &stage, &[("rounds", json!(1))]).await;
    let finding = found.finding();
    let (before, last) = (
        numbers(finding, "What was waited for", "before the last")[0],
        numbers(finding, "What was waited for", "last")[0],
    );
    // Timers may be a ms late.
    assert!(before < 7.0 && 6.99 < last && last / before < 1.26, "{before} to {last}");
    let set = [("longest-idle-s", json!(60)), ("rounds", json!(1)), ("instances", json!(0))];
    let theirs = carry_out(find("keep-alive").unwrap(), request(&[&stage], &["function1"], &set), &[&stage]).await;
    let (kept, gone) =
        (number(theirs.finding(), 0, 0, "all kept for"), number(theirs.finding(), 0, 0, "all gone after"));
    assert!(before <= gone && kept <= last, "{before} to {last}, and {kept} to {gone}");
    assert!(finding.answer.contains("another instance answers with idle"), "{}", finding.answer);
    assert!(!finding.plots.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_script_of_concurrency_counts_instances_and_reuse() {
    let stage = Stage::new("one", Manner { service: Duration::from_millis(50), ..Manner::named("a") })
        .configured(|scale, _| scale.maximum_instances = Some(8));
    let set = [("rounds", json!(1)), ("at-once", json!([1, 4, 16]))];
    let found = carried(&built_in("concurrency").unwrap().unwrap(), &stage, &set).await;
    let finding = found.finding();
    // Again and first, for each number of calls.
    assert_eq!(numbers(finding, "Calls at once", "at-once"), [1.0, 1.0, 4.0, 4.0, 16.0, 16.0]);
    assert_eq!(numbers(finding, "Calls at once", "instances"), [1.0, 1.0, 4.0, 4.0, 8.0, 8.0]);
    assert_eq!(numbers(finding, "Calls at once", "n"), [1.0, 1.0, 4.0, 4.0, 16.0, 16.0]);
    assert_eq!(numbers(finding, "Calls at once", "cold")[0], 0.0);
    assert_eq!(numbers(finding, "Calls at once", "cold")[1], 100.0);
    let theirs = carry_out(
        find("concurrency").unwrap(),
        request(&[&stage], &["function1"], &[("maximum", json!(16))]),
        &[&stage],
    )
    .await;
    for (own, size) in [(1, 1.0), (3, 4.0), (5, 16.0)] {
        let rows = 0..theirs.finding().tables[0].rows.len();
        let of_it = rows.filter(|row| number(theirs.finding(), 0, *row, "calls at once") == size);
        for row in of_it {
            let instances = numbers(finding, "Calls at once", "instances")[own];
            assert_eq!(number(theirs.finding(), 0, row, "instances"), instances);
        }
    }
    let line = &finding.plots.iter().find(|plot| plot.title == "Instances by calls at once").unwrap().series[0];
    assert_eq!(
        line.points.iter().map(|point| (point.x, point.y)).collect::<Vec<_>>(),
        [(1.0, 1.0), (4.0, 4.0), (16.0, 8.0)]
    );
}

#[tokio::test(start_paused = true)]
async fn the_script_of_ping_measures_a_call_that_does_nothing() {
    let stage = Stage::new("one", Manner { service: Duration::from_millis(3), ..Manner::named("a") });
    let found = carried(&built_in("ping").unwrap().unwrap(), &stage, &[("rounds", json!(2))]).await;
    let finding = found.finding();
    {
        let events = stage.counts.events.lock().unwrap();
        assert!(events.iter().all(|(function, event)| function == "function1" && *event == json!({})));
    }
    let theirs = carry_out(find("ping").unwrap(), request(&[&stage], &["function1"], &[]), &[&stage]).await;
    let kept = number(theirs.finding(), 0, 0, "median");
    for median in numbers(finding, "Round trips", "total, median") {
        assert!((2.9..6.0).contains(&ms(median)) && (ms(median) - ms(kept)).abs() < 2.0, "{median} and {kept}");
    }
    // It ends as soon as the interval is narrow, which it is after the least number: two rounds of thirty.
    assert!(numbers(finding, "Round trips", "n").iter().all(|n| *n >= 60.0), "{:?}", finding.tables);
}

#[tokio::test(start_paused = true)]
async fn every_script_ends_with_a_fifth_of_the_calls_failing_or_hanging_and_its_counts_are_exact() {
    for (name, _) in SCRIPTS {
        let stage = Stage::new("one", Manner { trouble: every_fifth, ..Manner::named("a") })
            .configured(|_, limits| limits.time = Some(Duration::from_secs(2)));
        let set = [("rounds", json!(2))];
        let found = carried(&built_in(name).unwrap().unwrap(), &stage, &set).await;
        let finding = found.finding();
        assert_eq!(found.kept.calls.len() as u64, stage.calls(), "{name}");
        let failed = found.kept.calls.iter().filter(|(_, call)| !call.is_success()).count() as u64;
        assert_eq!(failed, stage.troubles(), "{name}");
        let said = format!("{failed} of {} calls failed", stage.calls());
        assert!(failed == 0 || finding.notes.iter().any(|note| note.starts_with(&said)), "{name}: {:?}", finding.notes);
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_script_can_be_carried_out_as_it_is_and_interleaves_platforms() {
    let (one, two) = (Stage::new("one", Manner::named("a")), Stage::new("two", Manner::named("b")));
    // A schedule takes its time by the true clock.
    let mine = script(&template("mine").replace("to = 20, seconds = 3", "to = 200, seconds = 0.2"));
    let stages = [&one, &two];
    let carried =
        carry_out(&mine, request(&stages, &["function1", "monolith"], &[("rounds", json!(1))]), &stages).await;
    let finding = carried.finding();
    // Two targets, two functions, two pauses.
    assert_eq!(carried.kept.done.len(), 8);
    assert_eq!(finding.experiment, "mine");
    // Four labels of two functions on two targets with two pauses.
    assert_eq!(finding.tables[0].rows.len(), 32);
    assert_eq!(finding.plots.len(), 2);
    assert!(carried.kept.metrics.iter().any(|(name, value, unit)| name == "handler" && value.is_ok() && unit == "ns"));
    let quick =
        Runner::new(&mine, experiments::Request { quick: true, ..request(&stages, &["function1"], &[]) }).unwrap();
    assert_eq!(quick.units().len(), 2);
    assert!(quick.units().iter().all(|unit| unit.estimate.seconds > 1.0 && unit.estimate.invocations > 40));
}

const STEPS: &str = r#"
name = "steps"
question = "does each step do what it says?"
[most]
seconds = 100
calls = 200
[variables]
mib = [64, 128]
[[deployment]]
name = "main"
memory-mib = "$mib"
environment = { MIB = "{mib}" }
[[deployment]]
name = "other"
function = "monolith"
image = "monolith"
called = true
[[step]]
invoke = { deployment = "other", label = "named", event = { sleep = 0.01, args = "$mib", words = ["{mib} MiB"] } }
[[step]]
[step.repeat]
times = 3
vary = { name = "n", from = 1, add = 1 }
steps = [
    { burst = { label = "n {n}", size = "$n" } },
    { wait = { seconds = 1 } },
]
[[step]]
scale = { maximum = 2 }
[[step]]
load = { shape = "constant", rate = 50, seconds = 0.4, label = "load" }
[[step]]
[step.repeat-until]
until = { seconds = 5 }
most-times = 1000
steps = [ { wait = { seconds = 1 } }, { invoke = { label = "timed" } } ]
[[table]]
title = "n"
group = ["label", "n", "mib"]
labels = ["n 1", "n 2", "n 3"]
show = ["n"]
[[table]]
title = "all"
show = ["n", "median"]
"#;

#[tokio::test(start_paused = true)]
async fn each_step_does_what_it_says() {
    let stage = Stage::new("one", Manner { service: Duration::from_millis(5), ..Manner::named("a") });
    let carried = carried(&script(STEPS), &stage, &[]).await;
    let finding = carried.finding();
    assert_eq!(numbers(finding, "n", "n"), [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
    let labels: Vec<String> = finding.tables[1]
        .rows
        .iter()
        .map(|row| match &row[2] {
            Cell::Text(label) => label.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    let counted: BTreeMap<&str, f64> = labels.iter().map(String::as_str).zip(numbers(finding, "all", "n")).collect();
    assert_eq!((counted["named"], counted["load"]), (2.0, 40.0));
    assert!((8.0..=10.0).contains(&counted["timed"]), "{counted:?}");
    let events = stage.counts.events.lock().unwrap();
    let named: Vec<&Value> =
        events.iter().filter(|(function, _)| function == "monolith").map(|(_, event)| event).collect();
    assert!(named.contains(&&json!({"sleep": 0.01, "args": 64, "words": ["64 MiB"]})), "{named:?}");
    let deployed = stage.counts.deployed.lock().unwrap();
    assert!(deployed.iter().any(|spec| spec.name == "monolith"));
    let main: Vec<_> = deployed.iter().filter(|spec| spec.function == "function1").collect();
    assert!(main.iter().any(|spec| spec.limits.memory_bytes == Some(64 << 20) && spec.environment["MIB"] == "64"));
}

#[tokio::test(start_paused = true)]
async fn bounds_end_a_unit_and_keep_what_was_measured() {
    let text = r#"
name = "endless"
question = "when does it end?"
most = { seconds = 30, calls = 1000 }
[[step]]
[step.repeat-until]
until = "identity-changes"
most-times = 1000000
steps = [ { invoke = {} }, { wait = { seconds = 1 } } ]
"#;
    let stage = Stage::new("one", Manner::named("a"));
    let found = carried(&script(text), &stage, &[]).await;
    assert!((25..=31).contains(&stage.calls()), "{}", stage.calls());
    assert!(found.finding().notes.iter().any(|note| note.contains("the 30 s of most.seconds were over")));
    // A repetition that was cut is not counted.
    let counted = numbers(found.finding(), "What was waited for", "repetitions")[0];
    assert!((stage.calls() as f64 - counted).abs() <= 1.0, "{counted}");
    let few = script(&text.replace("calls = 1000", "calls = 5"));
    let stage = Stage::new("one", Manner::named("a"));
    let found = carried(&few, &stage, &[]).await;
    assert_eq!(stage.calls(), 5);
    assert!(found.finding().notes.iter().any(|note| note.contains("the 5 calls of most.calls were made")));
}

#[tokio::test(start_paused = true)]
async fn what_a_platform_lacks_leaves_it_out_and_a_cut_run_goes_on() {
    let text =
        "name = \"lim\"\nquestion = \"?\"\n[[deployment]]\nname = \"a\"\nmemory-mib = 128\n[[step]]\ninvoke = {}\n";
    let stage = Stage::new("one", Manner { memory_limit: false, ..Manner::named("a") });
    let found = carried(&script(text), &stage, &[]).await;
    assert_eq!(found.summary.left_out, [("one".to_owned(), "a can't limit memory".to_owned())]);
    let stage = Stage::new("one", Manner::named("a"));
    let steps = script(STEPS);
    let all = carried(&steps, &stage, &[]).await;
    let done: BTreeMap<String, Value> =
        [(all.kept.done[0].clone(), json!({"variables": {}, "rows": [], "ends": [], "dropped": 0, "cut": null}))]
            .into();
    let (_sender, stop) = watch::channel(false);
    let rest = carry_out_until(
        &steps,
        request(&[&stage], &["function1"], &[]),
        &[&stage],
        &Earlier { done, ..Earlier::default() },
        stop,
    )
    .await;
    assert_eq!(rest.kept.done, [all.kept.done[1].clone()]);
    assert_eq!(rest.summary.done, 2);
}

#[tokio::test(start_paused = true)]
async fn a_script_that_was_cut_answers_from_what_it_had_saved_and_is_begun_again() {
    let text = "name = \"slow\"\nquestion = \"?\"\n[[step]]\n[step.repeat]\ntimes = 30\n\
        steps = [{ invoke = {} }, { wait = { seconds = 10 } }]\n[[table]]\ntitle = \"Calls\"\nshow = [\"n\"]\n";
    let (steps, key) = (script(text), "slow/one/function1/test//0");
    let stage = Stage::new("one", Manner::named("a"));
    let (asked, stages) = (|| request(&[&stage], &["function1"], &[]), [&stage]);
    let first = cut_after(Duration::from_secs(205), &steps, asked(), &stages, &Earlier::default()).await;
    // A part for each minute, and the rest.
    assert_eq!(first.kept.saved[key].len(), 4);
    assert!(first.says_cut(key));
    assert_eq!(numbers(first.summary.finding.as_ref().unwrap(), "Calls", "n"), [21.0]);
    let (_sender, stop) = watch::channel(false);
    let second = carry_out_until(&steps, asked(), &stages, &first.earlier(), stop).await;
    assert!(!second.says_cut(key));
    assert_eq!(numbers(second.finding(), "Calls", "n"), [30.0]);
}

#[tokio::test]
async fn a_schedule_of_a_script_that_was_cut_keeps_its_calls() {
    let text = "name = \"slow\"\nquestion = \"?\"\n[[step]]\nload = { shape = \"constant\", rate = 50, seconds = 60 }\n\
        [[table]]\ntitle = \"Calls\"\nshow = [\"n\"]\n";
    let stage = Stage::new("one", Manner::named("a"));
    let (steps, asked, none, stages) =
        (script(text), request(&[&stage], &["function1"], &[]), Earlier::default(), [&stage]);
    let (sender, stop) = watch::channel(false);
    let cutting = async {
        until("a call", || stage.calls() >= 10).await;
        sender.send_replace(true);
    };
    let (cut, ()) = tokio::join!(carry_out_until(&steps, asked, &stages, &none, stop), cutting);
    assert!(cut.says_cut("slow/one/function1/test//0"));
    assert_eq!(numbers(cut.summary.finding.as_ref().unwrap(), "Calls", "n"), [stage.calls() as f64]);
}

#[tokio::test]
async fn variables_can_be_set_and_wrong_ones_are_refused() {
    let stage = Stage::new("one", Manner::named("a"));
    let steps = script(STEPS);
    let planned = |set: &[(&str, Value)]| {
        Runner::new(&steps, request(&[&stage], &["function1"], set))
            .map(|runner| runner.units().len())
            .map_err(|error| error.to_string())
    };
    assert_eq!(planned(&[]), Ok(2));
    assert_eq!(planned(&[("mib", json!(256))]), Ok(1));
    assert_eq!(planned(&[("mib", json!([1, 2, 3])), ("rounds", json!(2))]), Ok(6));
    assert!(planned(&[("mb", json!(1))]).unwrap_err().contains("mib"));
    assert!(planned(&[("mib", json!(0))]).unwrap_err().contains("deployment[0].memory-mib"));
    assert!(planned(&[("mib", json!([]))]).unwrap_err().contains("no value"));
    assert!(planned(&[("rounds", json!(0))]).unwrap_err().contains("rounds"));
    let functions = steps.functions(&request(&[&stage], &["function1"], &[]));
    assert_eq!(functions, ["function1".to_owned(), "monolith".to_owned()].into());
    let none: [&str; 0] = [];
    assert!(Runner::new(&steps, request(&[&stage], &none, &[])).is_err());
    // One that names all of its functions takes none.
    let ping = built_in("ping").unwrap().unwrap();
    assert!(!ping.takes_functions());
    assert_eq!(Runner::new(&ping, request(&[&stage], &none, &[])).unwrap().units().len(), 10);
}
