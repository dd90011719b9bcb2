//! One run of cargo: what it says on the way, and the binaries it made.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, set_parent_process_death_signal};
use serde::Deserialize;

use crate::error::BuildError;
use crate::options::{Architecture, Options, Progress, Protocol};
use crate::toolchain;

/// How often a cancellation is looked for.
const PATIENCE: Duration = Duration::from_millis(50);
/// How much of cargo's last words an error repeats.
const LAST_LINES: usize = 30;

/// What to build.
#[derive(Debug, Clone)]
pub(crate) struct CargoBuild<'a> {
    /// The workspace.
    pub(crate) source: &'a Path,
    pub(crate) target_directory: &'a Path,
    pub(crate) package: &'a str,
    pub(crate) profile: &'a str,
    pub(crate) binaries: Vec<String>,
    pub(crate) architecture: Architecture,
    /// The only feature; `None`: the default ones.
    pub(crate) protocol: Option<Protocol>,
}

/// A line of what cargo writes with `--message-format json`.
#[derive(Deserialize)]
struct Message {
    reason: String,
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

enum Line {
    Output(String),
    Error(String),
}

impl CargoBuild<'_> {
    /// Builds, and gives each binary's path by its name.
    pub(crate) fn run(&self, options: &Options) -> Result<BTreeMap<String, PathBuf>, BuildError> {
        toolchain::ensure_target(self.source, self.architecture, options)?;
        let cross_tools = toolchain::cross_tools(self.source, self.architecture)?;
        let mut command = toolchain::command("cargo", self.source);
        command.args(["build", "--locked", "--profile", self.profile, "--package", self.package]);
        command.args(["--target", self.architecture.target(), "--target-dir"]).arg(self.target_directory);
        for binary in &self.binaries {
            command.args(["--bin", binary]);
        }
        if let Some(protocol) = self.protocol {
            command.args(["--no-default-features", "--features", protocol.name()]);
        }
        let told = printable(&command);
        command.args(["--message-format", "json-render-diagnostics", "--color", "never"]);
        if let Some(tools) = cross_tools {
            let target = self.architecture.target().replace('-', "_");
            command.env(format!("CARGO_TARGET_{}_LINKER", target.to_uppercase()), tools.linker);
            command.env(format!("CC_{target}"), tools.compiler);
        }
        // A group of its own, so that a cancelled build ends with its compilers.
        command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
        // SAFETY: prctl is a single system call, which may be made between fork and exec.
        unsafe {
            command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::TERM))?));
        }
        options.cancellation.check()?;
        let child = command.spawn().map_err(|source| BuildError::NoToolchain { program: "cargo", source })?;
        self.follow(child, options, told)
    }

    fn follow(
        &self,
        child: Child,
        options: &Options,
        command: String,
    ) -> Result<BTreeMap<String, PathBuf>, BuildError> {
        let mut running = Running(child);
        let (sender, lines) = mpsc::channel();
        if let Some(output) = running.0.stdout.take() {
            forward(output, sender.clone(), Line::Output);
        }
        if let Some(error) = running.0.stderr.take() {
            forward(error, sender, Line::Error);
        }
        let mut made = BTreeMap::new();
        let mut finished = 0;
        let mut last = VecDeque::new();
        loop {
            options.cancellation.check()?;
            match lines.recv_timeout(PATIENCE) {
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Ok(Line::Output(line)) => {
                    let Ok(message) = serde_json::from_str::<Message>(&line) else { continue };
                    let (Some(target), "compiler-artifact") = (message.target, message.reason.as_str()) else {
                        continue;
                    };
                    finished += 1;
                    if let Some(path) = message.executable {
                        made.insert(target.name.clone(), path);
                    }
                    options.tell(Progress::Compiling { name: target.name, finished });
                }
                Ok(Line::Error(line)) => {
                    let line = line.trim();
                    if line.starts_with("Blocking waiting") {
                        options.tell(Progress::Waiting { reason: "another cargo that builds".to_owned() });
                    }
                    if last.len() == LAST_LINES {
                        last.pop_front();
                    }
                    last.push_back(line.to_owned());
                }
            }
        }
        let status = running.0.wait().map_err(|source| BuildError::NoToolchain { program: "cargo", source })?;
        let missing = self.binaries.iter().any(|binary| !made.contains_key(binary));
        if status.success() && !missing {
            return Ok(made);
        }
        let said = Vec::from(last).join("\n");
        if said.contains("No space left on device") || said.contains("os error 28") {
            return Err(BuildError::DiskFull { path: self.target_directory.to_owned() });
        }
        Err(BuildError::Cargo { what: self.binaries.join(", "), command, said })
    }
}

/// Ends cargo and its compilers when it is dropped before it ended.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(Some(_))) {
            return;
        }
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by now.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

fn forward(stream: impl Read + Send + 'static, sender: Sender<Line>, kind: fn(String) -> Line) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n') {
            let Ok(line) = line else { break };
            if sender.send(kind(String::from_utf8_lossy(&line).into_owned())).is_err() {
                break;
            }
        }
    });
}

/// The command as a user would type it.
fn printable(command: &std::process::Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
