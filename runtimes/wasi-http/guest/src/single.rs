//! What an instance keeps between calls.

use core::cell::{RefCell, RefMut};

/// A value of an instance's own, for a `static`.
#[derive(Debug)]
pub struct Single<T>(RefCell<T>);

// SAFETY: a component is entered by one thread at a time, and has no others.
#[cfg(target_family = "wasm")]
unsafe impl<T> Sync for Single<T> {}

impl<T> Single<T> {
    /// Holds `value`.
    pub const fn new(value: T) -> Single<T> {
        Single(RefCell::new(value))
    }

    /// The value.
    ///
    /// # Panics
    /// When what an earlier call returned still lives.
    pub fn get(&self) -> RefMut<'_, T> {
        self.0.borrow_mut()
    }
}
