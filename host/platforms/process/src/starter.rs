//! The thread that starts processes.
//!
//! An instance is killed by the kernel when the thread that started it ends, so that none outlives a host that was killed.
//! Threads of a runtime come and go; this one stays.

use std::io;
use std::sync::OnceLock;
use std::sync::mpsc::{self, Sender};
use std::thread;

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Runs `job` on the thread that stays.
pub(crate) async fn on_lasting_thread<T: Send + 'static>(
    job: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (answer, answered) = oneshot::channel();
    let job = move || {
        // Nobody waits any more: what was started ends with its handle.
        let _ = answer.send(job());
    };
    jobs()?.send(Box::new(job)).map_err(|_| io::Error::other("the thread that starts processes has ended"))?;
    answered.await.map_err(|_| io::Error::other("the thread that starts processes failed"))?
}

fn jobs() -> io::Result<Sender<Job>> {
    static JOBS: OnceLock<Option<Sender<Job>>> = OnceLock::new();
    let jobs = JOBS.get_or_init(|| {
        let (sender, receiver) = mpsc::channel::<Job>();
        let work = move || receiver.into_iter().for_each(|job| job());
        thread::Builder::new().name("process-starter".to_owned()).spawn(work).ok().map(|_| sender)
    });
    jobs.clone().ok_or_else(|| io::Error::other("the thread that starts processes could not be made"))
}
