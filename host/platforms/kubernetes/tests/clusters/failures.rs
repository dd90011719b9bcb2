//! Bad input, bad luck, and bad servers: each a clear error.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use platform::{Limits, MemoryLedger, PlatformError, Readiness, Scale, undeploy};
use serde_json::{Value, json};

use crate::emulator::Fault;
use crate::lives::stage;
use crate::scene::{FakeRegistry, PATIENCE, connect, connection, kubeconfig, remove, spec};
use crate::world::Trouble;

/// The error of connecting with these options.
async fn refused(platform: &'static str, options: Value) -> PlatformError {
    match connect(connection(platform, options, &Arc::default())).await {
        Err(error) => error,
        Ok(_) => panic!("it connected"),
    }
}

#[tokio::test]
async fn no_kubeconfig_says_where_one_is_looked_for() {
    let error = refused("kubernetes", json!({"kubeconfig": "/nowhere/config"})).await.to_string();
    assert!(error.contains("/nowhere/config") && error.contains("KUBECONFIG"), "{error}");
}

#[tokio::test]
async fn an_unknown_context_names_those_that_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = kubeconfig(folder.path(), "http://127.0.0.1:1", "good");
    let error = refused("kubernetes", json!({"kubeconfig": path, "context": "there"})).await.to_string();
    assert!(error.contains("`there`") && error.contains("it has here"), "{error}");
}

#[tokio::test]
async fn a_broken_kubeconfig_does_not_show_its_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    std::fs::write(&path, "users:\n- {name: me, user: {token: t0psecret\n").unwrap();
    let error = refused("kubernetes", json!({"kubeconfig": path})).await;
    assert!(!format!("{error} {error:?}").contains("t0psecret"), "{error:?}");
}

#[tokio::test]
async fn options_that_do_not_exist_or_contradict_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = kubeconfig(folder.path(), "http://127.0.0.1:1", "good");
    for (platform, options) in [
        ("kubernetes", json!({"kubeconfig": path, "contxt": "here"})),
        ("kubernetes", json!({"kubeconfig": path, "namespace": "../kube-system"})),
        ("kubernetes", json!({"kubeconfig": path, "reach": "address"})),
        ("kubernetes", json!({"kubeconfig": path, "address": "http://{name}.test"})),
        ("knative", json!({"kubeconfig": path, "ingress": "127.0.0.1:8080"})),
        ("fission", json!({"kubeconfig": path, "router": "http://user:password@router"})),
        ("riff", json!({"kubeconfig": path, "ingress": "http://127.0.0.1"})),
    ] {
        let error = refused(platform, options.clone()).await;
        assert!(matches!(error, PlatformError::Invalid(_)), "{options}: {error}");
        assert!(!error.to_string().contains("password"), "{error}");
    }
}

#[tokio::test]
async fn expired_credentials_are_told_apart_from_missing_rights() {
    let on = stage("kubernetes", json!({})).await;
    let folder = tempfile::tempdir().unwrap();
    let path = kubeconfig(folder.path(), &on.emulator.address, "old");
    let expired = connect(connection("kubernetes", json!({"kubeconfig": path}), &on.registry)).await.unwrap();
    let error = expired.reach().await.unwrap_err();
    assert!(matches!(error, PlatformError::Denied { .. }), "{error}");
    assert!(error.to_string().contains("expired") && error.to_string().contains("`here`"), "{error}");

    *on.emulator.fault.lock().unwrap() = Fault::Forbidden;
    let ledger = MemoryLedger::new();
    let spec = spec("f");
    let error = on.platform.deploy(&spec, &ledger).await.unwrap_err();
    assert!(matches!(error, PlatformError::Denied { .. }), "{error}");
    assert!(error.to_string().contains("cannot patch resource \"deployments\""), "{error}");
    *on.emulator.fault.lock().unwrap() = Fault::None;
    remove(on.platform.as_ref(), &spec, &ledger).await;
}

#[tokio::test]
async fn a_silent_server_is_given_up_after_the_set_time() {
    let on = stage("kubernetes", json!({"request-timeout-seconds": 1})).await;
    *on.emulator.fault.lock().unwrap() = Fault::Silent;
    let error = on.platform.reach().await.unwrap_err();
    assert!(matches!(error, PlatformError::Unreachable { .. }) && error.to_string().contains("within 1 s"), "{error}");
    assert_eq!(on.emulator.requests.lock().unwrap().len(), 1, "a silent server is not asked again");
}

#[tokio::test]
async fn no_server_and_a_proxy_in_between_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = kubeconfig(folder.path(), "http://127.0.0.1:1", "good");
    let gone = connect(connection("kubernetes", json!({"kubeconfig": path}), &Arc::default())).await.unwrap();
    let error = gone.reach().await.unwrap_err();
    assert!(matches!(error, PlatformError::Unreachable { .. }) && error.to_string().contains("127.0.0.1:1"), "{error}");

    let on = stage("kubernetes", json!({})).await;
    *on.emulator.fault.lock().unwrap() = Fault::Html;
    let error = on.platform.reach().await.unwrap_err().to_string();
    assert!(error.contains("no API server") && error.contains("Bad gateway"), "{error}");
}

#[tokio::test]
async fn requests_are_repeated_and_counted() {
    let on = stage("kubernetes", json!({})).await;
    on.emulator.unavailable.store(2, Ordering::SeqCst);
    let ledger = MemoryLedger::new();
    let spec = spec("f");
    let deployment = on.platform.deploy(&spec, &ledger).await.unwrap();
    assert_eq!(deployment.details["repeated-requests"], 2);
    on.emulator.unavailable.store(100, Ordering::SeqCst);
    let error = on.platform.status(&deployment).await.unwrap_err();
    assert!(error.to_string().contains("leader changed"), "{error}");
    assert_eq!(on.emulator.unavailable.load(Ordering::SeqCst), 96, "four times, and no more");
    on.emulator.unavailable.store(0, Ordering::SeqCst);
    remove(on.platform.as_ref(), &spec, &ledger).await;
}

#[tokio::test]
async fn a_product_that_is_not_installed_is_named() {
    for (platform, product) in [("knative", "Knative Serving"), ("fission", "Fission"), ("riff", "Riff's core runtime")]
    {
        let on = stage(platform, json!({})).await;
        *on.emulator.products.lock().unwrap() = vec![""];
        let (spec, ledger) = (spec("f"), MemoryLedger::new());
        for error in [on.platform.reach().await.unwrap_err(), on.platform.deploy(&spec, &ledger).await.unwrap_err()] {
            let text = error.to_string();
            assert!(text.contains(product) && text.contains("not installed"), "{text}");
        }
        assert!(ledger.entries().is_empty(), "nothing was made");
        assert!(on.registry.tags.lock().unwrap().is_empty(), "nothing was pushed");
    }
}

#[tokio::test]
async fn a_missing_namespace_is_told_with_the_command_that_makes_it() {
    let on = stage("kubernetes", json!({"namespace": "x"})).await;
    let (spec, ledger) = (spec("f"), MemoryLedger::new());
    let error = on.platform.deploy(&spec, &ledger).await.unwrap_err().to_string();
    assert!(error.contains("kubectl create namespace x"), "{error}");
    assert!(undeploy(on.platform.as_ref(), &spec.id, &ledger).await.unwrap().is_empty());
}

async fn fails(trouble: Trouble, wanted: &[&str]) {
    let on = stage("kubernetes", json!({})).await;
    on.emulator.world.lock().unwrap().trouble = trouble;
    let (spec, ledger) = (spec("f"), MemoryLedger::new());
    let deployment = on.platform.deploy(&spec, &ledger).await.unwrap();
    let error = on.platform.wait_until_ready(&deployment, PATIENCE).await.unwrap_err().to_string();
    for text in wanted {
        assert!(error.contains(text), "{trouble:?}: {error}");
    }
    assert_eq!(on.platform.status(&deployment).await.unwrap().readiness, Readiness::Failed);
    remove(on.platform.as_ref(), &spec, &ledger).await;
}

#[tokio::test]
async fn images_quotas_and_crashes_fail_with_their_reason() {
    tokio::join!(
        fails(Trouble::Pull, &["ImagePullBackOff", "registry.example.test: no such host", "pull-from"]),
        fails(Trouble::Quota, &["exceeded quota"]),
        fails(Trouble::Crash, &["exit status 2", "hello from f-"]),
    );
}

#[tokio::test]
async fn what_never_becomes_ready_is_given_up_with_what_is_known() {
    // Not Knative: it is waited for until it gives an address.
    for platform in ["kubernetes", "riff"] {
        let on = stage(platform, json!({})).await;
        let (spec, ledger) = (spec("f"), MemoryLedger::new());
        on.emulator.world.lock().unwrap().trouble = Trouble::NoController;
        let deployment = on.platform.deploy(&spec, &ledger).await.unwrap();
        let error = on.platform.wait_until_ready(&deployment, Duration::from_millis(300)).await.unwrap_err();
        assert!(
            matches!(error, PlatformError::NotReady { .. }) && error.to_string().contains("not seen it yet"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_name_that_is_taken_stays_as_it_is() {
    for (platform, key) in [
        ("kubernetes", "services/f"),
        ("kubernetes", "deployments.apps/f"),
        ("knative", "services.serving.knative.dev/f"),
        ("knative", "services/f"),
        ("fission", "functions.fission.io/f"),
        ("riff", "services/f"),
    ] {
        let on = stage(platform, json!({})).await;
        let theirs =
            json!({"metadata": {"name": "f", "labels": {"faasbench/deployment": "another"}}, "spec": {"a": 1}});
        on.emulator.world.lock().unwrap().objects.insert(key.to_owned(), theirs.clone());
        let (spec, ledger) = (spec("f"), MemoryLedger::new());
        let error = on.platform.deploy(&spec, &ledger).await.unwrap_err();
        assert!(matches!(error, PlatformError::NameTaken { .. }), "{platform} {key}: {error}");
        assert!(ledger.entries().is_empty(), "{platform} {key}");
        assert!(undeploy(on.platform.as_ref(), &spec.id, &ledger).await.unwrap().is_empty());
        assert_eq!(on.emulator.world.lock().unwrap().objects[key], theirs);
    }
}

#[tokio::test]
async fn what_became_anothers_is_not_removed() {
    let on = stage("kubernetes", json!({})).await;
    let (spec, ledger) = (spec("f"), MemoryLedger::new());
    on.platform.deploy(&spec, &ledger).await.unwrap();
    let key = "deployments.apps/f";
    on.emulator.world.lock().unwrap().objects.get_mut(key).unwrap()["metadata"]["labels"] = json!({"app": "theirs"});
    remove(on.platform.as_ref(), &spec, &ledger).await;
    assert!(on.emulator.world.lock().unwrap().objects.contains_key(key));
}

#[tokio::test]
async fn a_spoilt_ledger_leads_nowhere_else() {
    let on = stage("kubernetes", json!({})).await;
    let (spec, ledger) = (spec("f"), MemoryLedger::new());
    on.platform.deploy(&spec, &ledger).await.unwrap();
    let entry = ledger.entries().into_iter().find(|entry| entry.resource.kind == "secret").unwrap();
    for name in ["../../kube-system/secrets/x", "", "..", "a?b=c"] {
        let mut resource = entry.resource.clone();
        resource.name = name.to_owned();
        let error = on.platform.remove(&resource).await.unwrap_err();
        assert!(matches!(error, PlatformError::Invalid(_)), "{name}: {error}");
    }
    remove(on.platform.as_ref(), &spec, &ledger).await;
}

#[tokio::test]
async fn another_clusters_deployment_is_not_taken_for_removed() {
    let on = stage("kubernetes", json!({})).await;
    let (spec, ledger) = (spec("f"), MemoryLedger::new());
    on.platform.deploy(&spec, &ledger).await.unwrap();
    let other = stage("kubernetes", json!({})).await;
    let left = undeploy(other.platform.as_ref(), &spec.id, &ledger).await.unwrap();
    assert!(left.iter().any(|left| left.error.to_string().contains("set `context`")), "{left:?}");
    remove(on.platform.as_ref(), &spec, &ledger).await;
}

#[tokio::test]
async fn limits_that_can_not_be_kept_are_refused_before_any_request() {
    let scale = |scale: Scale| (scale, Limits::default());
    let seconds = |seconds: f64| Some(Duration::from_secs_f64(seconds));
    let cases = [
        ("kubernetes", scale(Scale { minimum_instances: Some(0), ..Scale::default() })),
        ("kubernetes", scale(Scale { minimum_instances: Some(1), maximum_instances: Some(5), ..Scale::default() })),
        ("kubernetes", scale(Scale { keep_alive: seconds(60.0), ..Scale::default() })),
        ("kubernetes", scale(Scale { queue: Some(5), ..Scale::default() })),
        ("kubernetes", (Scale::default(), Limits { time: seconds(5.0), ..Limits::default() })),
        ("kubernetes", (Scale::default(), Limits { log_bytes: Some(5), ..Limits::default() })),
        ("kubernetes", (Scale::default(), Limits { cpus: Some(f64::NAN), ..Limits::default() })),
        ("knative", scale(Scale { maximum_instances: Some(0), ..Scale::default() })),
        ("knative", scale(Scale { minimum_instances: Some(3), maximum_instances: Some(2), ..Scale::default() })),
        ("knative", scale(Scale { keep_alive: seconds(1.0), ..Scale::default() })),
        ("knative", scale(Scale { keep_alive: seconds(7.5), ..Scale::default() })),
        ("knative", scale(Scale { concurrency: Some(0), ..Scale::default() })),
        ("knative", (Scale::default(), Limits { time: seconds(0.5), ..Limits::default() })),
        ("fission", scale(Scale { maximum_instances: Some(0), ..Scale::default() })),
        ("fission", (Scale::default(), Limits { time: seconds(1.5), ..Limits::default() })),
        ("riff", scale(Scale { maximum_instances: Some(2), ..Scale::default() })),
    ];
    for (platform, (scale, limits)) in cases {
        let on = stage(platform, json!({})).await;
        let mut spec = spec("f");
        (spec.scale, spec.limits) = (scale, limits);
        let error = on.platform.deploy(&spec, &MemoryLedger::new()).await.unwrap_err();
        assert!(matches!(error, PlatformError::Invalid(_)), "{platform} {scale:?} {limits:?}: {error}");
        assert!(on.platform.requests(&spec).is_err());
        assert!(on.emulator.requests.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn names_and_variables_that_can_not_be_are_refused() {
    let on = stage("kubernetes", json!({})).await;
    for name in ["F", "1f", "f-", "f/../../x", "", "f_g"] {
        let error = on.platform.deploy(&spec(name), &MemoryLedger::new()).await.unwrap_err();
        assert!(matches!(error, PlatformError::Invalid(_)), "{name}: {error}");
    }
    for variable in ["PORT", "1A", "A B", ""] {
        let mut spec = spec("f");
        spec.environment.insert(variable.to_owned(), "x".to_owned());
        assert!(on.platform.requests(&spec).is_err(), "{variable}");
    }
    assert!(on.emulator.requests.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_target_without_a_registry_says_how_to_name_one() {
    let on = stage("kubernetes", json!({})).await;
    let folder = tempfile::tempdir().unwrap();
    let path = kubeconfig(folder.path(), &on.emulator.address, "good");
    let mut without = connection("kubernetes", json!({"kubeconfig": path}), &Arc::new(FakeRegistry::default()));
    without.registry = None;
    let error = connect(without).await.unwrap().requests(&spec("f")).unwrap_err().to_string();
    assert!(error.contains("registry ="), "{error}");
}

#[tokio::test]
async fn a_command_for_credentials_that_does_not_end_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = kubeconfig(folder.path(), "http://127.0.0.1:1", "good");
    let (process, stop) = (folder.path().join("process"), folder.path().join("stop"));
    let script = format!(
        "echo $$ > {}; while [ -d {} ] && [ ! -e {} ]; do sleep 0.1; done",
        process.display(),
        folder.path().display(),
        stop.display()
    );
    let exec = json!({"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script],
        "interactiveMode": "Never"});
    let text = std::fs::read_to_string(&path).unwrap().replace("{token: good}", &json!({"exec": exec}).to_string());
    std::fs::write(&path, text).unwrap();
    let options = json!({"kubeconfig": path, "request-timeout-seconds": 1});
    let platform = connect(connection("kubernetes", options, &Arc::default())).await.unwrap();
    let error = platform.reach().await.unwrap_err();
    assert!(process.exists(), "the command was started");
    std::fs::write(&stop, "").unwrap();
    assert!(matches!(error, PlatformError::Denied { .. }), "{error}");
    assert!(error.to_string().contains("did not end within 1 s"), "{error}");
}

#[tokio::test]
async fn a_deployment_is_not_made_elsewhere_while_it_is_somewhere() {
    let (here, there) = (stage("kubernetes", json!({})).await, stage("kubernetes", json!({})).await);
    let (spec, ledger) = (spec("f"), MemoryLedger::new());
    here.platform.deploy(&spec, &ledger).await.unwrap();
    let before = ledger.entries();
    let folder = tempfile::tempdir().unwrap();
    let path = kubeconfig(folder.path(), &here.emulator.address, "good");
    let options = json!({"kubeconfig": path, "namespace": "other"});
    let elsewhere = connect(connection("kubernetes", options, &here.registry)).await.unwrap();
    let asked = here.emulator.requests.lock().unwrap().len();
    for platform in [&there.platform, &elsewhere] {
        let error = platform.deploy(&spec, &ledger).await.unwrap_err();
        assert!(matches!(error, PlatformError::Invalid(_)), "{error}");
        for part in [&here.emulator.address, "namespace lab", "faasbench undeploy f --platform kubernetes"] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
    assert!(there.emulator.requests.lock().unwrap().is_empty(), "nothing is asked of the other cluster");
    assert_eq!(here.emulator.requests.lock().unwrap().len(), asked);
    assert_eq!(ledger.entries(), before);
    remove(here.platform.as_ref(), &spec, &ledger).await;
}
