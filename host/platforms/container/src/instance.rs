//! One container with one function in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use local_platform::{Instance, InstanceExit, Served};
use platform::{Invocation, Limits};
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};

use crate::connections::{ANSWER_BYTES, CallError, Connections, Reply};
use crate::container::Container;
use crate::exit::{Exit, KILLED, ended_as};
use crate::output::Output;
use crate::process::Process;

/// How long after its connection broke an instance is given to be found ended.
const END: Duration = Duration::from_secs(5);
/// How long a stopped instance is given to finish.
const STOP: Duration = Duration::from_secs(2);

/// One container with one function in it.
pub(crate) struct ContainerInstance {
    id: String,
    limits: Limits,
    container: Arc<Container>,
    output: Arc<Output>,
    exits: watch::Receiver<Option<Exit>>,
    connections: Connections,
    process: Option<Process>,
    /// Whether the kernel was seen to have ended it for want of memory, which not every engine tells.
    was_out_of_memory: AtomicBool,
}

/// What came of an invocation before it is an answer.
enum Outcome {
    Answered(Reply),
    Failed(CallError),
    Ended(Exit),
    TooLate,
    PrintedTooMuch,
}

impl ContainerInstance {
    pub(crate) fn new(
        id: String,
        limits: Limits,
        container: Container,
        output: Arc<Output>,
        exits: watch::Receiver<Option<Exit>>,
        connections: Connections,
        process: Option<Process>,
    ) -> ContainerInstance {
        ContainerInstance {
            id,
            limits,
            container: Arc::new(container),
            output,
            exits,
            connections,
            process,
            was_out_of_memory: AtomicBool::new(false),
        }
    }

    /// Looks whether the kernel ended it for want of memory, while that can be seen.
    fn look_for_memory(&self) {
        if self.process.as_ref().is_some_and(Process::was_out_of_memory) {
            self.was_out_of_memory.store(true, Ordering::Relaxed);
        }
    }

    /// How it ended, once it has.
    async fn exit(&self) -> Exit {
        let exit = ended_as(self.exits.clone()).await;
        self.look_for_memory();
        if exit == Exit::Status(KILLED) && self.was_out_of_memory.load(Ordering::Relaxed) {
            return Exit::OutOfMemory;
        }
        exit
    }

    async fn outcome(&self, invocation: &Invocation, deadline: Instant) -> Outcome {
        tokio::select! {
            // What is both answered and too late is answered.
            biased;
            answered = self.connections.call(invocation, deadline) => match answered {
                Ok(reply) => Outcome::Answered(reply),
                Err(error) => Outcome::Failed(error),
            },
            () = self.output.until_exceeded() => Outcome::PrintedTooMuch,
            exit = self.exit() => Outcome::Ended(exit),
            () = sleep_until(deadline.into()) => Outcome::TooLate,
        }
    }

    /// Ends all its processes. Returns at once.
    fn kill(&self) {
        if self.process.as_ref().is_some_and(Process::kill) {
            return;
        }
        let container = self.container.clone();
        tokio::spawn(async move { container.signal("KILL").await });
    }

    /// The answer's status, kind of error and message, for whatever is no answer of the function's own.
    async fn failure(&self, outcome: CallError) -> (u16, &'static str, String) {
        let reason = match outcome {
            CallError::TooLarge => {
                let message = format!("the answer is larger than {ANSWER_BYTES} bytes, and the instance was stopped");
                return (413, "limit", message);
            }
            CallError::Broken(reason) => reason,
        };
        // It broke because the instance ended, most likely: how, tells what happened.
        self.look_for_memory();
        match timeout(END, self.exit()).await {
            Ok(exit) => self.ended_answer(&exit),
            Err(_) => (502, "internal", format!("the instance broke the connection ({reason}) and was stopped")),
        }
    }

    fn ended_answer(&self, exit: &Exit) -> (u16, &'static str, String) {
        if let Some(bytes) = self.output.exceeded() {
            return printed_too_much(bytes);
        }
        match (exit, self.limits.memory_bytes) {
            (Exit::OutOfMemory, Some(bytes)) => {
                (413, "limit", format!("the instance reached its memory limit of {bytes} bytes and was stopped"))
            }
            (Exit::OutOfMemory, None) => (413, "limit", "the machine had no memory left for the instance".to_owned()),
            (exit, _) => (502, "internal", format!("the instance {} before it answered", exit.text())),
        }
    }
}

fn printed_too_much(bytes: u64) -> (u16, &'static str, String) {
    (413, "limit", format!("the instance printed more than its log limit of {bytes} bytes and was stopped"))
}

#[async_trait]
impl Instance for ContainerInstance {
    fn id(&self) -> &str {
        &self.id
    }

    async fn invoke(&self, invocation: &Invocation, deadline: Instant) -> Served {
        let begin = Instant::now();
        let _running = self.output.begin_invocation();
        let outcome = self.outcome(invocation, deadline).await;
        let (status, kind, message) = match outcome {
            Outcome::Answered(reply) => {
                return Served {
                    // An instance that gave up by itself at the deadline still computes.
                    is_usable: reply.status != 504,
                    status: reply.status,
                    body: reply.body,
                    instance: reply.identity,
                    start: None,
                    execution: begin.elapsed(),
                    peak_memory_bytes: self.process.as_ref().and_then(Process::peak_memory_bytes),
                };
            }
            Outcome::TooLate => {
                let waited = deadline.saturating_duration_since(begin);
                let message =
                    format!("the instance reached its time limit of {} s and was stopped", waited.as_secs_f64());
                (504, "limit", message)
            }
            Outcome::PrintedTooMuch => printed_too_much(self.output.exceeded().unwrap_or_default()),
            Outcome::Ended(exit) => self.ended_answer(&exit),
            Outcome::Failed(error) => self.failure(error).await,
        };
        let peak_memory_bytes = self.process.as_ref().and_then(Process::peak_memory_bytes);
        self.kill();
        self.output.remark(&message);
        let body = serde_json::json!({ "error": { "type": kind, "message": message } }).to_string();
        Served {
            status,
            body: Bytes::from(body),
            instance: None,
            start: None,
            execution: begin.elapsed(),
            peak_memory_bytes,
            is_usable: false,
        }
    }

    fn processes(&self) -> Vec<u32> {
        self.process.iter().map(|process| process.id).collect()
    }

    fn cgroup(&self) -> Option<String> {
        self.process.as_ref()?.control_group.clone()
    }

    async fn ended(&self) -> InstanceExit {
        InstanceExit::from(&self.exit().await)
    }

    async fn stop(&self) {
        let exit = self.exits.borrow().clone();
        match exit {
            None => {
                self.container.signal("TERM").await;
                let _ = timeout(STOP, ended_as(self.exits.clone())).await;
            }
            // The engine won't end it.
            Some(Exit::Lost(_)) => self.kill(),
            Some(_) => {}
        }
        if let Err(error) = self.container.remove().await {
            self.output.remark(&format!("it could not be removed: {error}"));
        }
    }
}
