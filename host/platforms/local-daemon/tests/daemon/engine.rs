//! A daemon for a test.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a daemon is given to answer, and to end.
const PATIENCE: Duration = Duration::from_secs(40);

/// A daemon that answers, for as long as this lives.
pub(crate) struct Engine {
    pub(crate) address: String,
    own: Option<(Child, TempDir)>,
}

/// Docker; `None`, having said so, where it is missing.
pub(crate) fn docker() -> Option<Engine> {
    let usual = "/var/run/docker.sock";
    if UnixStream::connect(usual).is_ok() {
        return Some(Engine { address: format!("unix://{usual}"), own: None });
    }
    for program in ["dockerd", "containerd", "runc"] {
        let path = std::env::var_os("PATH").unwrap_or_default();
        if !std::env::split_paths(&path).chain(["/usr/sbin".into()]).any(|folder| folder.join(program).exists()) {
            eprintln!("skipped: no Docker answers at {usual}, and `{program}` is not installed");
            return None;
        }
    }
    let folder = tempfile::Builder::new().prefix("faasbench-daemon-").tempdir_in("/tmp").unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let mut command = Command::new("dockerd");
    command
        .args(["--iptables=false", "--ip6tables=false", "--bridge=none", "--log-level=warn"])
        .args(["--host".to_owned(), format!("unix://{}", at("docker.sock"))])
        .args(["--data-root".to_owned(), at("data"), "--exec-root".to_owned(), at("exec")])
        .args(["--pidfile".to_owned(), at("pid")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.path().join("log")).unwrap());
    let child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("skipped: dockerd can't be started: {error}");
            return None;
        }
    };
    let socket = folder.path().join("docker.sock");
    let mut engine = Engine { address: format!("unix://{}", socket.display()), own: Some((child, folder)) };
    let begin = Instant::now();
    while UnixStream::connect(&socket).is_err() {
        let (child, folder) = engine.own.as_mut().unwrap();
        let log = || std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        if child.try_wait().unwrap().is_some() {
            eprintln!("skipped: dockerd does not run here: {}", log());
            return None;
        }
        assert!(begin.elapsed() < PATIENCE, "dockerd does not answer: {}", log());
        sleep(Duration::from_millis(20));
    }
    Some(engine)
}

impl Drop for Engine {
    fn drop(&mut self) {
        let Some((mut child, folder)) = self.own.take() else { return };
        // SIGTERM: it ends its containerd too.
        let _ = Command::new("kill").arg(child.id().to_string()).status();
        let begin = Instant::now();
        while child.try_wait().is_ok_and(|exit| exit.is_none()) {
            if begin.elapsed() > PATIENCE {
                let _ = child.kill();
            }
            sleep(Duration::from_millis(20));
        }
        unmount(folder.path());
    }
}

/// What a daemon has mounted below its folder would keep that.
fn unmount(folder: &Path) {
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    let below = |line: &&str| line.split(' ').nth(1).is_some_and(|place| Path::new(place).starts_with(folder));
    for line in mounts.lines().filter(below).collect::<Vec<_>>().into_iter().rev() {
        let _ = Command::new("umount").arg("-l").args(line.split(' ').nth(1)).status();
    }
}
