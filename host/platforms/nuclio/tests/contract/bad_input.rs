//! What goes wrong, and what is said of it.

use std::time::Duration;

use hyper::Method;
use nuclio_platform::connect;
use platform::{Ledger, PlatformError, Readiness, Resource, Scale};
use serde_json::json;

use crate::scene::{LONG, Scene, connection, spec};

#[tokio::test]
async fn what_others_made_is_never_touched() {
    let scene = Scene::new().await;
    let theirs = json!({
        "metadata": { "name": "function1", "namespace": "nuclio" },
        "spec": { "image": "theirs:1", "runtime": "nodejs", "handler": "fn:handler", "env": [],
                  "build": { "codeEntryType": "image" } },
    });
    scene.emulator.create_function(&theirs);
    let spec = spec("function1", '1');
    let error = scene.platform.deploy(&spec, &scene.ledger).await.unwrap_err();
    assert!(matches!(error, PlatformError::NameTaken { ref name, .. } if name == "function1"), "{error}");
    assert!(scene.registry.tags().is_empty(), "nothing travels for a name that is taken");
    scene.undeploy(&spec).await;
    assert_eq!(scene.emulator.functions(), ["function1"]);
}

#[tokio::test]
async fn what_was_made_before_a_failure_is_removed() {
    let scene = Scene::new().await;
    let spec = spec("function1", '1');
    scene.emulator.fail(Method::POST, "/api/functions", 500);
    let error = scene.platform.deploy(&spec, &scene.ledger).await.unwrap_err();
    assert!(error.to_string().contains("creating the function function1"), "{error}");
    assert_eq!(scene.emulator.projects(), ["default", "faasbench"]);
    scene.undeploy(&spec).await;
    assert_eq!(scene.emulator.projects(), ["default"]);

    scene.emulator.heal();
    scene.deploy(&spec).await;
    scene.emulator.fail(Method::DELETE, "/api/functions", 500);
    let left = platform::undeploy(&*scene.platform, &spec.id, &scene.ledger).await.unwrap();
    assert_eq!(left.iter().map(|left| left.resource.kind.as_str()).collect::<Vec<_>>(), ["function"]);
    scene.emulator.heal();
    scene.undeploy(&spec).await;
    assert!(scene.emulator.functions().is_empty());
}

#[tokio::test]
async fn an_image_that_does_not_start_is_told_with_nuclios_words() {
    let scene = Scene::new().await;
    let spec = spec("broken", '1');
    let deployment = scene.platform.deploy(&spec, &scene.ledger).await.unwrap();
    let error = scene.platform.wait_until_ready(&deployment, LONG).await.unwrap_err();
    assert!(matches!(error, PlatformError::ExitedAtStart { .. }), "{error}");
    let said = error.to_string();
    assert!(said.contains("no such luck") && !said.contains("platform.go"), "{said}");
    assert!(said.contains("AWS_SECRET_ACCESS_KEY") && !format!("{error:?}").contains("very-secret"), "{error:?}");
    let status = scene.platform.status(&deployment).await.unwrap();
    assert_eq!(status.readiness, Readiness::Failed);
    assert!(status.message.is_some_and(|message| !message.contains("very-secret")));
    scene.undeploy(&spec).await;
}

#[tokio::test]
async fn what_is_not_ready_in_time_says_how_far_it_is() {
    let scene = Scene::new().await;
    let deployment = scene.platform.deploy(&spec("function1", '1'), &scene.ledger).await.unwrap();
    assert_eq!(scene.platform.status(&deployment).await.unwrap().readiness, Readiness::Pending);
    let error = scene.platform.wait_until_ready(&deployment, Duration::from_millis(1)).await.unwrap_err();
    assert!(error.to_string().contains("building") && error.to_string().contains("Deploying function"), "{error}");
}

#[tokio::test]
async fn the_local_platform_has_one_instance() {
    let scene = Scene::new().await;
    let deployment = scene.deploy(&spec("function1", '1')).await;
    let two = Scale { maximum_instances: Some(2), ..Scale::default() };
    let error = scene.platform.scale(&deployment, &two).await.unwrap_err();
    assert!(error.is_users() && error.to_string().contains("exactly one"), "{error}");
}

#[tokio::test]
async fn options_that_cannot_be_used_are_refused_before_anything() {
    let wrong = [
        (json!({ "namespace": "A" }), "lower-case"),
        (json!({ "projects": "a" }), "unknown field"),
        (json!({ "shape": "processor" }), "the path of Nuclio's program"),
        (json!({ "processor": "/x" }), "shape"),
        (json!({ "docker": "unix:///x" }), "local-daemon"),
        (json!({ "installation": "kubernetes", "network": "x" }), "installation"),
        (json!({ "through": "custom-resource" }), "installation"),
        (
            json!({ "through": "custom-resource", "installation": "kubernetes", "way": "dashboard" }),
            "needs the dashboard",
        ),
        (json!({ "instances-url": "http://x" }), "{name}"),
        (json!({ "readiness-timeout-s": 0 }), "1 or more"),
    ];
    for (options, said) in wrong {
        let error = connect(connection("http://127.0.0.1:1", options, None)).err().unwrap();
        assert!(error.is_users() && error.to_string().contains(said), "{error}");
    }
    let platform = connect(connection("http://127.0.0.1:1", json!({}), None)).unwrap();
    assert!(platform.requests(&spec("function1", '1')).unwrap_err().to_string().contains("registry = "));
    let error = platform.reach().await.unwrap_err();
    assert!(matches!(error, PlatformError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn what_is_at_another_dashboard_or_in_another_namespace_is_neither_forgotten_nor_taken_for_gone() {
    let (scene, other) = (Scene::new().await, Scene::new().await);
    let spec = spec("function1", '1');
    scene.deploy(&spec).await;
    let before = scene.ledger.entries();
    let namespace = connection(&scene.emulator.endpoint, json!({ "namespace": "other" }), Some(scene.registry.clone()));
    let there = format!("the namespace nuclio at {}", scene.emulator.endpoint);
    for elsewhere in [other.platform.clone(), connect(namespace).unwrap()] {
        let error = elsewhere.deploy(&spec, &scene.ledger).await.unwrap_err();
        assert!(error.is_users() && error.to_string().contains(&there), "{error}");
        assert!(error.to_string().contains("faasbench undeploy function1 --platform test"), "{error}");
        for entry in before.iter().filter(|entry| entry.resource.kind != "image") {
            let error = elsewhere.remove(&entry.resource).await.unwrap_err();
            assert!(error.is_users() && error.to_string().contains(&there), "{error}");
        }
    }
    assert_eq!(scene.ledger.entries(), before);
    assert!(other.registry.tags().is_empty() && other.emulator.take_requests().is_empty());
    scene.undeploy(&spec).await;
    assert!(scene.emulator.functions().is_empty());
}

#[tokio::test]
async fn an_image_in_another_daemon_is_not_forgotten() {
    let scene = Scene::new().await;
    let folder = std::env::temp_dir();
    let with = |daemon: &str| {
        // Nothing listens there.
        let docker = format!("unix://{}/{daemon}-{}.sock", folder.display(), std::process::id());
        connect(connection(&scene.emulator.endpoint, json!({ "image": "local-daemon", "docker": docker }), None))
            .unwrap()
    };
    let spec = spec("function1", '1');
    let unreachable = with("one").deploy(&spec, &scene.ledger).await.unwrap_err();
    assert!(!unreachable.is_users(), "{unreachable}");
    assert_eq!(scene.ledger.entries(), [], "nothing could be made there");
    let image = Resource {
        deployment: spec.id.clone(),
        platform: "nuclio".to_owned(),
        target: "test".to_owned(),
        kind: "image".to_owned(),
        name: format!("localhost/faasbench-nuclio/function1:{}-{}", spec.id, image_kind::tag(&spec.image.digest)),
        details: json!({ "daemon": "unix:///elsewhere.sock" }),
    };
    scene.ledger.intend(&image).await.unwrap();
    let before = scene.ledger.entries();
    let error = with("other").deploy(&spec, &scene.ledger).await.unwrap_err();
    assert!(error.is_users() && error.to_string().contains("in the container daemon at unix://"), "{error}");
    assert_eq!(scene.ledger.entries(), before);
}
