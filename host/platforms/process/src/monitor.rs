//! One instance's process from its start to when nothing is left of it.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::cgroup::Cgroup;
use crate::exit::{Cause, Exit};
use crate::limits::InstanceLimits;
use crate::logs::Printed;

/// How long the last of what was printed may take to arrive after the end.
const LAST_WORDS: Duration = Duration::from_secs(1);

enum Order {
    Terminate,
    Kill(Cause),
}

/// A handle on the process. The process is killed when the last one is dropped.
#[derive(Clone)]
pub(crate) struct Monitor {
    orders: mpsc::UnboundedSender<Order>,
    exit: watch::Receiver<Option<Exit>>,
    gone: watch::Receiver<bool>,
}

/// Gives orders without keeping the process alive.
#[derive(Clone)]
pub(crate) struct WeakMonitor(mpsc::WeakUnboundedSender<Order>);

impl WeakMonitor {
    /// As [`Monitor::kill`]; tells whether there still was a process to kill.
    pub(crate) fn kill(&self, cause: Cause) -> bool {
        self.0.upgrade().is_some_and(|orders| orders.send(Order::Kill(cause)).is_ok())
    }

    /// Whether there is no process any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.upgrade().is_none_or(|orders| orders.is_closed())
    }
}

/// What ends with the process.
pub(crate) struct Belongings {
    pub(crate) cgroup: Option<Arc<Cgroup>>,
    /// A socket's path, a scratch folder.
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) printed: Arc<Printed>,
    /// The tasks that read what it prints.
    pub(crate) readers: Vec<JoinHandle<()>>,
}

/// Orders before there is a process that takes them.
pub(crate) struct Orders {
    sender: mpsc::UnboundedSender<Order>,
    receiver: mpsc::UnboundedReceiver<Order>,
}

impl Orders {
    pub(crate) fn new() -> Orders {
        let (sender, receiver) = mpsc::unbounded_channel();
        Orders { sender, receiver }
    }

    pub(crate) fn weak(&self) -> WeakMonitor {
        WeakMonitor(self.sender.downgrade())
    }

    /// Watches a process.
    pub(crate) fn monitor(self, child: Child, belongings: Belongings, limits: InstanceLimits) -> Monitor {
        let (exit_sender, exit) = watch::channel(None);
        let (gone_sender, gone) = watch::channel(false);
        let receiver = self.receiver;
        tokio::spawn(async move {
            let mut belongings = belongings;
            let readers = std::mem::take(&mut belongings.readers);
            let exit = until_exit(child, receiver, readers, &belongings, &limits).await;
            belongings.printed.remark(&format!("ended: {}", exit.reason));
            exit_sender.send_replace(Some(exit));
            let cleared = tokio::task::spawn_blocking({
                let (cgroup, paths) = (belongings.cgroup, belongings.paths);
                move || clear(cgroup.as_deref(), &paths)
            });
            if let Ok(Err(error)) = cleared.await {
                // The deployment's removal tries again, and tells.
                belongings.printed.remark(&format!("something of it is left: {error}"));
            }
            gone_sender.send_replace(true);
        });
        Monitor { orders: self.sender, exit, gone }
    }
}

impl Monitor {
    /// Kills it. The first cause is the one that is told.
    pub(crate) fn kill(&self, cause: Cause) {
        // It has ended already.
        let _ = self.orders.send(Order::Kill(cause));
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        // As above.
        let _ = self.orders.send(Order::Terminate);
    }

    /// How it ended, if it has.
    pub(crate) fn exit(&self) -> Option<Exit> {
        self.exit.borrow().clone()
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&self) -> Exit {
        let mut exit = self.exit.clone();
        let ended = exit.wait_for(Option::is_some).await.ok().and_then(|exit| exit.clone());
        ended.unwrap_or_else(|| Exit { reason: "nobody watches it any more".to_owned(), limit: None })
    }

    /// Waits until nothing is left of it.
    pub(crate) async fn gone(&self) {
        // Without the task that tells there is nobody left who could remove more.
        let _ = self.gone.clone().wait_for(|gone| *gone).await;
    }
}

async fn until_exit(
    mut child: Child,
    mut orders: mpsc::UnboundedReceiver<Order>,
    readers: Vec<JoinHandle<()>>,
    belongings: &Belongings,
    limits: &InstanceLimits,
) -> Exit {
    let mut cause = None;
    let mut is_held = true;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.ok(),
            order = orders.recv(), if is_held => {
                let new = match order {
                    Some(Order::Terminate) => {
                        terminate(&child);
                        Cause::Stopped
                    }
                    Some(Order::Kill(new)) => {
                        // It may have ended in this moment.
                        let _ = child.start_kill();
                        new
                    }
                    None => {
                        is_held = false;
                        let _ = child.start_kill();
                        Cause::Stopped
                    }
                };
                cause.get_or_insert(new);
            }
        }
    };
    let memory_kills = belongings.cgroup.as_ref().and_then(|cgroup| cgroup.memory_kills());
    // The pipes are at their end unless something else holds them.
    let _ = timeout(LAST_WORDS, async {
        for reader in readers {
            // Its lines are what matters.
            let _ = reader.await;
        }
    })
    .await;
    Exit::explain(status, cause, memory_kills, &belongings.printed.kept(), limits)
}

fn terminate(child: &Child) {
    // `None` once it was waited for: then the identifier may be another's.
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended in this moment; until it is waited for, the identifier is its own.
        let _ = kill_process(pid, Signal::TERM);
    }
}

fn clear(cgroup: Option<&Cgroup>, paths: &[PathBuf]) -> io::Result<()> {
    let paths = paths.iter().try_for_each(|path| match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    });
    // The one is tried whatever became of the other.
    let cgroup = cgroup.map_or(Ok(()), Cgroup::remove);
    paths.and(cgroup)
}
