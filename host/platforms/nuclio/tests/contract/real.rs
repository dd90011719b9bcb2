//! The same against a real dashboard with its local platform: `FAASBENCH_TEST_NUCLIO_ENDPOINT` is its address,
//! `FAASBENCH_TEST_NUCLIO_DOCKER` its container daemon's, `FAASBENCH_TEST_NUCLIO_IMAGES` a folder that `faasbench build function1
//! function2 function3 --platform nuclio --output` made, `FAASBENCH_TEST_NUCLIO_PROCESSOR` Nuclio's program, and
//! `FAASBENCH_TEST_NUCLIO_NETWORK` a Docker network in which containers find each other by name.

use std::env;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use image_kind::{Image, ImageKind};
use nuclio_platform::connect;
use platform::{Invocation, MemoryLedger, Platform, Readiness, undeploy};
use serde_json::{Value, json};

use crate::scene::{LONG, call, connection, spec};

fn variable(name: &str) -> Option<String> {
    let value = env::var(format!("FAASBENCH_TEST_NUCLIO_{name}")).ok();
    if value.is_none() {
        eprintln!("skipped: FAASBENCH_TEST_NUCLIO_{name} is not set");
    }
    value
}

/// The dashboard; `None`, having said so, where none is named.
fn real(mut options: Value) -> Option<Arc<dyn Platform>> {
    let endpoint = variable("ENDPOINT")?;
    options["image"] = "local-daemon".into();
    options["docker"] = variable("DOCKER")?.into();
    Some(connect(connection(&endpoint, options, None)).unwrap())
}

fn image(function: &str) -> Option<Image> {
    let path = Path::new(&variable("IMAGES")?).join(function);
    let index: Value = serde_json::from_slice(&fs::read(path.join("index.json")).unwrap()).unwrap();
    let digest = index["manifests"][0]["digest"].as_str().unwrap().to_owned();
    Some(Image {
        function: function.to_owned(),
        kind: ImageKind::OciWithHealthCheck,
        path,
        code_digest: digest.clone(),
        digest,
        bytes: 1,
        code_bytes: 1,
        architecture: "x86_64".to_owned(),
    })
}

/// Deploys, calls, forces a cold start, updates, reads logs, and removes.
async fn lives(platform: &dyn Platform, name: &str) {
    let ledger = MemoryLedger::new();
    let mut spec = spec(name, '1');
    spec.image = image("function1").unwrap();
    eprintln!("{:?}", platform.reach().await.unwrap());
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&deployment, LONG).await.unwrap();
    let first = call(platform, &deployment).await.instance.unwrap();
    assert_eq!(first.invocation_index, 1);
    let warm = call(platform, &deployment).await.instance.unwrap();
    assert_eq!((warm.invocation_index, &warm.id), (2, &first.id));
    platform.force_cold(&deployment).await.unwrap();
    let cold = call(platform, &deployment).await.instance.unwrap();
    assert!(cold.is_cold() && cold.id != first.id);

    // Another function's image under the same name: its records say which it is.
    spec.image = image("function2").unwrap();
    let updated = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&updated, LONG).await.unwrap();
    let body: Value = serde_json::from_slice(&call(platform, &updated).await.body).unwrap();
    assert!(body["identifier"].as_str().unwrap().starts_with("function2-"), "{body}");
    let error =
        platform.invoke(&updated, &Invocation::new(r#"{"sleep":"long"}"#)).await.unwrap().response().unwrap_err();
    assert_eq!(error.kind.name(), "bad-request", "{error:?}");

    let status = platform.status(&updated).await.unwrap();
    assert_eq!((status.readiness, status.image_digest), (Readiness::Ready, Some(spec.image.digest.clone())));
    let lines = platform.logs(&updated, 0).await.unwrap();
    eprintln!("{} lines of logs", lines.len());
    assert!(lines.iter().all(|line| !line.text.contains("very-secret")), "{lines:?}");

    let left = undeploy(platform, &spec.id, &ledger).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    let found = platform.find_marked().await.unwrap();
    assert!(found.iter().all(|found| found.deployment != spec.id.as_str()), "{found:?}");
}

#[tokio::test]
async fn a_real_dashboard_runs_the_image_alone() {
    let Some(platform) = real(json!({ "project": "real-1" })) else { return };
    lives(&*platform, "real-image").await;
}

#[tokio::test]
async fn a_real_dashboard_runs_the_processor() {
    let Some(processor) = variable("PROCESSOR") else { return };
    let options = json!({ "project": "real-2", "shape": "processor", "processor": processor, "way": "dashboard" });
    let Some(platform) = real(options) else { return };
    lives(&*platform, "real-processor").await;
}

#[tokio::test]
async fn functions_of_a_real_dashboard_call_each_other() {
    let Some(network) = variable("NETWORK") else { return };
    let Some(platform) = real(json!({ "project": "real-3", "network": network })) else { return };
    let (ledger, mut specs, mut deployments) = (MemoryLedger::new(), Vec::new(), Vec::new());
    for function in ["function1", "function2", "function3"] {
        let mut spec = spec(function, '1');
        spec.image = image(function).unwrap();
        let deployment = platform.deploy(&spec, &ledger).await.unwrap();
        platform.wait_until_ready(&deployment, LONG).await.unwrap();
        specs.push(spec);
        deployments.push(deployment);
    }
    let event = r#"{"invoke_nested":[{"function_name":"function2","invoke_payload":
        {"invoke_nested":[{"function_name":"function3","invoke_payload":{}}]}}]}"#;
    let answer = platform.invoke(&deployments[0], &Invocation::new(event)).await.unwrap();
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    let records = body["records"].as_object().unwrap();
    assert!(records.len() == 3 && records.values().all(|record| record["error"].is_null()), "{body}");
    for spec in &specs {
        let left = undeploy(&*platform, &spec.id, &ledger).await.unwrap();
        assert!(left.is_empty(), "{left:?}");
    }
}
