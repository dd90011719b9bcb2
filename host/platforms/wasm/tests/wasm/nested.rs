//! Functions that call each other.

use std::time::{Duration, Instant};

use platform::{Invocation, Limits, Platform, Scale};
use serde_json::{Value, json};

use crate::stage::{json as body, stage};

fn tree(parallel: bool) -> Value {
    json!({
        "parallel": parallel,
        "invoke_nested": [
            { "function_name": "function2", "invoke_payload": {
                "sleep": 0.2,
                "invoke_nested": [{ "function_name": "function3", "invoke_payload": {} }],
            } },
            { "function_name": "function2", "invoke_payload": { "sleep": 0.2 } },
        ],
    })
}

async fn records(keep_alive: Duration, parallel: bool) -> (serde_json::Map<String, Value>, Duration) {
    let stage = stage();
    let scale = Scale { keep_alive: Some(keep_alive), ..Scale::default() };
    let mut first = None;
    for function in ["function1", "function2", "function3"] {
        let deployment = stage.deploy(function, scale, Limits::default()).await;
        first.get_or_insert(deployment);
    }
    let begin = Instant::now();
    let answer = stage.invoke(&first.unwrap(), &tree(parallel).to_string()).await;
    let took = begin.elapsed();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let records = body(&answer)["records"].as_object().unwrap().clone();
    assert!(stage.platform.shut_down(Duration::from_secs(10)).await);
    (records, took)
}

fn check(records: &serde_json::Map<String, Value>) {
    let mut names: Vec<_> = records.values().map(|record| record["function_name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["function1", "function2", "function2", "function3"]);
    for record in records.values() {
        assert!(record["error"].is_null(), "{record}");
        assert_eq!((&record["platform"], &record["engine"]), (&json!("wasm"), &json!("wasm")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_after_another_and_all_at_once() {
    let (sequential, took) = records(Duration::from_secs(10), false).await;
    check(&sequential);
    assert!(took >= Duration::from_millis(400), "{took:?}");
    let (parallel, took) = records(Duration::ZERO, true).await;
    check(&parallel);
    assert!(took < Duration::from_millis(390), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_needs_its_own_only_instance_ends_with_its_time() {
    let stage = stage();
    let limits = Limits { time: Some(Duration::from_secs(1)), ..Limits::default() };
    let scale = Scale { maximum_instances: Some(1), ..Scale::default() };
    let hostile = stage.deploy("hostile", scale, limits).await;
    let begin = Instant::now();
    let answer = stage.invoke(&hostile, r#"{"do":"call","name":"hostile","payload":{"do":"echo"}}"#).await;
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    let said = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(answer.status == 504 || said.contains("no answer"), "{said}");
    let status = stage.platform.status(&hostile).await.unwrap();
    assert_eq!(status.waiting, Some(0));
    assert_eq!(stage.invoke(&hostile, r#"{"do":"echo"}"#).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_that_call_others_don_t_get_in_each_others_way() {
    let stage = stage();
    let outer = stage.deploy("function1", Scale::default(), Limits::default()).await;
    stage.deploy("function2", Scale { maximum_instances: Some(3), ..Scale::default() }, Limits::default()).await;
    let event = json!({
        "parallel": true,
        "invoke_nested": vec![json!({ "function_name": "function2", "invoke_payload": {} }); 5],
    });
    let calls: Vec<_> = (0..40)
        .map(|_| {
            let (platform, outer) = (stage.platform.clone(), outer.clone());
            let event = Invocation::new(event.to_string());
            tokio::spawn(async move { platform.invoke(&outer, &event).await })
        })
        .collect();
    for call in calls {
        let answer = call.await.unwrap().unwrap();
        let records = body(&answer)["records"].as_object().unwrap().clone();
        assert_eq!(records.len(), 6);
        assert!(records.values().all(|record| record["error"].is_null()));
    }
}
