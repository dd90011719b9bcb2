//! A cold start beside the same by hand. Run it alone: `cargo nextest run -p container-platform --run-ignored only
//! --no-capture cold`.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::engines::{Engine, docker, podman};
use crate::scene::{LONG, Scene, answer, invoke};

/// Starts of each kind.
const ROUNDS: usize = 40;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it measures, and so wants the machine for itself"]
async fn on_docker() {
    let Some(engine) = docker() else { return };
    let client = vec!["docker".to_owned(), "--host".to_owned(), engine.address.clone()];
    beside_by_hand(&engine, &client).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it measures, and so wants the machine for itself"]
async fn on_podman() {
    let Some(engine) = podman() else { return };
    let client = vec!["podman".to_owned(), "--url".to_owned(), engine.address.clone()];
    beside_by_hand(&engine, &client).await;
}

async fn beside_by_hand(engine: &Engine, client: &[String]) {
    let Some(scene) = Scene::new(engine, "function1", |_| {}).await else { return };
    let image = scene.ledger.entries()[0].resource.name.clone();
    let socket_folder = scene.folder.path().join("by-hand");
    std::fs::create_dir(&socket_folder).unwrap();
    std::fs::set_permissions(&socket_folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    let (mut ours, mut same, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let instance = scene.start().await;
        answer(&invoke(&*instance, &json!({}), LONG).await);
        ours.push(begin.elapsed());
        instance.stop().await;
        same.push(by_hand(client, &image, &socket_folder, true));
        plain.push(by_hand(client, &image, &socket_folder, false));
    }
    let [ours, same, plain] = [ours, same, plain].map(median_ms);
    eprintln!("{}, n = {ROUNDS}, medians of the time to the first answer:", engine.kind);
    eprintln!("  this platform                        {ours:.0} ms");
    eprintln!("  by hand, the same limits and mounts  {same:.0} ms, ratio {:.2}", ours / same);
    eprintln!("  by hand, no limits and no network    {plain:.0} ms, ratio {:.2}", ours / plain);
    scene.end().await;
}

/// `run` by hand, until it answered.
fn by_hand(client: &[String], image: &str, folder: &Path, with_limits: bool) -> Duration {
    let socket = folder.join("s");
    let _ = std::fs::remove_file(&socket);
    let mut run = Command::new(&client[0]);
    run.args(&client[1..]).args(["run", "--detach", "--network", "none", "--log-driver", "none"]);
    run.arg("--volume").arg(format!("{}:/faasbench", folder.display()));
    run.args(["--env", "FAASBENCH_LISTEN=unix:/faasbench/s", "--ulimit", "nofile=4096:4096"]);
    if client[0] == "podman" {
        run.args(["--ulimit", "nproc=1024:1024"]);
    }
    if with_limits {
        run.args(["--read-only", "--memory", "512m", "--memory-swap", "512m", "--cpus", "1", "--pids-limit", "129"]);
        run.args(["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--ipc", "none"]);
        run.args(["--tmpfs", "/tmp:rw,nosuid,nodev,noexec,mode=1777,size=268435456"]);
    }
    run.arg(image);
    let begin = Instant::now();
    let output = run.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    answered(&socket);
    let took = begin.elapsed();
    let id = String::from_utf8(output.stdout).unwrap();
    let mut remove = Command::new(&client[0]);
    remove.args(&client[1..]).args(["rm", "--force", id.trim()]);
    assert!(remove.output().unwrap().status.success());
    took
}

/// Sends an event, as `curl --unix-socket` would, until it is answered.
fn answered(socket: &Path) {
    use std::io::{Read, Write};
    let begin = Instant::now();
    loop {
        assert!(begin.elapsed() < LONG, "it does not answer");
        let Ok(mut stream) = std::os::unix::net::UnixStream::connect(socket) else {
            std::thread::sleep(Duration::from_micros(200));
            continue;
        };
        stream.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        return;
    }
}

fn median_ms(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    (times[(times.len() - 1) / 2] + times[times.len() / 2]).as_secs_f64() / 2.0 * 1e3
}
