use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use emulation::{image, spec};
use image_kind::ImageKind;
use platform::{CallId, Deployment, Invocation, LogStream, MemoryLedger, Platform, PlatformError};
use serde_json::{Value, json};

use crate::emulator::Emulator;

async fn deployed(emulator: &Emulator) -> (Arc<dyn Platform>, Deployment) {
    let platform = emulator.platform(json!({}));
    let image = image(ImageKind::Oci, Path::new("/nowhere/function1"), 1);
    let deployment = platform.deploy(&spec("function1", image), &MemoryLedger::new()).await.unwrap();
    (platform, deployment)
}

#[tokio::test]
async fn a_cold_call_and_a_warm_one_tell_their_parts() {
    let emulator = Emulator::start().await;
    let (platform, deployment) = deployed(&emulator).await;
    let cold = platform.invoke(&deployment, &Invocation::new(r#"{"n":1}"#)).await.unwrap();
    let instance = cold.instance.clone().unwrap();
    assert!(cold.status == 200 && instance.is_cold());
    let timings = cold.timings;
    let parts = (timings.queue_ns, timings.start_instance_ns, timings.execution_ns);
    assert_eq!(parts, (Some(3_000_000), Some(40_000_000), Some(10_000_000)));
    assert!(timings.total_ns > 0 && timings.first_byte_ns.is_some());
    let billing = cold.billing.unwrap();
    assert_eq!((billing.billed_us, billing.start_us, billing.memory_bytes), (50_000, Some(40_000), Some(256 << 20)));
    let anybodys = platform.http_call(&deployment).await.unwrap().unwrap();
    assert_eq!(emulation::status_over_http(&anybodys).await, 200);
    let warm = platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap();
    assert_eq!((warm.timings.start_instance_ns, warm.billing.unwrap().start_us), (None, None));
    assert_eq!(warm.instance.unwrap().id, instance.id);
    assert_eq!(platform.billing(&deployment, &cold.call.unwrap()).await.unwrap(), Some(billing));
}

#[tokio::test]
async fn a_functions_error_is_an_answer() {
    let emulator = Emulator::start().await;
    let (platform, deployment) = deployed(&emulator).await;
    for (event, status) in [
        (r#"{"do":"refuse"}"#, 400),
        (r#"{"do":"die"}"#, 502),
        (r#"{"do":"fail"}"#, 500),
        (r#"{"do":"throttle"}"#, 429),
    ] {
        let answer = platform.invoke(&deployment, &Invocation::new(event)).await.unwrap();
        assert_eq!(answer.status, status, "{event}");
        assert!(answer.response().is_err());
    }
    let answer = platform.invoke(&deployment, &Invocation::new(r#"{"do":"refuse"}"#)).await.unwrap();
    assert_eq!(answer.response().unwrap_err().message, "as asked");
    // OpenWhisk takes objects only.
    assert_eq!(platform.invoke(&deployment, &Invocation::new("3")).await.unwrap().status, 400);
}

#[tokio::test]
async fn a_call_that_outlasts_the_minute_is_waited_for() {
    let emulator = Emulator::start().await;
    let (platform, deployment) = deployed(&emulator).await;
    let answer = platform.invoke(&deployment, &Invocation::new(r#"{"do":"slow"}"#)).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.timings.total_ns > 100_000_000, "it was looked for three times: {:?}", answer.timings);
    let hurried = Invocation { patience: Some(Duration::from_millis(40)), ..Invocation::new(r#"{"do":"slow"}"#) };
    let error = platform.invoke(&deployment, &hurried).await.unwrap_err();
    assert!(matches!(error, PlatformError::NoAnswer { .. }), "{error}");
}

#[tokio::test]
async fn a_call_without_waiting_has_its_answer_later() {
    let emulator = Emulator::start().await;
    let (platform, deployment) = deployed(&emulator).await;
    let call = platform.invoke_async(&deployment, &Invocation::new(r#"{"n":7}"#)).await.unwrap();
    assert_eq!(platform.take_result(&deployment, &call).await.unwrap(), None);
    assert_eq!(platform.billing(&deployment, &call).await.unwrap(), None);
    let answer = platform.take_result(&deployment, &call).await.unwrap().unwrap();
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status, &body["event"]), (200, &json!({ "n": 7 })));
    let error = platform.take_result(&deployment, &CallId("../actions/x".to_owned())).await.unwrap_err();
    assert!(error.is_users(), "{error}");
}

#[tokio::test]
async fn logs_and_metrics_are_those_of_the_activations() {
    let emulator = Emulator::start().await;
    let (platform, deployment) = deployed(&emulator).await;
    for _ in 0..201 {
        platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap();
    }
    let lines = platform.logs(&deployment, 0).await.unwrap();
    assert_eq!(lines.len(), 201, "more than one page");
    assert_eq!((lines[0].stream, lines[0].text.as_str()), (LogStream::Output, "activation 0"));
    assert_eq!(lines[0].instance, "container-1");
    assert_eq!(platform.logs(&deployment, lines[200].unix_ns).await.unwrap(), lines[200..]);
    // The emulator's clock stands in September 2026: nothing was in the last hour.
    let metrics = platform.metrics(&deployment).await.unwrap();
    assert!(metrics.iter().all(|metric| metric.value == 0.0), "{metrics:?}");
}
