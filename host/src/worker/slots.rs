//! The instances of a worker.

use std::sync::Barrier;

use crate::engine::Instance;

/// An instance and how often it was invoked.
pub(super) struct Slot {
    pub(super) instance: Box<dyn Instance>,
    pub(super) invocations: u64,
}

/// Invokes every instance once, all of them at the same time where there are several.
pub(super) fn invoke_all(event: &str, slots: &mut [Slot]) -> Vec<Result<String, lab::Error>> {
    if let [slot] = slots {
        return vec![slot.instance.invoke(event)];
    }
    let barrier = Barrier::new(slots.len());
    std::thread::scope(|scope| {
        let threads: Vec<_> = slots
            .iter_mut()
            .map(|slot| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    slot.instance.invoke(event)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(lab::Error::internal("the instance's thread panicked"))))
            .collect()
    })
}
