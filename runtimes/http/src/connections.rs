//! The connections that are open, and which of them go first when there are too many.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

/// How long a step of making room may take before the next is tried.
const STEP: Duration = Duration::from_millis(20);

/// Counts open connections, and asks those that do nothing to go when the most that may be open is reached.
#[derive(Debug)]
pub(crate) struct Connections {
    open: Mutex<usize>,
    most: usize,
    closed: Notify,
    /// Asks the connections that never sent anything.
    pub(crate) unused_go: Notify,
    /// Asks those that are between two requests, or too long within a request's head.
    pub(crate) idle_go: Notify,
}

impl Connections {
    pub(crate) fn new(most: usize) -> Connections {
        Connections {
            open: Mutex::new(0),
            most,
            closed: Notify::new(),
            unused_go: Notify::new(),
            idle_go: Notify::new(),
        }
    }

    fn open(&self) -> usize {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more; it counts until [`Connections::end`].
    pub(crate) fn begin(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    pub(crate) fn end(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.closed.notify_waiters();
    }

    /// Waits until one more may be opened. Those that wait for nothing go first: the ones that never sent a byte, then the
    /// ones between two requests, at last those whose request's head does not end.
    pub(crate) async fn room(&self) {
        while self.open() >= self.most {
            self.make_room().await;
        }
    }

    /// Asks some of those that do nothing to go, and waits a little for it.
    pub(crate) async fn make_room(&self) {
        for go in [&self.unused_go, &self.idle_go] {
            let closed = self.closed.notified();
            go.notify_waiters();
            if timeout(STEP, closed).await.is_ok() {
                return;
            }
        }
    }

    /// Waits until none is open.
    pub(crate) async fn none(&self) {
        loop {
            let closed = self.closed.notified();
            if self.open() == 0 {
                return;
            }
            closed.await;
        }
    }
}
