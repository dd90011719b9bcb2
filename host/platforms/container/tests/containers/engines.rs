//! Real engines: the one that runs here, or one of our own in a temporary folder, shared by all tests that run at the same
//! time and ended soon after the last of them.

use std::fs::{self, File};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long an engine is given to answer.
const PATIENCE: Duration = Duration::from_secs(40);

/// Starts the engine and ends it when nobody has had the file `users` locked for some seconds; after half an hour at most.
/// `$0` is the folder; containers that a failed test left (Podman's live on) are ended, what is mounted is unmounted.
const SUPERVISOR: &str = r#"
cd / && exec 9>"$0/users"
timeout -k 5 1800 "$@" >"$0/log" 2>&1 9>&- &
engine=$!
while kill -0 $engine 2>/dev/null; do
    flock -x 9 && flock -u 9
    sleep 4
    flock -n -x 9 && break
done
flock -x 9
kill $engine 2>/dev/null
wait $engine
find "$0/run" -name pidfile 2>/dev/null | while read -r left; do kill -9 "$(cat "$left")"; done
grep " $0/" /proc/mounts | cut -d' ' -f2 | sort -r | while read -r mounted; do umount -l "$mounted"; done
rm -rf --one-file-system "$0/data" "$0/run" "$0/engine.sock"
"#;

/// An engine that answers, for as long as this lives.
pub(crate) struct Engine {
    /// Where it listens.
    pub(crate) address: String,
    /// `docker` or `podman`.
    pub(crate) kind: &'static str,
    /// The lock that keeps it running.
    pub(crate) _used: Option<File>,
}

/// Docker; `None`, having said so, where it is missing.
pub(crate) fn docker() -> Option<Engine> {
    let arguments = |folder: &Path| {
        let at = |name: &str| folder.join(name).display().to_string();
        [
            ["dockerd".to_owned(), format!("--data-root={}", at("data"))],
            [format!("--exec-root={}", at("run")), format!("--pidfile={}", at("run/pid"))],
            [format!("--host=unix://{}", at("engine.sock")), "--iptables=false".to_owned()],
            ["--ip6tables=false".to_owned(), "--log-level=warn".to_owned()],
        ]
        .concat()
    };
    found("docker", "/var/run/docker.sock", &["dockerd", "containerd", "runc"], arguments)
}

/// Podman; `None`, having said so, where it is missing.
pub(crate) fn podman() -> Option<Engine> {
    let arguments = |folder: &Path| {
        let at = |name: &str| folder.join(name).display().to_string();
        let socket = format!("unix://{}", at("engine.sock"));
        let fixed = ["--cgroup-manager=cgroupfs", "--events-backend=file", "system", "service", "--time=0"];
        let mut all = vec!["podman".to_owned(), format!("--root={}", at("data"))];
        all.extend([format!("--runroot={}", at("run")), format!("--tmpdir={}", at("run/tmp"))]);
        // crun refuses control groups of both versions at once.
        if Path::new("/sys/fs/cgroup/unified").exists() && is_installed("runc") {
            all.push("--runtime=/usr/sbin/runc".to_owned());
        }
        all.extend(fixed.map(str::to_owned));
        all.push(socket);
        all
    };
    found("podman", "/run/podman/podman.sock", &["podman", "conmon"], arguments)
}

fn found(
    kind: &'static str,
    usual: &str,
    programs: &[&str],
    arguments: impl Fn(&Path) -> Vec<String>,
) -> Option<Engine> {
    if UnixStream::connect(usual).is_ok() {
        return Some(Engine { address: format!("unix://{usual}"), kind, _used: None });
    }
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: no {kind} answers at {usual}, and only root could start one");
        return None;
    }
    if let Some(missing) = programs.iter().find(|program| !is_installed(program)) {
        eprintln!("skipped: no {kind} answers at {usual}, and `{missing}` is not installed");
        return None;
    }
    let folder = PathBuf::from(format!("/tmp/faasbench-{kind}"));
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => panic!("{}: {error}", folder.display()),
        _ => {}
    }
    // Held while this test runs. While the supervisor ends an engine it has the lock alone.
    let used = File::create(folder.join("users")).unwrap();
    used.lock_shared().unwrap();
    let starting = File::create(folder.join("starting")).unwrap();
    starting.lock().unwrap();
    let socket = folder.join("engine.sock");
    if UnixStream::connect(&socket).is_err() {
        start(&folder, &arguments(&folder));
        let begin = Instant::now();
        while UnixStream::connect(&socket).is_err() {
            let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
            assert!(begin.elapsed() < PATIENCE, "{kind} does not answer: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    Some(Engine { address: format!("unix://{}", socket.display()), kind, _used: Some(used) })
}

fn start(folder: &Path, arguments: &[String]) {
    let mut supervisor = Command::new("setsid");
    supervisor.arg("--fork").args(["sh", "-c", SUPERVISOR]).arg(folder).args(arguments);
    supervisor.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(supervisor.status().unwrap().success());
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]).any(|folder| folder.join(program).exists())
}

/// Each of these functions as one test on Docker and one on Podman.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod docker {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    if let Some(engine) = crate::engines::docker() {
                        super::$test(&engine).await;
                    }
                }
            )*
        }
        mod podman {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    if let Some(engine) = crate::engines::podman() {
                        super::$test(&engine).await;
                    }
                }
            )*
        }
    };
}
pub(crate) use on_both;
