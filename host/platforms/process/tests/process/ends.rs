//! Instances that end, or never begin.

use std::fs;
use std::time::Duration;

use local_platform::Driver;
use platform::{DeploymentId, PlatformError, Resource};
use process_platform::ProcessDriver;

use crate::support::{Ground, Lines, image, json, spec};

async fn start_error(ground: &Ground, variable: (&str, &str)) -> PlatformError {
    let mut spec = spec();
    spec.environment.insert(variable.0.to_owned(), variable.1.to_owned());
    let prepared = ground.prepare(&spec).await;
    prepared.start(ground.request(&Lines::default())).await.err().unwrap()
}

#[tokio::test]
async fn one_that_ends_at_its_start_says_how_and_what_it_printed() {
    let ground = Ground::new();
    match start_error(&ground, ("HOSTILE_AT_START", "exit")).await {
        PlatformError::ExitedAtStart { name, reason, logs } => {
            assert_eq!((name.as_str(), reason.as_str()), ("hostile", "exit status 3"));
            assert!(logs.contains("ends at its start"), "{logs}");
        }
        other => panic!("{other}"),
    }
    let error = start_error(&ground, ("FAASBENCH_QUEUE", "many")).await.to_string();
    assert!(error.contains("exit status 2") && error.contains("FAASBENCH_QUEUE"), "{error}");
    ground.remove_all().await;
}

#[tokio::test]
async fn one_that_never_becomes_ready_is_given_up() {
    let ground = Ground::with(ProcessDriver::new().unwrap().with_patience(Duration::from_millis(300)));
    match start_error(&ground, ("HOSTILE_AT_START", "never-ready")).await {
        PlatformError::NotReady { logs, waited, .. } => {
            assert!(logs.contains("never listen") && waited == Duration::from_millis(300), "{logs}");
        }
        other => panic!("{other}"),
    }
    ground.remove_all().await;
}

#[tokio::test]
async fn one_that_ends_while_it_serves_is_an_answer_that_says_how() {
    for (event, said) in [
        (r#"{"do":"exit","status":7}"#, "exit status 7"),
        (r#"{"do":"abort"}"#, "SIGABRT"),
        (r#"{"do":"recurse"}"#, "SIG"),
    ] {
        let ground = Ground::new();
        let running = ground.start(&spec()).await;
        let served = running.call(event).await;
        assert_eq!((served.status, served.is_usable), (502, false), "{served:?}");
        let message = json(&served)["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(said), "{message}");
        assert!(running.instance.ended().await.reason.contains(said));
        assert_eq!(running.call(r#"{"do":"echo"}"#).await.status, 502);
        running.instance.stop().await;
        ground.remove_all().await;
    }
}

#[tokio::test]
async fn an_image_that_is_not_what_was_built_is_not_started() {
    let ground = Ground::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image");
    fs::copy(hostile_artifacts::NATIVE, &path).unwrap();
    let mut spec = spec();
    spec.image = image(&path);
    let mut bytes = fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = ground.try_prepare(&spec).await.err().unwrap().to_string();
    assert!(error.contains("changed after it was built"), "{error}");
    spec.image.path = folder.path().join("none");
    assert!(ground.try_prepare(&spec).await.is_err());
    spec.image.architecture = "wasm32".to_owned();
    assert!(ground.try_prepare(&spec).await.err().unwrap().is_users());
    // Nothing was made, and so nothing is in the ledger.
    assert!(ground.ledger.entries().is_empty());
}

#[tokio::test]
async fn what_is_not_ours_is_not_removed() {
    let ground = Ground::new();
    let running = ground.start(&spec()).await;
    let entry = ground.ledger.entries()[0].resource.clone();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "x").unwrap();
    let with = |change: &dyn Fn(&mut Resource)| {
        let mut resource = entry.clone();
        change(&mut resource);
        resource
    };
    let init = serde_json::json!({ "pid": 1, "start_ticks": start_of_init() });
    for resource in [
        with(&|resource| resource.details["folder"] = folder.path().to_str().unwrap().into()),
        with(&|resource| resource.details["cgroups"] = serde_json::json!(["/sys/fs/cgroup/memory/other"])),
        with(&|resource| resource.deployment = DeploymentId::new()),
        with(&|resource| resource.details["owner"] = init.clone()),
        with(&|resource| resource.kind = "container".to_owned()),
    ] {
        assert!(ground.driver.remove(&resource).await.is_err(), "{resource:?}");
    }
    assert!(folder.path().join("file").exists());
    assert_eq!(running.call(r#"{"do":"echo"}"#).await.status, 200);
    running.instance.stop().await;
    ground.remove_all().await;
}

fn start_of_init() -> u64 {
    let stat = fs::read_to_string("/proc/1/stat").unwrap();
    stat.rsplit_once(") ").unwrap().1.split(' ').nth(19).unwrap().parse().unwrap()
}
