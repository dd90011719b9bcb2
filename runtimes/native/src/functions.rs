//! Nested calls.

use std::time::Instant;

use lab::{Call, Error, ErrorKind, Outcome};

use crate::unix_time_ns;

/// How a platform reaches another function. One handle serves many instances at once.
pub trait Functions: Send + Sync {
    /// Calls the function `name` and waits for its answer.
    ///
    /// # Errors
    /// The callee's own error, or why it could not be called.
    fn call(&self, name: &str, payload: &str) -> Result<String, Error>;

    /// Makes all calls at once, each timed by itself. The outcomes come in the order of the calls.
    fn call_all(&self, calls: &[Call]) -> Vec<Outcome> {
        invoke_all(self, calls)
    }
}

/// For an instance that may call nobody: every call is refused.
#[derive(Debug, Clone, Copy)]
pub struct NoFunctions;

impl Functions for NoFunctions {
    fn call(&self, name: &str, _: &str) -> Result<String, Error> {
        Err(Error::new(ErrorKind::Denied, format!("this instance can't call other functions, so not {name:?} either")))
    }
}

/// Makes one call and times it.
pub fn invoke<F: Functions + ?Sized>(functions: &F, call: &Call) -> Outcome {
    // On a thread of its own, so that the callee's processor time is never counted as its caller's.
    functions.call_all(std::slice::from_ref(call)).pop().unwrap_or_else(|| lost(unix_time_ns()))
}

/// Calls of one event that run at the same time: one event must not be able to take all of the host's threads.
const CALLS_AT_ONCE: usize = 64;

/// Makes all calls at once (64 at a time, where there are more), each timed by itself. The outcomes come in the order of
/// the calls.
pub fn invoke_all<F: Functions + ?Sized>(functions: &F, calls: &[Call]) -> Vec<Outcome> {
    calls.chunks(CALLS_AT_ONCE).flat_map(|calls| together(functions, calls)).collect()
}

fn together<F: Functions + ?Sized>(functions: &F, calls: &[Call]) -> Vec<Outcome> {
    std::thread::scope(|scope| {
        let running: Vec<_> =
            calls.iter().map(|call| (unix_time_ns(), scope.spawn(|| timed(functions, call)))).collect();
        running.into_iter().map(|(start_ns, thread)| thread.join().unwrap_or_else(|_| lost(start_ns))).collect()
    })
}

fn timed<F: Functions + ?Sized>(functions: &F, call: &Call) -> Outcome {
    let start_ns = unix_time_ns();
    let start = Instant::now();
    let response = functions.call(&call.name, &call.payload);
    let elapsed_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    Outcome { response, start_ns, end_ns: unix_time_ns(), elapsed_us }
}

/// The outcome of a call whose thread panicked.
fn lost(start_ns: u64) -> Outcome {
    let end_ns = unix_time_ns();
    let response = Err(Error::internal("the callee panicked; its message is on the standard error stream"));
    Outcome { response, start_ns, end_ns, elapsed_us: end_ns.saturating_sub(start_ns) / 1_000 }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Barrier;

    use super::*;

    struct Meeting(Barrier);

    impl Functions for Meeting {
        fn call(&self, name: &str, _: &str) -> Result<String, Error> {
            self.0.wait();
            Ok(name.to_owned())
        }
    }

    fn call(name: &str) -> Call {
        Call { name: name.to_owned(), payload: String::new() }
    }

    #[test]
    fn calls_made_together_run_at_the_same_time_and_answer_in_order() {
        // One after another they would wait for each other for ever.
        let meeting = Meeting(Barrier::new(3));
        let outcomes = invoke_all(&meeting, &[call("a"), call("b"), call("c")]);
        let names: Vec<_> = outcomes.into_iter().map(|outcome| outcome.response.unwrap()).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn a_callee_that_panics_is_an_error_of_that_call_alone() {
        struct Panics;
        impl Functions for Panics {
            fn call(&self, name: &str, _: &str) -> Result<String, Error> {
                assert_eq!(name, "good");
                Ok(String::new())
            }
        }
        let outcomes = invoke_all(&Panics, &[call("bad"), call("good")]);
        assert_eq!(outcomes[0].response.as_ref().unwrap_err().kind, ErrorKind::Internal);
        assert!(outcomes[1].response.is_ok());
    }
}
