//! An installation of its own: results, ledger, servers and configuration that no other test meets.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::cache;
use super::command::{Ended, Running};
use super::container_engines::{Engine, docker, podman};

/// Longer than anything here takes on a loaded machine, a build of native images left out.
const LONGEST: Duration = Duration::from_secs(120);

/// Builds all native images once, which takes minutes where cargo has to compile and has to wait for another cargo.
fn build_images() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        for platform in ["process", "container"] {
            let built = Command::new(env!("CARGO_BIN_EXE_faasbench"))
                .args(["build", "--platform", platform])
                .env("FAASBENCH_CACHE", cache().root())
                .output()
                .unwrap();
            assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        }
    });
}

/// The platforms of this machine that can be used here; what is missing is said.
pub(crate) fn platforms_here() -> Vec<&'static str> {
    let installation = Installation::new();
    let ended = installation.run(&["platforms", "wasm", "process", "container", "--json"]);
    ended.succeeds();
    let documents = ended.json();
    let reached = |name: &&str| {
        let document = documents.as_array().unwrap().iter().find(|document| document["target"] == *name).unwrap();
        if document["reached"].is_null() {
            eprintln!("skipped: {name} can't be used here: {}", document["problem"]);
        }
        !document["reached"].is_null()
    };
    ["wasm", "process", "container"].into_iter().filter(reached).collect()
}

/// The container engine of this machine, or one of our own: where it listens.
fn container_engine() -> Option<&'static str> {
    static ENGINE: OnceLock<Option<Engine>> = OnceLock::new();
    ENGINE.get_or_init(|| docker().or_else(podman)).as_ref().map(|engine| engine.address.as_str())
}

/// Results, ledger, servers and configuration of one test. Dropped, everything deployed is removed.
pub(crate) struct Installation {
    folder: TempDir,
}

impl Installation {
    /// An empty one.
    pub(crate) fn new() -> Installation {
        build_images();
        // A short path, for the sockets in it.
        let folder = tempfile::Builder::new().prefix("fb").tempdir_in("/tmp").unwrap();
        fs::create_dir(folder.path().join("work")).unwrap();
        Installation { folder }
    }

    /// The folder in which commands are run.
    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Where servers and instances have their sockets and scratch folders.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    /// The results file.
    pub(crate) fn results(&self) -> PathBuf {
        self.folder.path().join("results.db")
    }

    /// Writes a `faasbench.toml` for the commands that follow.
    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.work().join("faasbench.toml"), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_faasbench"));
        command
            .args(arguments)
            .current_dir(self.work())
            .env("FAASBENCH_CACHE", cache().root())
            .env("FAASBENCH_STATE", self.state())
            .env("FAASBENCH_RESULTS", self.results())
            .env_remove("FAASBENCH_CONFIG")
            .envs(container_engine().map(|address| ("DOCKER_HOST", address)))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, &[])
    }

    /// Runs a command to its end with more in its environment.
    #[track_caller]
    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        Running::of(command).wait()
    }

    /// Starts a command.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::of(self.command(arguments))
    }

    /// What `status` says, as JSON.
    #[track_caller]
    pub(crate) fn status(&self) -> Vec<Value> {
        let ended = self.run(&["status", "--json"]);
        ended.succeeds();
        ended.json().as_array().unwrap().clone()
    }

    /// The processes that belong to this installation, with what they are.
    pub(crate) fn processes(&self) -> Vec<(u32, String)> {
        let sought = self.folder.path().to_str().unwrap().as_bytes();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let file = |name: &str| fs::read(entry.path().join(name)).unwrap_or_default();
            let holds = |bytes: &[u8]| bytes.windows(sought.len()).any(|window| window == sought);
            let (command, environment) = (file("cmdline"), file("environ"));
            // A process that has ended has neither.
            if holds(&command) || holds(&environment) {
                found.push((process, String::from_utf8_lossy(&command).replace('\0', " ")));
            }
        }
        found
    }

    /// Folders of instances and deployments that are still there.
    pub(crate) fn leftovers(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        folders_with_mark(&self.state(), &mut found);
        folders_with_mark(&cache().scratch(), &mut found);
        found
    }

    /// Waits until no process is left, which a server that has nothing deployed takes a moment for.
    #[track_caller]
    pub(crate) fn nothing_is_left(&self) {
        let begin = Instant::now();
        loop {
            let processes = self.processes();
            if processes.is_empty() {
                break;
            }
            assert!(begin.elapsed() < LONGEST, "still there: {processes:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        let left: Vec<PathBuf> = self.leftovers();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// Folders whose names carry our mark and a deployment's id. Those of other tests' platforms in the shared cache have other
/// installations' ids, so only what is below the state folder counts.
fn folders_with_mark(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if !path.is_dir() {
            continue;
        }
        if entry.file_name().to_string_lossy().starts_with("faasbench-") && path.starts_with("/tmp") {
            found.push(path);
        } else {
            folders_with_mark(&path, found);
        }
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if !self.results().exists() {
            return;
        }
        // A test that failed leaves nothing either.
        let _ = self.command(&["undeploy", "--all"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}
