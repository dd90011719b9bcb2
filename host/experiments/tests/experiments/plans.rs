//! What plans ask of platforms: no more than the platform takes, and of quick ones no more than a minute.

use std::time::Duration;

use experiments::script::Script;
use experiments::{CATALOGUE, Experiment, PlannedTarget, Request, find};
use serde_json::{Value, json};

use crate::pretended::Manner;
use crate::stage::{Stage, carry_out, request};

const ONE_CALL: &str = r#"
name = "mine"
question = "how long does a call take?"
[[step]]
invoke = {}
"#;

/// Targets of this machine, as plans see them.
fn local() -> Vec<PlannedTarget> {
    let planned = Stage::new("one", Manner::named("wasm")).planned();
    let named = |target: &str| PlannedTarget { target: target.to_owned(), ..planned.clone() };
    ["wasm", "process", "container"].map(named).to_vec()
}

fn quick(targets: Vec<PlannedTarget>, set: &[(&str, Value)]) -> Request {
    Request { quick: true, targets, ..request(&[], &["function1"], set) }
}

#[tokio::test]
async fn quick_plans_are_estimated_below_a_minute_on_the_local_platforms() {
    for experiment in CATALOGUE {
        let set = match experiment.name() {
            // It compares two sides, which nobody but the user knows.
            "regression" => vec![("a", json!({})), ("b", json!({ "memory-mib": 512 }))],
            _ => Vec::new(),
        };
        let units = experiment.units(&quick(local(), &set)).unwrap();
        let seconds: f64 = units.iter().map(|unit| unit.estimate.seconds).sum();
        assert!(!units.is_empty() && seconds < 60.0, "{}: {seconds} s", experiment.name());
    }
}

#[tokio::test]
async fn quick_plans_set_their_short_keep_alive_time_on_this_machine_alone() {
    let elsewhere = Stage::new("far", Manner::named("knative")).planned();
    for name in ["keep-alive", "scale-up"] {
        let set_on = |target: &PlannedTarget, set: &[(&str, Value)]| {
            let units = find(name).unwrap().units(&quick(vec![target.clone()], set)).unwrap();
            let parameters = &units[0].parameters;
            parameters.get("settings").unwrap_or(parameters)["keep-alive-s"].clone()
        };
        assert_eq!(set_on(&local()[0], &[]), json!(1.0), "{name}");
        assert_eq!(set_on(&elsewhere, &[]), Value::Null, "{name}");
        assert_eq!(set_on(&elsewhere, &[("keep-alive-s", json!(7))]), json!(7.0), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_asks_for_a_minimum_of_no_instance_where_the_platform_keeps_one() {
    let script = Script::parse(ONE_CALL, "mine.toml").unwrap();
    let perf_cost = vec![("starts", json!(["sequential"])), ("most-calls", json!(20))];
    let asked: [(&dyn Experiment, Vec<_>); 3] = [
        (find("perf-cost").unwrap(), perf_cost),
        (find("variance").unwrap(), vec![("intervals", json!(2))]),
        (&script, Vec::new()),
    ];
    for (experiment, set) in asked {
        // The user's own minimum is undone; the platform's stays.
        let stage =
            Stage::new("one", Manner { own_minimum: 1, service: Duration::from_millis(5), ..Manner::named("a") })
                .configured(|scale, _| scale.minimum_instances = Some(3));
        carry_out(experiment, request(&[&stage], &["function1"], &set), &[&stage]).await;
        let minimums = stage.counts.deployed.lock().unwrap();
        let minimums: Vec<_> = minimums.iter().map(|spec| spec.scale.minimum_instances).collect();
        assert!(!minimums.is_empty() && minimums.iter().all(|minimum| *minimum == Some(1)), "{minimums:?}");
    }
}
