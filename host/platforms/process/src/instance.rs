//! One instance: a process that serves invocations.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use local_platform::{Instance, InstanceExit, Served};
use platform::Invocation;
use tokio::time::{sleep_until, timeout};

use crate::cgroup::Cgroup;
use crate::exit::{Cause, failure};
use crate::http::{Broken, Connections, Reply};
use crate::limits::InstanceLimits;
use crate::logs::Printed;
use crate::monitor::Monitor;
use crate::process_table;

/// How long an instance is given to end by itself, as its image is told too.
pub(crate) const GRACE: Duration = Duration::from_secs(1);
/// How much later it is killed.
const AFTER_GRACE: Duration = Duration::from_millis(500);
/// How long a broken connection may wait for the end of its instance.
const END_AFTER_BREAK: Duration = Duration::from_secs(2);
/// How long a process that was killed may take to be gone: one that waits for a slow disk takes longest.
const KILLED: Duration = Duration::from_secs(10);

/// A process that serves invocations.
pub(crate) struct ProcessInstance {
    pub(crate) id: String,
    pub(crate) pid: u32,
    pub(crate) connections: Connections,
    pub(crate) monitor: Monitor,
    pub(crate) printed: Arc<Printed>,
    pub(crate) cgroup: Option<Arc<Cgroup>>,
    pub(crate) limits: InstanceLimits,
    /// Its own root, as this process sees it.
    pub(crate) root: Option<PathBuf>,
}

#[async_trait]
impl Instance for ProcessInstance {
    fn id(&self) -> &str {
        &self.id
    }

    async fn invoke(&self, invocation: &Invocation, deadline: Instant) -> Served {
        let begin = Instant::now();
        let _counting = self.printed.begin();
        let outcome = tokio::select! {
            outcome = self.connections.invoke(invocation, deadline) => Some(outcome),
            () = sleep_until(deadline.into()) => None,
        };
        let execution = begin.elapsed();
        let served = |status, body, instance, is_usable| Served {
            status,
            body,
            instance,
            start: None,
            execution,
            peak_memory_bytes: self.peak_memory_bytes(),
            is_usable,
        };
        match outcome {
            Some(Ok(Reply { status, .. })) if status >= 500 && status != 504 && self.is_scratch_full() => {
                self.monitor.kill(Cause::Scratch);
                let (status, body) = self.stopped(Cause::Scratch);
                served(status, body, None, false)
            }
            Some(Ok(Reply { status, identity, body })) => {
                // At the deadline an image answers by itself, and its function goes on.
                let is_late = status == 504;
                if is_late {
                    self.monitor.kill(Cause::Time);
                }
                // What reached a limit may have left anything behind.
                let is_usable = !is_late && status != 413 && self.monitor.exit().is_none();
                served(status, body, identity, is_usable)
            }
            None => {
                self.monitor.kill(Cause::Time);
                let (status, body) = self.stopped(Cause::Time);
                served(status, body, None, false)
            }
            Some(Err(Broken::TooLarge)) => {
                self.monitor.kill(Cause::Answer);
                let (status, body) = self.stopped(Cause::Answer);
                served(status, body, None, false)
            }
            Some(Err(Broken::Connection(error))) => {
                let (status, body) = self.broken(&error).await;
                served(status, body, None, false)
            }
        }
    }

    fn processes(&self) -> Vec<u32> {
        if self.monitor.exit().is_some() { Vec::new() } else { vec![self.pid] }
    }

    fn cgroup(&self) -> Option<String> {
        self.cgroup.as_ref().map(|cgroup| cgroup.relative().to_owned())
    }

    async fn ended(&self) -> InstanceExit {
        InstanceExit { reason: self.monitor.ended().await.reason }
    }

    async fn stop(&self) {
        if self.monitor.exit().is_none() {
            self.monitor.terminate();
            if timeout(GRACE + AFTER_GRACE, self.monitor.ended()).await.is_err() {
                self.monitor.kill(Cause::Stopped);
            }
        }
        if timeout(KILLED, self.monitor.gone()).await.is_err() {
            self.printed.remark("it was killed and is not gone yet");
        }
    }
}

impl ProcessInstance {
    fn peak_memory_bytes(&self) -> Option<u64> {
        let of_group = self.cgroup.as_ref().and_then(|cgroup| cgroup.peak_memory_bytes());
        of_group.or_else(|| process_table::peak_memory_bytes(self.pid))
    }

    /// Whether its scratch disk is full, which a function may have told as a failure of its own.
    fn is_scratch_full(&self) -> bool {
        let Some(root) = &self.root else { return false };
        // One that can't be seen is not known to be full.
        rustix::fs::statvfs(root).is_ok_and(|found| found.f_bfree == 0 || found.f_ffree == 0)
    }

    /// The answer to an invocation that was stopped at a limit.
    fn stopped(&self, cause: Cause) -> (u16, Bytes) {
        let status = if cause == Cause::Time { 504 } else { 413 };
        let limit = cause.limit(&self.limits).unwrap_or_default();
        failure(status, "limit", &format!("{limit}; its instance was stopped"))
    }

    /// The answer to an invocation of which nothing came back: how the instance ended says why.
    async fn broken(&self, error: &str) -> (u16, Bytes) {
        match timeout(END_AFTER_BREAK, self.monitor.ended()).await {
            Ok(exit) => exit.answer(&self.printed.kept()),
            Err(_) => {
                self.monitor.kill(Cause::Stopped);
                failure(502, "internal", &format!("the instance did not answer as it should: {error}"))
            }
        }
    }
}
