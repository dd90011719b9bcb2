//! Calls whose answers are fetched later.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use platform::{Answer, CallId};
use tokio::time::Instant;
use uuid::Uuid;

/// Calls that may be under way or unfetched at once.
const CALLS: usize = 1_000;
/// Bytes of answers that are kept.
const ANSWER_BYTES: usize = 64 << 20;
/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(600);

/// The calls of one deployment whose answers are fetched later, and their answers.
pub(crate) struct Later {
    /// Tells these calls from those of an earlier life of the same deployment.
    mark: u32,
    calls: Mutex<Calls>,
}

#[derive(Default)]
struct Calls {
    next: u64,
    calls: HashMap<u64, Option<Answer>>,
    /// Those that are answered, in the order of their answers. Fetched ones may still be here.
    answered: VecDeque<(u64, Instant)>,
    bytes: usize,
}

/// Too many calls are under way or unfetched.
pub(crate) struct TooMany(pub(crate) u32);

impl Later {
    pub(crate) fn new() -> Later {
        Later { mark: Uuid::new_v4().as_fields().0, calls: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        // Each change is whole.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a call. Its number is for [`Later::answered`].
    pub(crate) fn begin(&self) -> Result<(u64, CallId), TooMany> {
        let mut calls = self.lock();
        calls.forget_old();
        if calls.calls.len() >= CALLS {
            return Err(TooMany(u32::try_from(calls.calls.len()).unwrap_or(u32::MAX)));
        }
        let number = calls.next;
        calls.next += 1;
        calls.calls.insert(number, None);
        Ok((number, CallId(format!("{:08x}-later-{number:x}", self.mark))))
    }

    pub(crate) fn answered(&self, number: u64, answer: Answer) {
        let mut calls = self.lock();
        calls.bytes += answer.body.len();
        calls.calls.insert(number, Some(answer));
        calls.answered.push_back((number, Instant::now()));
        calls.forget_fetched();
        calls.forget_old();
    }

    /// The answer, which is given once; `None` while it is not there. The error: there is no such call.
    pub(crate) fn take(&self, call: &CallId) -> Result<Option<Answer>, ()> {
        let number = self.number(call).ok_or(())?;
        let mut calls = self.lock();
        calls.forget_old();
        match calls.calls.get(&number) {
            None => Err(()),
            Some(None) => Ok(None),
            Some(Some(_)) => Ok(calls.forget(number)),
        }
    }

    fn number(&self, call: &CallId) -> Option<u64> {
        let (mark, number) = call.0.split_once("-later-")?;
        (u32::from_str_radix(mark, 16).ok()? == self.mark).then(|| u64::from_str_radix(number, 16).ok())?
    }
}

impl Calls {
    fn forget(&mut self, number: u64) -> Option<Answer> {
        let answer = self.calls.remove(&number).flatten()?;
        self.bytes -= answer.body.len();
        Some(answer)
    }

    /// Fetched ones leave, once they could be as many as the others.
    fn forget_fetched(&mut self) {
        if self.answered.len() > 2 * CALLS {
            self.answered.retain(|(number, _)| self.calls.contains_key(number));
        }
    }

    fn forget_old(&mut self) {
        while let Some((number, at)) = self.answered.front().copied() {
            if at.elapsed() < KEPT && self.bytes <= ANSWER_BYTES && self.calls.contains_key(&number) {
                return;
            }
            self.answered.pop_front();
            self.forget(number);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use bytes::Bytes;
    use platform::Timings;

    use super::*;

    #[test]
    fn fetched_answers_leave_nothing_behind_though_an_older_one_is_kept() {
        let later = Later::new();
        let answer = Answer {
            status: 200,
            body: Bytes::from_static(b"x"),
            call: None,
            instance: None,
            timings: Timings::default(),
            billing: None,
        };
        let call = || {
            let (number, call) = later.begin().ok().unwrap();
            later.answered(number, answer.clone());
            call
        };
        let kept = call();
        for _ in 0..10 * CALLS {
            assert!(later.take(&call()).unwrap().is_some());
        }
        assert!(later.lock().answered.len() <= 2 * CALLS);
        assert!(later.take(&kept).unwrap().is_some());
    }
}
