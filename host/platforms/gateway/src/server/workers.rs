//! Threads that serve connections, each with a runtime of its own.

use std::io;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Runtimes of one thread each: a connection stays on its thread, so a request needs no hand-over but that to its function.
pub(crate) struct Workers {
    pub(crate) handles: Vec<Handle>,
    threads: Vec<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Workers {
    pub(crate) fn start(count: usize) -> io::Result<Workers> {
        let mut workers = Workers { handles: Vec::new(), threads: Vec::new() };
        for number in 0..count.max(1) {
            let (stop, stopped) = oneshot::channel();
            let (sender, receiver) = mpsc::channel();
            let run = move || match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => {
                    // The other end waits for it.
                    let _ = sender.send(Ok(runtime.handle().clone()));
                    let _ = runtime.block_on(stopped);
                    runtime.shutdown_background();
                }
                Err(error) => {
                    let _ = sender.send(Err(error));
                }
            };
            let thread = thread::Builder::new().name(format!("http-{number}")).spawn(run)?;
            let handle = receiver.recv().map_err(|_| io::Error::other("a thread ended at its start"))??;
            workers.handles.push(handle);
            workers.threads.push((stop, thread));
        }
        Ok(workers)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for (stop, thread) in self.threads.drain(..) {
            let _ = stop.send(());
            // A panic was told when it happened.
            let _ = thread.join();
        }
    }
}
