//! What goes wrong, and what is said of it.

use std::time::Duration;

use fn_platform::connect;
use hyper::Method;
use platform::{Invocation, Ledger, PlatformError, Resource};
use serde_json::{Value, json};

use crate::scene::{LONG, Scene, call, connection, spec};

#[tokio::test]
async fn what_others_made_is_never_touched() {
    let scene = Scene::new().await;
    let app = scene.emulator.create("apps", &json!({ "name": "faasbench" }));
    let spec = spec("function1", '1');
    let error = scene.platform.deploy(&spec, &scene.ledger).await.unwrap_err();
    assert!(matches!(error, PlatformError::NameTaken { ref name, .. } if name == "faasbench"), "{error}");
    scene.undeploy(&spec).await;
    assert_eq!(scene.emulator.names("apps"), ["faasbench"]);
    let reached = scene.platform.reach().await.unwrap();
    assert!(reached.remarks[0].contains("did not make"), "{reached:?}");

    // Somebody else's function in an app of ours.
    let scene = Scene::new().await;
    let body = json!({ "name": "faasbench", "annotations": { "faasbench.app": "0000000000" } });
    let ours = scene.emulator.create("apps", &body);
    // Made without a configuration, which Fn lists as `null`.
    let body =
        json!({ "name": "function1", "app_id": ours["id"], "image": "theirs:1", "config": null, "annotations": null });
    scene.emulator.create("fns", &body);
    let error = scene.platform.deploy(&spec, &scene.ledger).await.unwrap_err();
    assert!(matches!(error, PlatformError::NameTaken { ref name, .. } if name == "function1"), "{error}");
    assert!(scene.registry.tags().is_empty(), "nothing travels for a name that is taken");
    scene.undeploy(&spec).await;
    assert_eq!((scene.emulator.names("apps").len(), scene.emulator.names("fns").len()), (1, 1));
    let _ = app;
}

#[tokio::test]
async fn what_was_made_before_a_failure_is_removed() {
    let scene = Scene::new().await;
    let spec = spec("function1", '1');
    scene.emulator.fail(Method::POST, "/v2/triggers", 500);
    let error = scene.platform.deploy(&spec, &scene.ledger).await.unwrap_err();
    let said = error.to_string();
    assert!(said.contains("creating the trigger function1") && said.contains("internal server error"), "{said}");
    assert_eq!(scene.emulator.names("fns"), ["function1"]);
    // Again with the same id it goes on where it was.
    scene.emulator.heal();
    let deployment = scene.deploy(&spec).await;
    call(&*scene.platform, &deployment).await;
    scene.undeploy(&spec).await;
    assert!(scene.emulator.names("apps").is_empty() && scene.emulator.names("triggers").is_empty());
}

#[tokio::test]
async fn what_cannot_be_removed_stays_in_the_ledger() {
    let scene = Scene::new().await;
    let spec = spec("function1", '1');
    scene.deploy(&spec).await;
    scene.emulator.fail(Method::DELETE, "/v2/fns", 500);
    let left = platform::undeploy(&*scene.platform, &spec.id, &scene.ledger).await.unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0].resource.kind, "function");
    scene.emulator.heal();
    scene.undeploy(&spec).await;
    assert!(scene.emulator.names("fns").is_empty());
}

#[tokio::test]
async fn an_image_that_does_not_start_is_told_with_fns_words() {
    let scene = Scene::new().await;
    let deployment = scene.platform.deploy(&spec("broken", '1'), &scene.ledger).await.unwrap();
    let error = scene.platform.wait_until_ready(&deployment, LONG).await.unwrap_err();
    assert!(matches!(error, PlatformError::ExitedAtStart { .. }), "{error}");
    assert!(error.to_string().contains("Container failed to initialize"), "{error}");
}

#[tokio::test]
async fn an_update_is_not_ready_within_less_than_the_agents_memory() {
    let scene = Scene::with(json!({ "stale-after-update-ms": 5000 })).await;
    let spec = spec("function1", '1');
    scene.deploy(&spec).await;
    let again = scene.platform.deploy(&spec, &scene.ledger).await.unwrap();
    let error = scene.platform.wait_until_ready(&again, Duration::from_millis(100)).await.unwrap_err();
    assert!(error.to_string().contains("may use the old image"), "{error}");
}

#[tokio::test]
async fn a_functions_own_error_is_an_answer_and_a_busy_server_is_waited_for() {
    let scene = Scene::new().await;
    let deployment = scene.deploy(&spec("function1", '1')).await;
    let answer = scene.platform.invoke(&deployment, &Invocation::new("no JSON")).await.unwrap();
    let error = answer.response().unwrap_err();
    assert!(answer.status == 502 && error.message.contains("function failed"), "{error:?}");
    scene.emulator.fail(Method::POST, "/invoke", 503);
    let error = scene.platform.wait_until_ready(&deployment, Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(error, PlatformError::NotReady { .. }), "{error}");
    assert!(error.to_string().contains("503"), "{error}");
}

#[tokio::test]
async fn a_function_that_refuses_the_empty_event_is_ready_all_the_same() {
    let scene = Scene::new().await;
    let mut spec = spec("needy", '1');
    scene.deploy(&spec).await;
    spec.image = crate::scene::image("needy", '2');
    scene.deploy(&spec).await;
    scene.undeploy(&spec).await;
}

#[tokio::test]
async fn a_token_is_sent_and_never_shown() {
    let scene = Scene::with(json!({ "token-variable": "FAASBENCH_TEST_FN_TOKEN_OF_CARGO" })).await;
    assert!(scene.emulator.authorizations().is_empty());
    // A variable that every test process of cargo's has.
    let scene = Scene::with(json!({ "token-variable": "CARGO_PKG_NAME" })).await;
    let spec = spec("function1", '1');
    let deployment = scene.deploy(&spec).await;
    let sent = scene.emulator.authorizations();
    assert!(!sent.is_empty() && sent.iter().all(|value| value == "Bearer fn-platform"), "{sent:?}");
    // Any client sends it too, but only where it belongs.
    let anybodys = scene.platform.http_call(&deployment).await.unwrap().unwrap();
    assert_eq!(emulation::status_over_http(&anybodys).await, 200);
    assert_eq!(scene.emulator.authorizations().len(), sent.len() + 1);
    assert!(!format!("{anybodys:?}").contains("Bearer"), "{anybodys:?}");
    let mut elsewhere = deployment.clone();
    elsewhere.details["invoke_url"] = "http://balancer.test/invoke/1".into();
    let anybodys = scene.platform.http_call(&elsewhere).await.unwrap().unwrap();
    assert!(anybodys.url.starts_with("http://balancer.test/") && anybodys.headers.is_empty(), "{anybodys:?}");
    scene.emulator.fail(Method::GET, "/v2", 401);
    let error = scene.platform.deploy(&spec, &scene.ledger).await.unwrap_err();
    assert!(matches!(error, PlatformError::Denied { .. }), "{error}");
    let kept: Vec<Value> = scene.ledger.entries().iter().map(|entry| json!(entry)).collect();
    assert!(!format!("{error} {kept:?}").contains("Bearer"), "{error}");
}

#[tokio::test]
async fn options_that_cannot_be_used_are_refused_before_anything() {
    let wrong = [
        (json!({ "app": "a b" }), "letters, digits"),
        (json!({ "apps": "a" }), "unknown field"),
        (json!({ "docker": "unix:///x" }), "local-daemon"),
        (json!({ "image": "local-daemon", "docker": "ftp://x" }), "unix:///PATH"),
        (json!({ "instances-endpoint": "https://x" }), "plain HTTP"),
    ];
    for (options, said) in wrong {
        let error = connect(connection("http://127.0.0.1:1", options, None)).err().unwrap();
        assert!(error.is_users() && error.to_string().contains(said), "{error}");
    }
    let platform = connect(connection("http://127.0.0.1:1", json!({}), None)).unwrap();
    let error = platform.requests(&spec("function1", '1')).unwrap_err();
    assert!(error.to_string().contains("registry = "), "{error}");
    let error = platform.reach().await.unwrap_err();
    assert!(matches!(error, PlatformError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn what_is_at_another_server_or_in_another_app_is_neither_forgotten_nor_taken_for_gone() {
    let (scene, other) = (Scene::new().await, Scene::new().await);
    let spec = spec("function1", '1');
    scene.deploy(&spec).await;
    let before = scene.ledger.entries();
    let another_app = connection(&scene.emulator.endpoint, json!({ "app": "other" }), Some(scene.registry.clone()));
    for (elsewhere, said) in [
        (other.platform.clone(), scene.emulator.endpoint.as_str()),
        (connect(another_app).unwrap(), "the app faasbench at"),
    ] {
        let error = elsewhere.deploy(&spec, &scene.ledger).await.unwrap_err();
        assert!(error.is_users() && error.to_string().contains(said), "{error}");
        assert!(error.to_string().contains("faasbench undeploy function1 --platform test"), "{error}");
    }
    assert_eq!(scene.ledger.entries(), before);
    assert!(other.registry.tags().is_empty() && other.emulator.names("apps").is_empty());
    let left = platform::undeploy(&*other.platform, &spec.id, &scene.ledger).await.unwrap();
    assert_eq!(left.iter().map(|left| left.resource.kind.as_str()).collect::<Vec<_>>(), ["trigger", "function", "app"]);
    scene.undeploy(&spec).await;
    assert!(scene.emulator.names("apps").is_empty());
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
        platform: "fn".to_owned(),
        target: "test".to_owned(),
        kind: "image".to_owned(),
        name: format!("localhost/faasbench-fn/function1:{}-{}", spec.id, image_kind::tag(&spec.image.digest)),
        details: json!({ "daemon": "unix:///elsewhere.sock" }),
    };
    scene.ledger.intend(&image).await.unwrap();
    let before = scene.ledger.entries();
    let error = with("other").deploy(&spec, &scene.ledger).await.unwrap_err();
    assert!(error.is_users() && error.to_string().contains("in the container daemon at unix://"), "{error}");
    assert_eq!(scene.ledger.entries(), before);
}
