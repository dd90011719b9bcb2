//! What is other on Kubernetes.

use platform::{Limits, PlatformError, Readiness, Scale};
use serde_json::json;

use crate::scene::{Scene, answered_by, call, image, spec};

#[tokio::test]
async fn replicas_from_before_an_update_must_be_gone() {
    let scene = Scene::on_kubernetes().await;
    let mut spec = spec("function1", '1');
    scene.deploy(&spec).await;
    spec.image = image("function1", '2');
    let new = scene.deploy(&spec).await;
    let answer = call(&*scene.platform, &new).await;
    assert!(answered_by(&answer).ends_with(&"2".repeat(64)));
    assert!(answer.instance.unwrap().is_cold());
    scene.platform.force_cold(&new).await.unwrap();
    assert!(call(&*scene.platform, &new).await.instance.unwrap().is_cold());
}

#[tokio::test]
async fn limits_and_replicas_are_set_and_changed() {
    let scene = Scene::on_kubernetes().await;
    let mut spec = spec("function1", '1');
    spec.limits = Limits { memory_bytes: Some(128 << 20), cpus: Some(0.25), ..Limits::default() };
    spec.scale = Scale { minimum_instances: Some(1), maximum_instances: Some(3), ..Scale::default() };
    let deployment = scene.deploy(&spec).await;
    let function = || scene.emulator.function("function1").unwrap();
    assert_eq!(function()["resources"]["limits"]["memory"], "134217728");
    assert_eq!(function()["resources"]["limits"]["cpu"], "250m");
    assert_eq!((function()["minReplicas"].as_u64(), function()["maxReplicas"].as_u64()), (Some(1), Some(3)));
    assert!(function().get("replicas").is_none() && function().get("platform").is_none());

    let asked = Scale { minimum_instances: Some(2), ..Scale::default() };
    scene.platform.scale(&deployment, &asked).await.unwrap();
    assert_eq!((function()["minReplicas"].as_u64(), function()["maxReplicas"].as_u64()), (Some(2), Some(3)));
    assert_eq!(function()["resources"]["limits"]["cpu"], "250m");
    // What was scaled stays after a cold start was forced.
    scene.platform.force_cold(&deployment).await.unwrap();
    assert_eq!(function()["minReplicas"].as_u64(), Some(2));
    let too_many = Scale { minimum_instances: Some(9), ..Scale::default() };
    let error = scene.platform.scale(&deployment, &too_many).await.unwrap_err();
    assert!(error.is_users() && error.to_string().contains("above the maximum"), "{error}");
}

#[tokio::test]
async fn custom_resources_do_without_the_dashboard() {
    let options = json!({ "installation": "kubernetes", "through": "custom-resource" });
    let scene = Scene::with(options, true).await;
    assert_eq!(scene.platform.reach().await.unwrap().version, "Nuclio on Kubernetes v1.31.0");
    let mut spec = spec("function1", '1');
    let planned = scene.platform.requests(&spec).unwrap();
    let created = planned.iter().find(|request| request.address.ends_with("/nucliofunctions")).unwrap();
    assert_eq!(created.body.as_ref().unwrap()["kind"], "NuclioFunction");
    scene.deploy(&spec).await;
    spec.image = image("function1", '2');
    // Nuclio's controller changes the object while it is being changed.
    scene.emulator.conflict(2);
    let deployment = scene.deploy(&spec).await;
    let answer = call(&*scene.platform, &deployment).await;
    assert!(answered_by(&answer).ends_with(&"2".repeat(64)) && answer.instance.unwrap().is_cold());
    let found = scene.platform.find_marked().await.unwrap();
    assert!(found.len() == 1 && found[0].deployment == spec.id.as_str(), "{found:?}");
    scene.emulator.conflict(99);
    let error = scene.platform.force_cold(&deployment).await.unwrap_err();
    assert!(matches!(error, PlatformError::Failed { .. }) && error.to_string().contains("try again"), "{error}");
    scene.emulator.conflict(0);
    assert!(scene.emulator.take_requests().iter().all(|request| !request.contains(" /api/f")));
    scene.undeploy(&spec).await;
    assert_eq!(scene.platform.status(&deployment).await.unwrap().readiness, Readiness::Missing);
    assert_eq!(scene.emulator.projects(), ["default"]);
}

#[tokio::test]
async fn what_a_dry_run_shows_of_an_update_is_what_is_asked() {
    for options in [json!({}), json!({ "through": "custom-resource" })] {
        let mut all = json!({ "installation": "kubernetes" });
        all.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        let scene = Scene::with(all, true).await;
        let spec = spec("function1", '1');
        scene.deploy(&spec).await;
        scene.emulator.take_requests();
        scene.platform.deploy(&spec, &scene.ledger).await.unwrap();
        let path = |address: &str| {
            let path = address.strip_prefix(&scene.emulator.endpoint).unwrap_or(address);
            path.split('?').next().unwrap().to_owned()
        };
        let expected: Vec<_> = scene
            .platform
            .requests(&spec)
            .unwrap()
            .iter()
            .filter(|request| {
                request.method != "PUSH" && !request.condition.as_deref().unwrap_or_default().contains("yet")
            })
            .map(|request| format!("{} {}", request.method, path(&request.address)))
            .collect();
        assert_eq!(scene.emulator.take_requests(), expected);
    }
}
