//! Machines that allow less: no control groups, no namespaces, as for a user on a laptop.

use std::fs;
use std::net::TcpListener;

use local_platform::Driver;
use process_platform::Mechanism::{self, ControlGroups, Landlock, Namespaces, Seccomp};

use crate::support::{Ground, assert_limit, json, spec};

/// Runs a deed where these are missing.
async fn on(missing: &[Mechanism], event: &str) -> (local_platform::Served, String) {
    let ground = Ground::without(missing);
    let running = ground.start(&spec()).await;
    let served = running.call(event).await;
    running.instance.stop().await;
    let reason = running.instance.ended().await.reason;
    ground.remove_all().await;
    (served, reason)
}

#[tokio::test]
async fn memory_is_held_by_a_resource_limit_and_a_watch() {
    for missing in [&[ControlGroups][..], &[ControlGroups, Namespaces], &[ControlGroups, Namespaces, Landlock, Seccomp]]
    {
        let (served, reason) = on(missing, r#"{"do":"allocate"}"#).await;
        assert_limit(&served, 413, "memory limit of 67108864 bytes");
        assert!(reason.contains("memory limit"), "{reason}");
    }
}

#[tokio::test]
async fn scratch_on_the_disk_is_watched() {
    for event in [r#"{"do":"fill-disk"}"#, r#"{"do":"fill-disk","stubborn":true}"#] {
        let (served, _) = on(&[Namespaces], event).await;
        assert_limit(&served, 413, "scratch limit of 16777216 bytes");
    }
}

#[tokio::test]
async fn threads_are_watched() {
    let (served, _) = on(&[ControlGroups], r#"{"do":"threads","count":5000,"seconds":2}"#).await;
    if served.status != 200 {
        assert_limit(&served, 413, "limit of");
    } else {
        assert!(json(&served)["started"].as_u64().unwrap() < 1000, "{served:?}");
    }
}

#[tokio::test]
async fn files_outside_are_refused_by_landlock_alone() {
    let ground = Ground::without(&[Namespaces]);
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    fs::write(&secret, "x").unwrap();
    let running = ground.start(&spec()).await;
    let paths =
        serde_json::json!([outside.path().join("new"), secret, "/tmp/faasbench-test", "/dev/shm/faasbench-test"]);
    let served = running.call(&format!(r#"{{"do":"write-outside","paths":{paths}}}"#)).await;
    assert_eq!(json(&served)["written"], serde_json::json!([]), "{served:?}");
    let paths = serde_json::json!([secret, "/etc/passwd", "/proc/self/environ", "/"]);
    let served = running.call(&format!(r#"{{"do":"read-outside","paths":{paths}}}"#)).await;
    assert_eq!(json(&served)["read"], serde_json::json!([]), "{served:?}");
    running.instance.stop().await;
    ground.remove_all().await;
}

#[tokio::test]
async fn the_network_is_refused_by_a_namespace_without_seccomp() {
    let ground = Ground::without(&[Seccomp]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let running = ground.start(&spec()).await;
    let event = format!(r#"{{"do":"socket","port":{}}}"#, listener.local_addr().unwrap().port());
    let served = running.call(&event).await;
    assert_ne!(json(&served)["tcp"], true, "{served:?}");
    assert!(listener.accept().is_err());
    running.instance.stop().await;
    ground.remove_all().await;
}

#[tokio::test]
async fn a_share_of_processors_is_refused_where_it_can_not_be_kept() {
    let ground = Ground::without(&[ControlGroups]);
    let mut spec = spec();
    spec.limits.cpus = Some(1.0);
    let error = ground.try_prepare(&spec).await.err().unwrap();
    assert!(error.is_users() && error.to_string().contains("share of processors"), "{error}");
    assert!(!ground.driver.capabilities().cpu_limit);
    assert_eq!(ground.driver.defaults().1.cpus, None);
    assert!(ground.ledger.entries().is_empty());
}
