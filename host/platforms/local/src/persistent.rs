//! Work that goes on when its caller gives up.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// A future that is finished in the background when it is dropped before its end: an instance that is starting or serving
/// must come back to its pool.
pub(crate) struct Persistent<T: Send + 'static>(Option<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T: Send + 'static> Persistent<T> {
    pub(crate) fn new(future: impl Future<Output = T> + Send + 'static) -> Persistent<T> {
        Persistent(Some(Box::pin(future)))
    }
}

impl<T: Send + 'static> Future for Persistent<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(future) = &mut self.0 else { return Poll::Pending };
        let outcome = future.as_mut().poll(context);
        if outcome.is_ready() {
            self.0 = None;
        }
        outcome
    }
}

impl<T: Send + 'static> Drop for Persistent<T> {
    fn drop(&mut self) {
        // Without a runtime the process is ending, and its instances with it.
        if let (Some(future), Ok(handle)) = (self.0.take(), Handle::try_current()) {
            handle.spawn(future);
        }
    }
}
