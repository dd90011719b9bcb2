//! The host's side of a worker.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::message::{Measured, Preparation, Prepared, ProbeRequest, Reply, Request};
use crate::probe::clock::monotonic_ns;

/// What is kept of a worker's standard error stream, bytes.
const STANDARD_ERROR_BYTES: usize = 64 * 1024;
/// How long a worker may take to end after it was told to: all that it has left to do is to remove its folders.
const FINISH_TIMEOUT: Duration = Duration::from_secs(10);

/// What ended a worker before its time.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The process could not be started.
    #[error("could not start the worker {program}: {source}")]
    Start {
        /// What was run.
        program: String,
        /// The reason.
        source: std::io::Error,
    },
    /// It did not answer in time and was killed.
    #[error("the invocation took longer than {} s; its worker was stopped. Allow more with --timeout", limit.as_secs_f64())]
    Timeout {
        /// The time that it had.
        limit: Duration,
    },
    /// It ended by itself.
    #[error("the worker ended without an answer ({status}){}", said(standard_error))]
    Ended {
        /// How.
        status: String,
        /// What it printed.
        standard_error: String,
    },
    /// It could not do what it was asked.
    #[error("{0}")]
    Failed(String),
    /// Its answer was not one.
    #[error("the worker's answer was not understood: {0}")]
    Protocol(String),
}

fn said(standard_error: &str) -> String {
    match standard_error.trim() {
        "" => String::new(),
        text => format!(": {text}"),
    }
}

/// How workers are started.
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    /// The program, and what it is wrapped in: `valgrind ... faasbench worker`.
    pub arguments: Vec<OsString>,
}

impl WorkerCommand {
    /// This program itself, as a worker.
    ///
    /// # Errors
    /// When the path of the running program can't be read.
    pub fn this_program() -> Result<WorkerCommand, WorkerError> {
        let program =
            std::env::current_exe().map_err(|source| WorkerError::Start { program: "faasbench".to_owned(), source })?;
        Ok(WorkerCommand::of(program))
    }

    /// `program`, which must be a faasbench, as a worker.
    pub fn of(program: PathBuf) -> WorkerCommand {
        WorkerCommand { arguments: vec![program.into_os_string(), super::SUBCOMMAND.into()] }
    }

    /// The same, run by another program: Valgrind.
    pub fn wrapped_in(self, wrapper: impl IntoIterator<Item = OsString>) -> WorkerCommand {
        WorkerCommand { arguments: wrapper.into_iter().chain(self.arguments).collect() }
    }
}

/// A worker process. Dropped, it is killed.
pub struct Worker {
    child: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
    standard_error: Option<ChildStderr>,
    spawned_monotonic_ns: u64,
    timeout: Duration,
}

impl Worker {
    /// Starts a worker. No answer may take longer than `timeout`.
    ///
    /// # Errors
    /// When the process can't be started.
    pub fn start(command: &WorkerCommand, timeout: Duration) -> Result<Worker, WorkerError> {
        let failed = |source| WorkerError::Start {
            program: command.arguments.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            source,
        };
        let mut words = command.arguments.iter();
        let program = words.next().ok_or_else(|| failed(std::io::Error::other("the command is empty")))?;
        let mut process = Command::new(program);
        process
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for the host, which still has results to keep; it ends its workers itself.
            .process_group(0)
            .kill_on_drop(true);
        let spawned_monotonic_ns = monotonic_ns();
        let mut child = process.spawn().map_err(failed)?;
        let (Some(requests), Some(replies)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed(std::io::Error::other("its streams are missing")));
        };
        let standard_error = child.stderr.take();
        Ok(Worker { child, requests, replies: BufReader::new(replies), standard_error, spawned_monotonic_ns, timeout })
    }

    /// The process; `None` once it has ended.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Monotonic time just before the process was started, ns.
    pub fn spawned_monotonic_ns(&self) -> u64 {
        self.spawned_monotonic_ns
    }

    /// Has it make its instances.
    ///
    /// # Errors
    /// When it can't, or does not answer in time.
    pub async fn prepare(&mut self, preparation: Preparation) -> Result<Prepared, WorkerError> {
        match self.ask(&Request::Prepare(Box::new(preparation))).await? {
            Reply::Prepared(prepared) => Ok(prepared),
            other => Err(unexpected(other)),
        }
    }

    /// Has it invoke once in every instance.
    ///
    /// # Errors
    /// When it can't, or does not answer in time. A function's own error is not one: it is in the answer.
    pub async fn invoke(&mut self, probe: ProbeRequest) -> Result<Measured, WorkerError> {
        match self.ask(&Request::Invoke { probe }).await? {
            Reply::Measured(measured) => Ok(*measured),
            other => Err(unexpected(other)),
        }
    }

    /// Lets it end by itself, so that its folders are removed and a simulator around it writes its file.
    ///
    /// # Errors
    /// When it does not end with success, or not in time.
    pub async fn finish(mut self) -> Result<(), WorkerError> {
        // A worker that is gone already says so by its status.
        let _ = self.send(&Request::Finish).await;
        match timeout(FINISH_TIMEOUT.max(self.timeout), self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(self.ended(Some(status)).await),
            Ok(Err(error)) => Err(WorkerError::Protocol(error.to_string())),
            Err(_) => Err(WorkerError::Timeout { limit: FINISH_TIMEOUT }),
        }
    }

    async fn send(&mut self, request: &Request) -> Result<(), WorkerError> {
        let mut line = serde_json::to_vec(request).map_err(|error| WorkerError::Protocol(error.to_string()))?;
        line.push(b'\n');
        let sent = async {
            self.requests.write_all(&line).await?;
            self.requests.flush().await
        };
        match sent.await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.ended(None).await),
        }
    }

    async fn ask(&mut self, request: &Request) -> Result<Reply, WorkerError> {
        let limit = self.timeout;
        let exchange = async {
            self.send(request).await?;
            let mut line = String::new();
            match self.replies.read_line(&mut line).await {
                Ok(0) => Err(self.ended(None).await),
                Ok(_) => serde_json::from_str(&line).map_err(|error| WorkerError::Protocol(error.to_string())),
                Err(error) => Err(WorkerError::Protocol(error.to_string())),
            }
        };
        if let Ok(answer) = timeout(limit, exchange).await {
            return answer;
        }
        // Killed and waited for, so that it does not disturb what is measured next.
        let _ = self.child.kill().await;
        Err(WorkerError::Timeout { limit })
    }

    async fn ended(&mut self, status: Option<ExitStatus>) -> WorkerError {
        let status = match status {
            Some(status) => Ok(status),
            None => match timeout(FINISH_TIMEOUT, self.child.wait()).await {
                Ok(status) => status,
                Err(_) => {
                    let _ = self.child.kill().await;
                    self.child.wait().await
                }
            },
        };
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        let mut standard_error = Vec::new();
        if let Some(stream) = self.standard_error.take() {
            // The process has ended, so this does not wait; a grandchild that holds the stream must not make it.
            let mut stream = stream.take(STANDARD_ERROR_BYTES as u64);
            let _ = timeout(Duration::from_secs(1), stream.read_to_end(&mut standard_error)).await;
        }
        WorkerError::Ended { status, standard_error: String::from_utf8_lossy(&standard_error).into_owned() }
    }
}

fn unexpected(reply: Reply) -> WorkerError {
    match reply {
        Reply::Failed { message } => WorkerError::Failed(message),
        other => WorkerError::Protocol(format!("{other:?}").chars().take(200).collect()),
    }
}
