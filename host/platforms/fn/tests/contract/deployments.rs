//! Deploying, updating, calling and removing.

use std::time::{Duration, Instant};

use platform::{ColdStart, Invocation, Limits, Readiness, Scale};
use serde_json::{Value, json};

use crate::scene::{STALE_MS, Scene, answered_by, call, image, spec};

#[tokio::test]
async fn a_deployment_is_called_and_leaves_nothing() {
    let scene = Scene::new().await;
    let mut spec = spec("function1", '1');
    spec.limits = Limits { memory_bytes: Some(256 << 20), time: Some(Duration::from_secs(7)), ..Limits::default() };
    spec.scale = Scale { keep_alive: Some(Duration::from_secs(60)), ..Scale::default() };
    spec.environment.insert("MY_OWN".to_owned(), "value".to_owned());
    let deployment = scene.deploy(&spec).await;
    let answer = call(&*scene.platform, &deployment).await;
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    let name = body["image"].as_str().unwrap();
    assert!(name.starts_with(&format!("registry.test:5000/function1:{}-", spec.id)), "{name}");
    assert!(name.ends_with(&format!("@{}", spec.image.digest)), "{name}");
    assert_eq!(body["environment"]["MY_OWN"], "value");
    let url = body["environment"]["FAASBENCH_INVOKE_URL"].as_str().unwrap();
    assert!(url.starts_with("http://172.17.0.1:") && url.ends_with("/t/faasbench/{name}"), "{url}");
    assert_eq!(answer.call.unwrap().0, "01TESTCALL0000000000000000");
    // The call that proved that it is ready was the first.
    assert_eq!(answer.instance.unwrap().invocation_index, 2);

    let status = scene.platform.status(&deployment).await.unwrap();
    assert_eq!((status.readiness, status.image_digest), (Readiness::Ready, Some(spec.image.digest.clone())));
    let metrics = scene.platform.metrics(&deployment).await.unwrap();
    assert!(metrics.iter().any(|metric| metric.unit == "ms" && metric.value == 400.0), "{metrics:?}");
    let found = scene.platform.find_marked().await.unwrap();
    assert!(found.len() == 2 && found.iter().all(|found| found.deployment == spec.id.as_str()), "{found:?}");

    scene.undeploy(&spec).await;
    assert_eq!(scene.platform.status(&deployment).await.unwrap().readiness, Readiness::Missing);
    assert!(scene.emulator.names("apps").is_empty() && scene.platform.find_marked().await.unwrap().is_empty());
    assert!(scene.registry.tags().is_empty());
    let gone = scene.platform.invoke(&deployment, &Invocation::new("{}")).await;
    // The agent may remember it for a while.
    assert!(gone.is_ok() || gone.is_err_and(|error| error.to_string().contains("has no deployment")));
}

#[tokio::test]
async fn after_an_update_nothing_is_ready_before_the_new_image_answers() {
    let scene = Scene::new().await;
    let mut spec = spec("function1", '1');
    spec.environment.insert("OLD".to_owned(), "1".to_owned());
    let old = scene.deploy(&spec).await;
    let first = call(&*scene.platform, &old).await.instance.unwrap();

    spec.image = image("function1", '2');
    spec.environment = [("NEW".to_owned(), "1".to_owned())].into();
    let new = scene.platform.deploy(&spec, &scene.ledger).await.unwrap();
    let begin = Instant::now();
    // As on a real server, the old image still answers here.
    assert!(answered_by(&call(&*scene.platform, &new).await).ends_with(&"1".repeat(64)));
    scene.platform.wait_until_ready(&new, Duration::from_secs(20)).await.unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(STALE_MS));
    let answer = call(&*scene.platform, &new).await;
    assert!(answered_by(&answer).ends_with(&"2".repeat(64)));
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert!(body["environment"].get("OLD").is_none() && body["environment"]["NEW"] == "1", "{body}");
    assert_ne!(answer.instance.unwrap().id, first.id);

    scene.undeploy(&spec).await;
    assert!(scene.registry.tags().is_empty() && scene.emulator.names("fns").is_empty());
}

#[tokio::test]
async fn the_call_after_forcing_it_is_a_cold_one() {
    let scene = Scene::new().await;
    assert_eq!(scene.platform.capabilities().cold_start, ColdStart::Forced);
    let deployment = scene.deploy(&spec("function1", '1')).await;
    for _ in 0..2 {
        assert!(!call(&*scene.platform, &deployment).await.instance.unwrap().is_cold());
        scene.platform.force_cold(&deployment).await.unwrap();
        assert!(call(&*scene.platform, &deployment).await.instance.unwrap().is_cold());
    }
}

#[tokio::test]
async fn through_a_trigger_the_identity_comes_from_the_body() {
    let scene = Scene::with(json!({ "way": "trigger", "app": "other" })).await;
    let deployment = scene.deploy(&spec("function1", '1')).await;
    assert!(deployment.url.as_ref().unwrap().ends_with("/t/other/function1"), "{deployment:?}");
    assert_eq!(call(&*scene.platform, &deployment).await.instance.unwrap().invocation_index, 2);
}

#[tokio::test]
async fn a_detached_call_has_a_name_and_no_result() {
    let scene = Scene::new().await;
    let deployment = scene.deploy(&spec("function1", '1')).await;
    let call = scene.platform.invoke_async(&deployment, &Invocation::new("{}")).await.unwrap();
    let error = scene.platform.take_result(&deployment, &call).await.unwrap_err();
    assert!(error.is_users() && !scene.platform.capabilities().asynchronous, "{error}");
}

#[tokio::test]
async fn deployments_share_an_app_until_the_last_is_gone() {
    let scene = Scene::new().await;
    let (one, two) = (spec("function1", '1'), spec("function2", '2'));
    let deploy = |spec| scene.platform.deploy(spec, &scene.ledger);
    // At once: both find that there is no app.
    let (first, second) = tokio::join!(deploy(&one), deploy(&two));
    first.unwrap();
    let second = second.unwrap();
    assert_eq!(scene.emulator.names("apps"), ["faasbench"]);
    scene.undeploy(&one).await;
    assert_eq!(scene.emulator.names("fns"), ["function2"]);
    call(&*scene.platform, &second).await;
    scene.undeploy(&two).await;
    assert!(scene.emulator.names("apps").is_empty());
}

#[tokio::test]
async fn what_a_dry_run_shows_is_what_is_asked() {
    let scene = Scene::new().await;
    let spec = spec("function1", '1');
    let planned = scene.platform.requests(&spec).unwrap();
    assert!(scene.emulator.take_requests().is_empty());
    let text = serde_json::to_string(&planned).unwrap();
    assert!(!text.contains("very-secret") && text.contains("AWS_SECRET_ACCESS_KEY"), "{text}");
    let methods: Vec<_> = planned.iter().map(|request| request.method.as_str()).collect();
    assert_eq!(methods[..4], ["GET", "GET", "PUSH", "GET"]);
    assert!(methods.contains(&"DELETE"), "{methods:?}");

    scene.platform.deploy(&spec, &scene.ledger).await.unwrap();
    let asked: Vec<_> = scene.emulator.take_requests().iter().map(|request| shape(request)).collect();
    // There is nothing yet: no app, and nothing to update.
    let is_due = |condition: &str| !condition.contains("update") && !condition.contains("already");
    let expected: Vec<_> = planned
        .iter()
        .filter(|request| request.method != "PUSH" && request.condition.as_deref().is_none_or(is_due))
        .map(|request| {
            let path = request.address.strip_prefix(&scene.emulator.endpoint).unwrap();
            shape(&format!("{} {path}", request.method))
        })
        .collect();
    assert_eq!(asked, expected);
    scene.platform.deploy(&spec, &scene.ledger).await.unwrap();
    assert!(scene.emulator.take_requests().iter().any(|request| request.starts_with("PUT /v2/fns/")));
}

/// A request without what only the server knows, and without how a list is read.
fn shape(request: &str) -> String {
    request.split(['?', '<']).next().unwrap().trim_end_matches('/').to_owned()
}

#[tokio::test]
async fn lists_of_many_pages_are_read_whole() {
    let scene = Scene::new().await;
    let deployment = scene.deploy(&spec("function1", '1')).await;
    let app = scene.emulator.names("apps");
    assert_eq!(app.len(), 1);
    for number in 0..150 {
        scene.emulator.create("apps", &json!({ "name": format!("other-{number}") }));
    }
    let found = scene.platform.find_marked().await.unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|found| found.deployment == deployment.spec.id.as_str()));
}
