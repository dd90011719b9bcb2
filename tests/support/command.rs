//! Running the command as a user does, bounded in time.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::cache;

/// Longer than any command here takes on a loaded machine; one that hangs is stopped by it.
const LONGEST: Duration = Duration::from_secs(240);
/// Between two looks at a process: short, and long enough to leave it the processor.
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it said.
    pub(crate) stderr: String,
}

impl Ended {
    #[track_caller]
    pub(super) fn new(code: Option<i32>, stdout: String, stderr: String) -> Ended {
        let ended = Ended { code, stdout, stderr };
        // Whatever was asked of it, it neither crashes nor draws where nobody looks.
        for trace in ["panicked at", "RUST_BACKTRACE", "stack backtrace", "\u{1b}["] {
            assert!(!ended.stderr.contains(trace), "{ended:#?}");
        }
        ended
    }

    /// The exit code, and every one of `parts` in what it said.
    #[track_caller]
    pub(crate) fn fails_with(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is missing: {self:#?}");
        }
    }

    /// It did all that it was asked; what it printed.
    #[track_caller]
    pub(crate) fn succeeds(&self) -> &str {
        assert_eq!(self.code, Some(0), "{self:#?}");
        &self.stdout
    }

    /// What it printed, as JSON, whatever the exit code.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// Runs the command to its end.
#[track_caller]
pub(crate) fn faasbench(arguments: &[&str]) -> Ended {
    faasbench_with_input(arguments, Vec::new())
}

/// Runs the command to its end with `input` on its standard input.
#[track_caller]
pub(crate) fn faasbench_with_input(arguments: &[&str], input: Vec<u8>) -> Ended {
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_faasbench"))
        .args(arguments)
        .env("FAASBENCH_CACHE", cache().root())
        .write_stdin(input)
        .timeout(LONGEST)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended::new(output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// A command under way. Dropped, it is killed.
pub(crate) struct Running {
    child: Child,
    /// What it prints and says goes to files, so that it never waits for a reader.
    stdout: File,
    stderr: File,
}

impl Running {
    /// Starts the command.
    pub(super) fn start(arguments: &[String]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_faasbench"));
        command.args(arguments).env("FAASBENCH_CACHE", cache().root());
        Running::of(command)
    }

    /// Starts a command that is prepared.
    pub(super) fn of(mut command: Command) -> Running {
        let (stdout, stderr) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let child = command
            .stdin(Stdio::null())
            .stdout(stdout.try_clone().unwrap())
            .stderr(stderr.try_clone().unwrap())
            .spawn()
            .unwrap();
        Running { child, stdout, stderr }
    }

    /// Looks again and again until `look` finds something; fails when the command has ended or takes too long.
    #[track_caller]
    pub(crate) fn until<T>(&mut self, mut look: impl FnMut(&Running) -> Option<T>) -> T {
        let begin = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            if self.child.try_wait().unwrap().is_some() || begin.elapsed() > LONGEST {
                panic!("it ended, or took too long, before it was seen: {}", read(&mut self.stderr));
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }

    /// The processes that it started and that are alive.
    pub(crate) fn children(&self) -> Vec<Pid> {
        let own = self.child.id();
        let Ok(list) = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children")) else { return Vec::new() };
        list.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
    }

    /// What it has printed until now.
    pub(crate) fn printed(&self) -> String {
        // Of its own, as the command writes at the position that both share.
        let mut bytes = vec![0; self.stdout.metadata().unwrap().len() as usize];
        self.stdout.read_exact_at(&mut bytes, 0).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Ended {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begin.elapsed() < LONGEST, "it does not end: {}", read(&mut self.stderr));
            std::thread::sleep(BETWEEN_LOOKS);
        };
        Ended::new(status.code(), read(&mut self.stdout), read(&mut self.stderr))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a process still runs; what is left of one until its parent looks does not.
pub(crate) fn is_alive(process: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).unwrap_or_default();
    // The state follows the name, which stands in brackets and may hold brackets itself.
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

fn read(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}
