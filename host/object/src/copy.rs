//! Several transfers at once, as many as are good for it.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::{Progress, TransferError};

/// Transfers at the same time, unless told otherwise.
pub const CONCURRENCY: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// Tells how far all transfers are.
pub(crate) struct Meter<'a> {
    state: Mutex<(Progress, &'a mut (dyn FnMut(Progress) + Send))>,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(objects: u64, bytes: u64, tell: &'a mut (dyn FnMut(Progress) + Send)) -> Meter<'a> {
        Meter { state: Mutex::new((Progress { objects, bytes, ..Progress::default() }, tell)) }
    }

    /// Counts what is done and tells it.
    pub(crate) fn add(&self, objects: u64, bytes: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0.objects_done += objects;
        state.0.bytes_done += bytes;
        let progress = state.0;
        (state.1)(progress);
    }
}

/// Does `work` for each item, `concurrency` at the same time. After a failure no other is begun; it is what is returned.
pub(crate) fn for_each<T: Sync>(
    items: &[T],
    concurrency: NonZeroUsize,
    work: impl Fn(&T) -> Result<(), TransferError> + Sync,
) -> Result<(), TransferError> {
    let next = AtomicUsize::new(0);
    let failure: Mutex<Option<TransferError>> = Mutex::new(None);
    let has_failed = || failure.lock().unwrap_or_else(PoisonError::into_inner).is_some();
    thread::scope(|scope| {
        for _ in 0..concurrency.get().min(items.len()) {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if has_failed() {
                        return;
                    }
                    if let Err(error) = work(item) {
                        failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                        return;
                    }
                }
            });
        }
    });
    failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}
