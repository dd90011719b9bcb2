//! Servers in the background: this test's own program is one when it is told to be.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gateway::{Background, Daemon, DaemonError, DaemonOptions, SERVER, ServeOptions, ServedPlatform, serve};
use platform::{Invocation, Ledger, MemoryLedger, Platform, ResourceState};

use crate::fake::{Fake, spec};
use crate::server::until;

/// The folder of the server that this process is to be.
const FOLDER: &str = "GATEWAY_TEST_FOLDER";
/// What that server does: `serve`, `fail`, `hang`.
const BEHAVIOUR: &str = "GATEWAY_TEST_BEHAVIOUR";

/// Not a test, unless it is told to be a server: then it is one.
#[test]
fn be_a_server() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let background = Background::begin(folder).unwrap();
    match std::env::var(BEHAVIOUR).unwrap().as_str() {
        "fail" => panic!("failing as asked"),
        "hang" => std::thread::sleep(Duration::from_secs(600)),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut options = ServeOptions::new();
        background.adapt(&mut options);
        let running = serve(Arc::new(Fake::default()), options).await.unwrap();
        background.ready(&running.addresses).unwrap();
        running.ended().await;
    });
}

fn options(folder: &Path, behaviour: &str) -> DaemonOptions {
    DaemonOptions {
        program: std::env::current_exe().unwrap(),
        arguments: ["--exact", "daemon::be_a_server", "--nocapture"].map(Into::into).to_vec(),
        environment: vec![(FOLDER.into(), folder.into()), (BEHAVIOUR.into(), behaviour.into())],
        folder: folder.to_owned(),
        platform: "fake".to_owned(),
        target: "here".to_owned(),
        patience: Duration::from_secs(20),
    }
}

fn is_there(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

async fn connect(daemon: &Daemon) -> ServedPlatform {
    ServedPlatform::connect(daemon.endpoint.clone(), Some(&daemon.token), "here").await.unwrap()
}

#[tokio::test]
async fn a_server_goes_on_is_found_again_and_ends_with_its_last_deployment() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("a").join("b");
    let ledger = MemoryLedger::new();
    assert!(Daemon::find(&folder).unwrap().is_none());
    let options = options(&folder, "serve");
    // Two commands at once.
    let (one, two) = tokio::join!(Daemon::start(&options, &ledger), Daemon::start(&options, &ledger));
    let daemon = one.unwrap();
    assert_eq!(daemon.process_id(), two.unwrap().process_id());
    assert_eq!(ledger.entries().len(), 1);
    let entry = ledger.entries().remove(0);
    assert_eq!((entry.resource.kind.as_str(), entry.state), (SERVER, ResourceState::Created));
    assert!(
        !serde_json::to_string(&entry).unwrap().contains(&std::fs::read_to_string(folder.join("server.json")).unwrap())
    );
    for (path, mode) in [(folder.clone(), 0o700), (folder.join("server.json"), 0o600), (daemon.log(), 0o600)] {
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
    }
    // A session of its own.
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", daemon.process_id())).unwrap();
    let session = stat.rsplit_once(") ").unwrap().1.split(' ').nth(3).unwrap().to_owned();
    assert_eq!(session, daemon.process_id().to_string());

    let platform = connect(&daemon).await;
    let deployment = platform.deploy(&spec("one"), &ledger).await.unwrap();
    let found = Daemon::find(&folder).unwrap().unwrap();
    assert_eq!(found.process_id(), daemon.process_id());
    let again = connect(&found).await;
    assert_eq!(again.invoke(&deployment, &Invocation::new("{}")).await.unwrap().status, 200);
    let resource = ledger.resources(&deployment.spec.id).await.unwrap().remove(0).resource;
    again.remove(&resource).await.unwrap();
    assert!(daemon.ended(Duration::from_secs(20)).await.unwrap());
    assert!(Daemon::find(&folder).unwrap().is_none());
    assert!(!folder.join("server.json").exists());
    // Already gone, which is a success.
    Daemon::remove(&entry.resource).await.unwrap();
    again.remove(&resource).await.unwrap();
}

#[tokio::test]
async fn a_server_that_was_killed_is_found_gone_and_another_takes_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = MemoryLedger::new();
    let options = options(folder.path(), "serve");
    let first = Daemon::start(&options, &ledger).await.unwrap();
    let pid = rustix::process::Pid::from_raw(first.process_id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    until(async || Daemon::find(folder.path()).unwrap().is_none()).await;
    let second = Daemon::start(&options, &ledger).await.unwrap();
    assert_ne!(first.process_id(), second.process_id());
    // The entry of the first names the same folder: its removal leaves the second alone.
    Daemon::remove(&ledger.entries()[0].resource).await.unwrap();
    assert!(is_there(second.process_id()) && Daemon::find(folder.path()).unwrap().is_some());
    let process = second.process_id();
    second.stop(Duration::from_secs(20)).await.unwrap();
    assert!(!is_there(process) && Daemon::find(folder.path()).unwrap().is_none());
}

#[tokio::test]
async fn what_was_only_intended_is_found_by_its_mark() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = MemoryLedger::new();
    let mut options = options(folder.path(), "hang");
    options.patience = Duration::from_secs(600);
    // As a command that is killed before its server serves.
    let starting = tokio::spawn({
        let options = options.clone();
        let ledger: &'static MemoryLedger = Box::leak(Box::new(ledger));
        async move { (ledger, Daemon::start(&options, ledger).await.map(|_| ())) }
    });
    until(async || folder.path().join("alive").exists()).await;
    // Another server can't have the folder.
    let second = Background::begin(folder.path());
    assert!(matches!(second, Err(DaemonError::Taken { .. })));
    let marked = || {
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap() {
            let path = entry.unwrap().path();
            let variables = std::fs::read(path.join("environ")).unwrap_or_default();
            let ours = format!("{FOLDER}={}", folder.path().display());
            if variables.split(|&byte| byte == 0).any(|variable| variable == ours.as_bytes()) {
                let mark = variables.split(|&byte| byte == 0).find_map(|variable| {
                    String::from_utf8(variable.to_vec()).ok()?.strip_prefix("FAASBENCH_SERVER=").map(str::to_owned)
                });
                found.extend(mark);
            }
        }
        found
    };
    let name = marked().pop().unwrap();
    let intended = platform::Resource {
        deployment: platform::DeploymentId::new(),
        platform: "fake".to_owned(),
        target: "here".to_owned(),
        kind: SERVER.to_owned(),
        name,
        details: serde_json::json!({ "folder": folder.path() }),
    };
    Daemon::remove(&intended).await.unwrap();
    let (ledger, result) = starting.await.unwrap();
    assert!(matches!(result, Err(DaemonError::Ended { .. })), "{result:?}");
    assert_eq!(marked(), Vec::<String>::new());
    assert_eq!(ledger.entries()[0].state, ResourceState::Removed);
}

#[tokio::test]
async fn a_server_that_fails_at_its_start_tells_why_and_one_that_hangs_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = MemoryLedger::new();
    let failed = Daemon::start(&options(folder.path(), "fail"), &ledger).await.unwrap_err();
    assert!(failed.to_string().contains("failing as asked"), "{failed}");
    let mut hanging = options(folder.path(), "hang");
    hanging.patience = Duration::from_millis(500);
    let hung = Daemon::start(&hanging, &ledger).await.unwrap_err();
    assert!(matches!(hung, DaemonError::NotReady { .. }), "{hung}");
    hanging.program = "/nowhere/program".into();
    let missing = Daemon::start(&hanging, &ledger).await.unwrap_err();
    assert!(missing.to_string().contains("/nowhere/program"), "{missing}");
    assert!(ledger.entries().iter().all(|entry| entry.state == ResourceState::Removed));
    assert_eq!(ledger.entries().len(), 3);
}
