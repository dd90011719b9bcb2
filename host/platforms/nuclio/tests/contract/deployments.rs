//! Deploying, updating, calling and removing on the local platform.

use std::time::Duration;

use platform::{Invocation, Readiness};
use serde_json::{Value, json};

use crate::scene::{LONG, Scene, answered_by, call, image, spec};

#[tokio::test]
async fn a_deployment_is_called_and_leaves_nothing() {
    for way in ["direct", "dashboard"] {
        let scene = Scene::with(json!({ "way": way, "network": "lab" }), false).await;
        let mut spec = spec("function1", '1');
        spec.scale.concurrency = Some(4);
        spec.environment.insert("MY_OWN".to_owned(), String::new());
        let deployment = scene.deploy(&spec).await;
        let anybodys = scene.platform.http_call(&deployment).await.unwrap().unwrap();
        let answer = call(&*scene.platform, &deployment).await;
        assert_eq!(emulation::status_over_http(&anybodys).await, 200);
        // The dashboard waits for as long as the function may take, and for a worker.
        let mut limited = deployment.clone();
        limited.spec.limits.time = Some(Duration::from_secs(90));
        let anybodys = scene.platform.http_call(&limited).await.unwrap().unwrap();
        let waits = anybodys.headers.iter().find(|(name, _)| *name == "x-nuclio-invoke-timeout");
        assert_eq!(waits.map(|(_, value)| value.as_str()), (way == "dashboard").then_some("120s"));
        // Nothing called it before.
        assert!(answer.instance.as_ref().unwrap().is_cold());
        assert_eq!(answered_by(&answer), format!("registry.test/function1@{}", spec.image.digest));
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        let variable = |name: &str| {
            let all = body["environment"].as_array().unwrap();
            all.iter().find(|variable| variable["name"] == name).unwrap()["value"].as_str().unwrap().to_owned()
        };
        assert_eq!(variable("FAASBENCH_INVOKE_URL"), "http://nuclio-{name}:8080");
        assert_eq!((variable("FAASBENCH_CONCURRENCY"), variable("MY_OWN")), ("4".to_owned(), String::new()));
        assert_eq!(scene.emulator.function("function1").unwrap()["platform"]["attributes"]["network"], "lab");

        let status = scene.platform.status(&deployment).await.unwrap();
        assert_eq!((status.readiness, status.image_digest), (Readiness::Ready, Some(spec.image.digest.clone())));
        let found = scene.platform.find_marked().await.unwrap();
        assert!(found.len() == 1 && found[0].deployment == spec.id.as_str(), "{found:?}");
        assert_eq!(scene.emulator.projects(), ["default", "faasbench"]);

        scene.undeploy(&spec).await;
        assert_eq!(scene.emulator.projects(), ["default"]);
        assert!(scene.emulator.functions().is_empty() && scene.registry.tags().is_empty());
        assert!(scene.platform.find_marked().await.unwrap().is_empty());
        assert_eq!(scene.platform.status(&deployment).await.unwrap().readiness, Readiness::Missing);
        let error = scene.platform.invoke(&deployment, &Invocation::new("{}")).await;
        // At its own port another may answer by now.
        assert!(way == "direct" || error.unwrap_err().to_string().contains("has no deployment"));
    }
}

#[tokio::test]
async fn after_an_update_the_new_image_answers() {
    let scene = Scene::new().await;
    let mut spec = spec("function1", '1');
    let old = scene.deploy(&spec).await;
    let first = call(&*scene.platform, &old).await.instance.unwrap();
    spec.image = image("function1", '2');
    let new = scene.deploy(&spec).await;
    let answer = call(&*scene.platform, &new).await;
    assert!(answered_by(&answer).ends_with(&"2".repeat(64)));
    assert_ne!(answer.instance.unwrap().id, first.id);
    // Who holds the old state learns that it is gone.
    let error = scene.platform.wait_until_ready(&old, Duration::from_secs(5)).await.unwrap_err();
    assert!(error.to_string().contains("changed by somebody else"), "{error}");
    scene.undeploy(&spec).await;
    assert!(scene.registry.tags().is_empty());
}

#[tokio::test]
async fn the_call_after_forcing_it_is_a_cold_one() {
    let scene = Scene::new().await;
    let deployment = scene.deploy(&spec("function1", '1')).await;
    for _ in 0..2 {
        call(&*scene.platform, &deployment).await;
        assert!(!call(&*scene.platform, &deployment).await.instance.unwrap().is_cold());
        scene.platform.force_cold(&deployment).await.unwrap();
        // It is still the same deployment, also for who asks again.
        scene.platform.wait_until_ready(&deployment, LONG).await.unwrap();
        assert!(call(&*scene.platform, &deployment).await.instance.unwrap().is_cold());
    }
}

#[tokio::test]
async fn a_project_of_others_is_used_and_left() {
    let scene = Scene::with(json!({ "project": "default" }), false).await;
    let spec = spec("function1", '1');
    scene.deploy(&spec).await;
    scene.undeploy(&spec).await;
    assert_eq!(scene.emulator.projects(), ["default"]);
}

#[tokio::test]
async fn deployments_share_a_project_until_the_last_is_gone() {
    let scene = Scene::new().await;
    let (one, two) = (spec("function1", '1'), spec("function2", '2'));
    let deploy = |spec| scene.platform.deploy(spec, &scene.ledger);
    let (first, second) = tokio::join!(deploy(&one), deploy(&two));
    first.unwrap();
    scene.platform.wait_until_ready(&second.unwrap(), LONG).await.unwrap();
    scene.undeploy(&one).await;
    assert_eq!(scene.emulator.projects(), ["default", "faasbench"]);
    scene.undeploy(&two).await;
    assert_eq!(scene.emulator.projects(), ["default"]);
}

#[tokio::test]
async fn what_a_dry_run_shows_is_what_is_asked() {
    let scene = Scene::new().await;
    let spec = spec("function1", '1');
    let planned = scene.platform.requests(&spec).unwrap();
    assert!(scene.emulator.take_requests().is_empty());
    let text = serde_json::to_string(&planned).unwrap();
    assert!(!text.contains("very-secret") && text.contains("AWS_SECRET_ACCESS_KEY"), "{text}");
    let line = |method: &str, address: &str| {
        format!("{method} {}", address.strip_prefix(&scene.emulator.endpoint).unwrap_or(address))
    };
    scene.platform.deploy(&spec, &scene.ledger).await.unwrap();
    let asked = scene.emulator.take_requests();
    let expected: Vec<_> = planned
        .iter()
        .filter(|request| {
            request.method != "PUSH" && !request.condition.as_deref().unwrap_or_default().contains("update")
        })
        .map(|request| line(&request.method, &request.address))
        .collect();
    assert_eq!(asked, expected);
    scene.platform.deploy(&spec, &scene.ledger).await.unwrap();
    assert!(scene.emulator.take_requests().contains(&"PUT /api/functions/function1".to_owned()));
}
