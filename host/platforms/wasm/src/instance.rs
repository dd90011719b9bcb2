//! One instance of a component.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use engine::Instance as _;
use engine::wasm::{EndedBy, Interrupt, WasmInstance};
use lab::{Error, ErrorKind};
use local_platform::{Instance, Log, Served, error_body, status_of};
use platform::{InstanceIdentity, Invocation};
use tokio::sync::oneshot;
use tokio::time::timeout_at;

use crate::calls::Calls;
use crate::prepared::Component;

/// What a guest gets beyond its time before it is left behind: enough for its own limit to act first.
const GRACE: Duration = Duration::from_millis(500);

/// One instance of a component. It is made with its first invocation, on the guest's thread, unless it is to be there ahead.
pub(crate) struct ComponentInstance(Arc<Shared>);

struct Shared {
    id: String,
    component: Arc<Component>,
    log: Log,
    interrupt: Interrupt,
    created: Instant,
    is_single_use: bool,
    place: Mutex<Place>,
}

/// Where the instance itself is.
enum Place {
    /// Not made yet.
    Unmade,
    Idle(Box<WasmInstance>),
    /// On a guest's thread, or ended.
    Away,
}

impl ComponentInstance {
    pub(crate) fn new(id: String, component: Arc<Component>, log: Log, is_single_use: bool) -> ComponentInstance {
        ComponentInstance(Arc::new(Shared {
            id,
            component,
            log,
            interrupt: Interrupt::default(),
            created: Instant::now(),
            is_single_use,
            place: Mutex::new(Place::Unmade),
        }))
    }

    /// Makes the instance now. Not to be called where other work waits.
    pub(crate) fn make(&self) -> Result<(), Error> {
        let made = self.0.make()?;
        self.0.put(Place::Idle(made));
        Ok(())
    }
}

impl Shared {
    fn make(&self) -> Result<Box<WasmInstance>, Error> {
        self.component.instantiate(&self.id, self.log.clone(), self.interrupt.clone(), self.created).map(Box::new)
    }

    fn take(&self) -> Place {
        std::mem::replace(&mut *self.place.lock().unwrap_or_else(PoisonError::into_inner), Place::Away)
    }

    fn put(&self, place: Place) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    /// Serves one invocation on this thread.
    fn serve(&self, invocation: &Invocation, deadline: Instant) -> Served {
        let begin = Instant::now();
        let (mut instance, start) = match self.take() {
            Place::Idle(instance) => (instance, None),
            Place::Unmade => match self.make() {
                Ok(instance) => (instance, Some(begin.elapsed())),
                Err(error) => return refused(&error, status_of(error.kind), Duration::ZERO),
            },
            Place::Away => {
                let error = Error::new(ErrorKind::Unavailable, format!("the instance {} was stopped", self.id));
                return refused(&error, status_of(error.kind), Duration::ZERO);
            }
        };
        let Ok(event) = std::str::from_utf8(&invocation.event) else {
            self.put(Place::Idle(instance));
            let error = Error::bad_request("the event is not UTF-8 text");
            return Served { is_usable: true, ..refused(&error, 400, Duration::ZERO) };
        };
        instance.set_functions(Arc::new(Calls {
            others: self.component.others.clone(),
            handle: self.component.handle.clone(),
            deadline,
            traceparent: invocation.traceparent.clone(),
            tracestate: invocation.tracestate.clone(),
        }));
        let age_us = micros(instance.sandbox().age());
        let begin = Instant::now();
        let outcome = instance.invoke_until(event, Some(deadline));
        let execution = begin.elapsed();
        let (status, body) = match (outcome, instance.ended_by()) {
            (Ok(response), _) => (200, Bytes::from(response)),
            (Err(error), Some(EndedBy::Time)) => (504, error_body(&error)),
            (Err(error), _) => (status_of(error.kind), error_body(&error)),
        };
        let served = Served {
            status,
            body,
            instance: Some(InstanceIdentity {
                id: self.id.clone(),
                invocation_index: instance.sandbox().invocations(),
                age_us,
            }),
            start,
            execution,
            peak_memory_bytes: instance.linear_memory_peak_bytes(),
            is_usable: instance.is_usable(),
        };
        if served.is_usable && !self.is_single_use {
            self.put(Place::Idle(instance));
        }
        // Else it is gone before its caller hears of it, so that there are never more than there may be.
        served
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn refused(error: &Error, status: u16, execution: Duration) -> Served {
    Served {
        status,
        body: error_body(error),
        instance: None,
        start: None,
        execution,
        peak_memory_bytes: None,
        is_usable: false,
    }
}

#[async_trait]
impl Instance for ComponentInstance {
    fn id(&self) -> &str {
        &self.0.id
    }

    async fn invoke(&self, invocation: &Invocation, deadline: Instant) -> Served {
        let (answer, answered) = oneshot::channel();
        let shared = self.0.clone();
        let component = &self.0.component;
        let begin = Instant::now();
        let invocation = invocation.clone();
        let running = component.threads.run(&component.handle, move || {
            let served = shared.serve(&invocation, deadline);
            // Nobody waits any more when the time is over.
            let _ = answer.send(served);
        });
        if let Err(error) = running {
            let error = Error::new(ErrorKind::Unavailable, format!("there is no thread for the guest: {error}"));
            return refused(&error, 503, begin.elapsed());
        }
        match timeout_at((deadline + GRACE).into(), answered).await {
            Ok(Ok(served)) => served,
            Ok(Err(_)) => {
                let error = Error::internal(format!("{} failed inside the host; its log says why", component.name));
                refused(&error, 502, begin.elapsed())
            }
            Err(_) => {
                // In a call of the host that can't be interrupted: it ends when that does.
                self.0.interrupt.stop();
                let error = Error::limit(format!(
                    "{} took longer than its limit of {} s, waiting for the host, and was left behind",
                    component.name,
                    component.limits.time.unwrap_or_default().as_secs_f64()
                ));
                refused(&error, 504, begin.elapsed())
            }
        }
    }

    async fn stop(&self) {
        self.0.interrupt.stop();
        if let Place::Idle(instance) = self.0.take()
            && let Some(scratch) = instance.into_scratch()
        {
            // Removing a folder may take a while.
            let _ = tokio::task::spawn_blocking(move || drop(scratch)).await;
        }
    }
}
