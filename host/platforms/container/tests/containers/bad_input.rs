//! Whatever is wrong, the error says what, and what to do.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use container_platform::{Connection, ContainerDriver, ContainerOptions};
use local_platform::Driver;
use platform::{Ledger, MemoryLedger, PlatformError};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::engines::{Engine, docker, on_both};
use crate::images::{image, layout};
use crate::scene::{LONG, Scene, answer, driver, invoke, specification, surroundings};

on_both!(
    a_function_that_ends_at_its_start_is_told_with_what_it_printed,
    a_corrupted_image_is_told_and_nothing_is_made_of_it,
    an_image_for_another_processor_is_told,
    a_program_for_another_processor_is_told,
    a_limit_that_cant_be_kept_is_refused,
);

fn at(address: &str) -> ContainerDriver {
    ContainerDriver::new(ContainerOptions { address: Some(address.to_owned()), ..ContainerOptions::default() })
}

#[tokio::test]
async fn without_an_engine_it_is_said_how_to_get_one() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("docker.sock");
    let missing = at(&socket.display().to_string()).reach().await.unwrap_err();
    assert!(matches!(missing, PlatformError::Unreachable { .. }), "{missing}");
    assert!(missing.to_string().contains("start the container engine there"), "{missing}");
    // One that is dead: its socket is left.
    drop(UnixListener::bind(&socket).unwrap());
    let dead = at(&socket.display().to_string()).reach().await.unwrap_err();
    assert!(matches!(dead, PlatformError::Unreachable { .. }), "{dead}");
    let remote = at("tcp://10.0.0.1:2375").reach().await.unwrap_err();
    assert!(matches!(remote, PlatformError::Invalid(_)), "{remote}");
}

#[tokio::test]
async fn what_answers_something_else_is_no_engine() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("docker.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"220 mail ready\r\n").await;
        }
    });
    let error = at(&socket.display().to_string()).reach().await.unwrap_err();
    assert!(error.to_string().contains("container"), "{error}");
}

async fn a_function_that_ends_at_its_start_is_told_with_what_it_printed(engine: &Engine) {
    let at_start = |spec: &mut platform::DeploymentSpec| {
        spec.environment.insert("HOSTILE_AT_START".to_owned(), "exit".to_owned());
    };
    let Some(scene) = Scene::new(engine, "hostile", at_start).await else { return };
    let begin = Instant::now();
    let error = scene.try_start().await.err().unwrap();
    assert!(begin.elapsed() < Duration::from_secs(20));
    let PlatformError::ExitedAtStart { reason, logs, .. } = &error else { panic!("{error}") };
    assert_eq!(reason, "it ended with status 3");
    assert!(logs.contains("ends at its start"), "{logs}");
    scene.end().await;
}

async fn a_corrupted_image_is_told_and_nothing_is_made_of_it(engine: &Engine) {
    let folder = TempDir::new().unwrap();
    let Some(whole) = image("hostile", folder.path()) else { return };
    let driver = driver(engine, Connection::Detect);
    let surroundings = surroundings(folder.path());
    let damage: [&dyn Fn(); 4] = [
        &|| {
            for blob in fs::read_dir(whole.path.join("blobs/sha256")).unwrap() {
                let path = blob.unwrap().path();
                let mut content = fs::read(&path).unwrap();
                *content.last_mut().unwrap() ^= 1;
                fs::write(path, content).unwrap();
            }
        },
        &|| fs::write(whole.path.join("index.json"), "{").unwrap(),
        &|| {
            let index = json!({"manifests": [{"digest": "sha256:../../../../etc/passwd"}]});
            fs::write(whole.path.join("index.json"), index.to_string()).unwrap();
        },
        &|| fs::remove_dir_all(&whole.path).unwrap(),
    ];
    for damage in damage {
        damage();
        let ledger = MemoryLedger::new();
        let error = driver.prepare(&specification(&driver, whole.clone()), &surroundings, &ledger).await.err().unwrap();
        assert!(error.to_string().contains("faasbench build --platform container hostile"), "{error}");
        assert!(ledger.entries().is_empty());
    }
}

async fn an_image_for_another_processor_is_told(engine: &Engine) {
    let folder = TempDir::new().unwrap();
    let driver = driver(engine, Connection::Detect);
    let foreign = layout("foreign", b"no program", "arm64", &folder.path().join("foreign"));
    let surroundings = surroundings(folder.path());
    let ledger = MemoryLedger::new();
    let error = driver.prepare(&specification(&driver, foreign), &surroundings, &ledger).await.err().unwrap();
    assert!(error.to_string().contains("is for arm64, and the container engine runs amd64"), "{error}");
}

async fn a_program_for_another_processor_is_told(engine: &Engine) {
    let Some(scene) = Scene::new(engine, "hostile", |spec| {
        // Its configuration says what is not true.
        let folder = spec.image.path.with_extension("foreign");
        spec.image = layout("hostile", b"\x7fELF and so on, but for nobody", "amd64", &folder);
    })
    .await
    else {
        return;
    };
    let error = scene.try_start().await.err().unwrap();
    assert!(error.to_string().to_lowercase().contains("exec format error"), "{error}");
    scene.end().await;
}

async fn a_limit_that_cant_be_kept_is_refused(engine: &Engine) {
    let folder = TempDir::new().unwrap();
    let Some(whole) = image("hostile", folder.path()) else { return };
    let driver = driver(engine, Connection::Detect);
    let surroundings = surroundings(folder.path());
    for (memory, cpus) in [(Some(1 << 20), Some(1.0)), (None, Some(1000.0)), (None, Some(0.0)), (None, Some(f64::NAN))]
    {
        let mut spec = specification(&driver, whole.clone());
        (spec.limits.memory_bytes, spec.limits.cpus) = (memory, cpus);
        let ledger = MemoryLedger::new();
        let error = driver.prepare(&spec, &surroundings, &ledger).await.err().unwrap();
        assert!(matches!(error, PlatformError::Invalid(_)) && ledger.entries().is_empty(), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_dies_in_mid_run_is_told_and_what_is_left_is_removed_when_it_is_back() {
    let Some(engine) = docker() else { return };
    // The driver reaches the engine through a relay, which can die without other tests noticing.
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("d.sock");
    let relay = Relay::start(&engine, &socket);
    let through = Engine { address: format!("unix://{}", socket.display()), ..engine };
    let Some(scene) = Scene::new(&through, "hostile", |_| {}).await else { return };
    let instance = scene.start().await;
    answer(&invoke(&*instance, &json!({"do": "echo"}), LONG).await);
    let engine_address = relay.end();
    let ended = instance.ended().await;
    assert!(ended.reason.contains("the container engine does not answer"), "{}", ended.reason);
    let error = scene.try_start().await.err().unwrap();
    assert!(error.to_string().contains("start it again"), "{error}");
    let process = instance.processes()[0];
    instance.stop().await;
    let begin = Instant::now();
    while std::path::Path::new(&format!("/proc/{process}/exe")).exists() {
        assert!(begin.elapsed() < LONG, "its process lives on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let left = scene.ledger.resources(&scene.spec.id).await.unwrap();
    assert!(left.iter().any(|entry| entry.resource.kind == "container"), "{left:?}");
    let back = Engine { address: engine_address, kind: "docker", _used: None };
    let _relay = Relay::start(&back, &socket);
    scene.end().await;
}

/// Passes connections at a socket on to an engine.
struct Relay {
    engine: String,
    socket: PathBuf,
    task: tokio::task::JoinHandle<()>,
}

impl Relay {
    fn start(engine: &Engine, socket: &Path) -> Relay {
        let listener = tokio::net::UnixListener::bind(socket).unwrap();
        let path = engine.address.trim_start_matches("unix://").to_owned();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let path = path.clone();
                connections.spawn(async move {
                    let mut far = tokio::net::UnixStream::connect(path).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
        Relay { engine: engine.address.clone(), socket: socket.to_owned(), task }
    }

    /// Breaks all connections; gives the engine's address.
    fn end(self) -> String {
        self.task.abort();
        fs::remove_file(&self.socket).unwrap();
        self.engine
    }
}
