//! What an instance can't reach.

use std::fs;
use std::net::TcpListener;

use crate::support::{Ground, json, spec};

#[tokio::test]
async fn the_network() {
    let ground = Ground::new();
    let running = ground.start(&spec()).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let event = format!(r#"{{"do":"socket","port":{}}}"#, listener.local_addr().unwrap().port());
    let served = running.call(&event).await;
    assert_eq!(served.status, 200, "{served:?}");
    assert!(listener.accept().is_err(), "{served:?}");
    let served = running.call(r#"{"do":"listen"}"#).await;
    assert_ne!(json(&served)["tcp"], true, "{served:?}");
    running.instance.stop().await;
    ground.remove_all().await;
}

#[tokio::test]
async fn the_file_system() {
    let ground = Ground::new();
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    fs::write(&secret, "x").unwrap();
    let running = ground.start(&spec()).await;
    let paths = serde_json::json!([
        outside.path().join("new"),
        "/etc/faasbench-test",
        "/tmp/faasbench-test",
        "/proc/self/comm",
        "/dev/shm/faasbench-test",
    ]);
    let served = running.call(&format!(r#"{{"do":"write-outside","paths":{paths}}}"#)).await;
    // In a root of its own `/tmp` and the like are not there.
    assert_eq!(json(&served)["written"], serde_json::json!([]), "{served:?}");
    let state = ground.surroundings.state.clone();
    let paths = serde_json::json!([secret, "/etc/passwd", "/proc/1/environ", "/home", state, "/sys/fs/cgroup"]);
    let served = running.call(&format!(r#"{{"do":"read-outside","paths":{paths}}}"#)).await;
    assert_eq!(json(&served)["read"], serde_json::json!([]), "{served:?}");
    running.instance.stop().await;
    ground.remove_all().await;
}

#[tokio::test]
async fn changing_the_files_that_a_service_is_reached_by() {
    let mut ground = Ground::new();
    // Nobody is there; an instance only needs it when it is asked for an object.
    ground.surroundings.storage_location = "s3://bucket?endpoint=http://127.0.0.1:1".to_owned();
    let running = ground.start(&spec()).await;
    // New files only: if they could be written, nothing of this machine would be harmed.
    let paths = ["/etc/ssl/certs/faasbench-test", "/etc/faasbench-test", "/faasbench-test"];
    let served = running.call(&format!(r#"{{"do":"write-outside","paths":{}}}"#, serde_json::json!(paths))).await;
    for path in paths {
        let _ = fs::remove_file(path);
    }
    assert_eq!(json(&served)["written"], serde_json::json!([]), "{served:?}");
    let served = running.call(r#"{"do":"read-outside","paths":["/etc/hosts"]}"#).await;
    assert_eq!(json(&served)["read"], serde_json::json!(["/etc/hosts"]), "{served:?}");
    let [pid] = running.instance.processes()[..] else { panic!("one process") };
    let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
    // From its own root on; where it has none, what is mounted is the machine's own.
    let has_root = mounts.contains("- tmpfs faasbench ");
    let point = |line: &&str| has_root && line.split(' ').nth(4).is_some_and(|point| point.starts_with("/etc/"));
    let bound: Vec<_> = mounts.lines().filter(point).collect();
    assert_eq!(has_root, !bound.is_empty(), "{mounts}");
    for line in bound {
        let options: Vec<_> = line.split(' ').nth(5).unwrap().split(',').collect();
        assert!(["ro", "nosuid", "nodev", "noexec"].iter().all(|flag| options.contains(flag)), "{line}");
    }
    running.instance.stop().await;
    ground.remove_all().await;
}

#[tokio::test]
async fn the_hosts_environment_and_files() {
    let ground = Ground::new();
    let mut spec = spec();
    spec.environment.insert("MINE".to_owned(), "yes".to_owned());
    spec.environment.insert("FAASBENCH_CORES".to_owned(), "7".to_owned());
    let running = ground.start(&spec).await;
    let [pid] = running.instance.processes()[..] else { panic!("one process") };
    let environment = fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    let names: Vec<_> =
        environment.split('\0').filter_map(|variable| variable.split_once('=')).map(|(name, _)| name).collect();
    assert!(names.contains(&"MINE") && !names.contains(&"PATH"), "{names:?}");
    assert!(names.iter().all(|name| *name == "MINE" || name.starts_with("FAASBENCH_")), "{names:?}");
    // The streams; what its own runtime opened are no files, but for the storage's folder.
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten() {
        let target = fs::read_link(entry.path()).unwrap_or_default().to_string_lossy().into_owned();
        let is_plain = ["socket:", "pipe:", "anon_inode:"].iter().any(|kind| target.starts_with(kind));
        let is_storage = target.ends_with("/storage");
        assert!(is_plain || is_storage || target.is_empty() || target == "/dev/null", "{target}");
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    for line in ["NoNewPrivs:\t1", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000"] {
        let is_bounded = line.starts_with("CapBnd") && !rustix::process::getuid().is_root();
        assert!(is_bounded || status.contains(line), "{line}: {status}");
    }
    running.instance.stop().await;
    ground.remove_all().await;
}
