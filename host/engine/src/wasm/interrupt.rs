//! Stopping an instance from outside.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

/// Ends what an instance is doing, from any thread: a computation at the next tick of the engine's epoch, a sleep at once.
/// A guest inside another host call ends when that returns.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<Asked>);

#[derive(Debug, Default)]
struct Asked {
    asked: Mutex<bool>,
    changed: Condvar,
}

impl Interrupt {
    /// Ends it. The instance is of no further use.
    pub fn stop(&self) {
        *self.0.asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
    }

    /// Whether it is to end.
    pub fn is_asked(&self) -> bool {
        *self.0.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until that time, or for ever. Returns whether it was ended before.
    pub(super) fn sleep_until(&self, until: Option<Instant>) -> bool {
        let mut asked = self.0.asked.lock().unwrap_or_else(PoisonError::into_inner);
        while !*asked {
            asked = match until {
                None => self.0.changed.wait(asked).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    self.0.changed.wait_timeout(asked, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_sleep_ends_at_its_time_or_when_it_is_interrupted() {
        let interrupt = Interrupt::default();
        assert!(!interrupt.sleep_until(Some(Instant::now() + Duration::from_millis(1))));
        let other = interrupt.clone();
        let thread = std::thread::spawn(move || other.sleep_until(None));
        interrupt.stop();
        assert!(thread.join().is_ok_and(|interrupted| interrupted));
    }
}
