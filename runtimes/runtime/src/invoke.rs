//! Running a function: a bounded pool of threads, a bounded queue before it, and panics kept inside one invocation.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lab::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout_at;

use crate::instance::OwnInstance;
use crate::{Answer, Context, Failure, Function, Identity, Invocation, Settings, Variables};

/// Largest event, bytes: what AWS Lambda takes, the least of all platforms that set a limit in MB.
pub const MAXIMUM_EVENT_BYTES: usize = 6 << 20;

/// A function in the instance that this process is. Every protocol serves through one.
pub struct Runtime {
    function: Arc<dyn Function>,
    instance: Arc<OwnInstance>,
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue: usize,
}

impl Runtime {
    /// Serves `function` as an instance of `platform`.
    pub fn new(function: impl Function, platform: &str, settings: &Settings) -> Runtime {
        Runtime {
            function: Arc::new(function),
            instance: Arc::new(OwnInstance::new(platform, settings)),
            slots: Arc::new(Semaphore::new(settings.concurrency)),
            waiting: AtomicUsize::new(0),
            queue: settings.queue,
        }
    }

    /// The instance's identity, stable for the life of this process.
    pub fn instance_id(&self) -> &str {
        self.instance.id()
    }

    /// How long the instance has existed, us.
    pub fn instance_age_us(&self) -> u64 {
        self.instance.age_us()
    }

    /// Whether as many invocations run as may at the same time.
    pub fn is_full(&self) -> bool {
        self.slots.available_permits() == 0
    }

    /// Takes in settings that the platform sends after the start.
    ///
    /// # Errors
    /// A bad request for settings that can't be used.
    pub fn configure(&self, variables: Variables<'_>) -> Result<(), Error> {
        self.function.configure(variables)
    }

    /// Serves one invocation. It waits for its turn when as many run as may; when too many wait already, it fails at once.
    /// A function that is not done at the deadline runs on, and keeps its place, but its answer is no longer waited for.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn invoke(&self, event: String, context: Context) -> Answer {
        let deadline = context.deadline;
        let serving = self.serve(event, context);
        match deadline {
            None => serving.await,
            Some(deadline) => timeout_at(deadline.into(), serving)
                .await
                .unwrap_or(Answer { result: Err(Failure::TimedOut), identity: None }),
        }
    }

    async fn serve(&self, event: String, context: Context) -> Answer {
        let Some(slot) = self.slot().await else {
            return Answer { result: Err(Failure::Overloaded), identity: None };
        };
        let (function, instance) = (self.function.clone(), self.instance.clone());
        let task = spawn_blocking(move || {
            let (result, identity) = run(&*function, &instance, &event, context);
            drop(slot);
            Answer { result, identity: Some(identity) }
        });
        // The task itself does not panic; it can fail to start when the process may have no more threads.
        task.await.unwrap_or_else(|error| {
            let failure = Failure::Panicked(format!("the invocation could not be run: {error}"));
            Answer { result: Err(failure), identity: None }
        })
    }

    /// A place among those that run, or `None` when too many wait for one.
    async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(slot) = self.slots.clone().try_acquire_owned() {
            return Some(slot);
        }
        let _waiting = Waiting::begin(&self.waiting, self.queue)?;
        // The semaphore is never closed.
        self.slots.clone().acquire_owned().await.ok()
    }
}

/// One that waits, counted until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Waiting<'_> {
    fn begin(count: &AtomicUsize, most: usize) -> Option<Waiting<'_>> {
        let more = |waiting| (waiting < most).then_some(waiting + 1);
        count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Waiting(count))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn run(
    function: &dyn Function,
    instance: &OwnInstance,
    event: &str,
    context: Context,
) -> (Result<String, Failure>, Identity) {
    let (description, identity) = instance.begin();
    let invocation = Invocation { instance: description, context };
    // A function keeps nothing between invocations that a panic could leave half done.
    let result = catch_unwind(AssertUnwindSafe(|| function.invoke(event, &invocation)));
    let result = match result {
        Ok(result) => result.map_err(Failure::Function),
        Err(panic) => Err(Failure::Panicked(panic_message(&*panic))),
    };
    (result, identity)
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it gave no message".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Barrier;
    use std::time::Instant;

    use super::*;

    struct Script {
        meeting: Barrier,
    }

    impl Function for Script {
        fn invoke(&self, event: &str, invocation: &Invocation) -> Result<String, Error> {
            match event {
                "panic" => panic!("as asked"),
                "meet" => {
                    self.meeting.wait();
                }
                "refuse" => return Err(Error::bad_request("refused")),
                _ => {}
            }
            Ok(invocation.instance.invocation_index.to_string())
        }
    }

    fn runtime(concurrency: usize, queue: usize) -> Arc<Runtime> {
        let mut settings = Settings::read(&|_| None).unwrap();
        (settings.concurrency, settings.queue) = (concurrency, queue);
        Arc::new(Runtime::new(Script { meeting: Barrier::new(2) }, "test", &settings))
    }

    #[tokio::test]
    async fn the_first_invocation_has_sequence_0_and_the_record_index_1() {
        let runtime = runtime(1, 0);
        for sequence in 0..3 {
            let answer = runtime.invoke("{}".to_owned(), Context::default()).await;
            let identity = answer.identity.unwrap();
            assert_eq!((answer.result.unwrap(), identity.sequence), ((sequence + 1).to_string(), sequence));
            assert_eq!(&*identity.id, runtime.instance_id());
        }
    }

    #[tokio::test]
    async fn a_panic_is_the_failure_of_its_invocation_alone() {
        let runtime = runtime(1, 0);
        let answer = runtime.invoke("panic".to_owned(), Context::default()).await;
        assert_eq!(answer.result.unwrap_err(), Failure::Panicked("as asked".to_owned()));
        let answer = runtime.invoke("refuse".to_owned(), Context::default()).await;
        assert_eq!(answer.result.unwrap_err(), Failure::Function(Error::bad_request("refused")));
        assert!(runtime.invoke("{}".to_owned(), Context::default()).await.result.is_ok());
    }

    #[tokio::test]
    async fn as_many_run_at_once_as_may_the_next_wait_and_the_rest_are_refused() {
        let runtime = runtime(2, 1);
        let invoke = |event: &str| {
            let (runtime, event) = (runtime.clone(), event.to_owned());
            tokio::spawn(async move { runtime.invoke(event, Context::default()).await.result })
        };
        let first = invoke("meet");
        while runtime.slots.available_permits() == 2 {
            tokio::task::yield_now().await;
        }
        let fill = runtime.slots.clone().acquire_owned().await.unwrap();
        assert!(runtime.is_full());
        let waits = invoke("meet");
        while runtime.waiting.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(invoke("{}").await.unwrap(), Err(Failure::Overloaded));
        drop(fill);
        assert!(first.await.unwrap().is_ok() && waits.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn at_the_deadline_the_answer_is_no_longer_waited_for() {
        let runtime = runtime(1, 1);
        let context = Context { deadline: Some(Instant::now()), ..Context::default() };
        let answer = runtime.invoke("meet".to_owned(), context).await;
        assert_eq!(answer.result, Err(Failure::TimedOut));
        if runtime.is_full() {
            // It had begun: let it end, or this test's runtime would wait for it for ever.
            let meeting = runtime.function.clone();
            let instance = runtime.instance.begin().0;
            let invocation = Invocation { instance, context: Context::default() };
            spawn_blocking(move || meeting.invoke("meet", &invocation)).await.unwrap().unwrap();
        }
        assert!(runtime.invoke("{}".to_owned(), Context::default()).await.result.is_ok());
    }
}
