//! Calls under way, so that a shutdown can wait for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Counts calls under way.
#[derive(Clone, Default)]
pub(crate) struct Flights(Arc<Counted>);

#[derive(Default)]
struct Counted {
    count: AtomicU64,
    landed: Notify,
}

/// One call under way; it ends with its drop.
pub(crate) struct Flight(Flights);

impl Flights {
    pub(crate) fn begin(&self) -> Flight {
        self.0.count.fetch_add(1, Ordering::AcqRel);
        Flight(self.clone())
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.count.load(Ordering::Acquire)
    }

    /// Returns when there are none.
    pub(crate) async fn all_landed(&self) {
        loop {
            let landed = self.0.landed.notified();
            tokio::pin!(landed);
            // Before the look, so that the last landing is not missed.
            landed.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            landed.await;
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if self.0.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.0.landed.notify_waiters();
        }
    }
}
