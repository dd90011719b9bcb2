//! The threads on which guests run: a guest may compute or sleep as long as it may, so none runs where other work waits.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

/// How long a thread without work is kept.
const KEPT: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

/// A bounded pool of threads. The one that was used last is used first, as its caches are warm; those that are not needed end.
pub(crate) struct GuestThreads(Mutex<Threads>);

struct Threads {
    /// Threads without work, those used last at the end.
    idle: Vec<Arc<Desk>>,
    /// Work for which there was no thread.
    waiting: VecDeque<Job>,
    count: usize,
    most: usize,
}

/// Where one thread gets its work.
#[derive(Default)]
struct Desk {
    job: Mutex<Option<Job>>,
    brought: Condvar,
}

impl GuestThreads {
    pub(crate) fn new(most: usize) -> Arc<GuestThreads> {
        let threads = Threads { idle: Vec::new(), waiting: VecDeque::new(), count: 0, most };
        Arc::new(GuestThreads(Mutex::new(threads)))
    }

    fn lock(&self) -> MutexGuard<'_, Threads> {
        // Nothing in there panics half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `job` on one of the threads, with `handle` as its tokio runtime. It waits its turn when all are in use.
    ///
    /// # Errors
    /// When the system gives no thread and there is none at all.
    pub(crate) fn run(
        self: &Arc<GuestThreads>,
        handle: &Handle,
        job: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        let job: Job = Box::new(job);
        let mut threads = self.lock();
        if let Some(desk) = threads.idle.pop() {
            drop(threads);
            desk.bring(job);
            return Ok(());
        }
        if threads.count >= threads.most {
            threads.waiting.push_back(job);
            return Ok(());
        }
        threads.count += 1;
        drop(threads);
        let (pool, handle) = (Arc::downgrade(self), handle.clone());
        // The work lies on the desk, so that it is still there when the thread is not.
        let desk = Arc::new(Desk { job: Mutex::new(Some(job)), brought: Condvar::new() });
        let own = desk.clone();
        let spawned = std::thread::Builder::new().name("guest".to_owned()).spawn(move || work(&pool, &own, &handle));
        let Err(error) = spawned else { return Ok(()) };
        let mut threads = self.lock();
        threads.count -= 1;
        if threads.count == 0 {
            return Err(error);
        }
        // One of those that are there will come to it.
        threads.waiting.extend(desk.take());
        Ok(())
    }
}

impl Desk {
    fn bring(&self, job: Job) {
        *self.job.lock().unwrap_or_else(PoisonError::into_inner) = Some(job);
        self.brought.notify_one();
    }

    fn take(&self) -> Option<Job> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits for work; `None` when none came for long.
    fn wait(&self) -> Option<Job> {
        let end = Instant::now() + KEPT;
        let mut job = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if job.is_some() {
                return job.take();
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            job = self.brought.wait_timeout(job, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn work(pool: &Weak<GuestThreads>, desk: &Arc<Desk>, handle: &Handle) {
    // What wasmtime's WASI waits for, it waits for in this runtime, from this thread.
    let _entered = handle.enter();
    let mut job = desk.take();
    loop {
        if let Some(job) = job.take() {
            // A panic in there is that of one invocation, whose caller is told by the end of its channel.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
        }
        let Some(threads) = pool.upgrade() else { return };
        {
            let mut threads = threads.lock();
            job = threads.waiting.pop_front();
            if job.is_some() {
                continue;
            }
            threads.idle.push(desk.clone());
        }
        drop(threads);
        job = desk.wait();
        if job.is_some() {
            continue;
        }
        let Some(threads) = pool.upgrade() else { return };
        let mut threads = threads.lock();
        match threads.idle.iter().position(|other| Arc::ptr_eq(other, desk)) {
            Some(index) => {
                threads.idle.remove(index);
                threads.count -= 1;
                return;
            }
            // Somebody is about to bring work.
            None => {
                drop(threads);
                job = desk.wait();
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn never_more_threads_than_allowed_and_no_work_is_lost() {
        let threads = GuestThreads::new(3);
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (done, all) = mpsc::channel();
        for _ in 0..200 {
            let (running, most, done) = (running.clone(), most.clone(), done.clone());
            threads
                .run(&Handle::current(), move || {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::yield_now();
                    running.fetch_sub(1, Ordering::SeqCst);
                    done.send(()).unwrap();
                })
                .unwrap();
        }
        for _ in 0..200 {
            all.recv_timeout(Duration::from_secs(20)).unwrap();
        }
        assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
    }

    #[tokio::test]
    async fn a_thread_outlives_a_panic_and_is_used_again() {
        let threads = GuestThreads::new(1);
        threads.run(&Handle::current(), || panic!("a guest's")).unwrap();
        let (done, all) = mpsc::channel();
        threads.run(&Handle::current(), move || done.send(()).unwrap()).unwrap();
        all.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!(threads.lock().count, 1);
    }
}
