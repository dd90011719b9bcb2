//! Asynchronous calls: those under way, and the results that wait to be fetched.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http_protocol::Response;
use tokio::sync::watch;

use crate::options::ResultLimits;

/// Names of calls whose result is gone that are remembered, so that one can be told from a call that never was.
const REMEMBERED: usize = 10_000;

/// What is known of a call.
#[derive(Debug)]
pub(crate) enum Known {
    /// No such call, as far as is remembered.
    Unknown,
    /// It was there, and its result is no longer kept.
    Gone,
    /// It is under way.
    UnderWay,
    /// Its result.
    Done(Box<Response>),
}

/// Why a call is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// As many are under way as may be.
    Full,
    /// There is one of that name.
    Taken,
}

/// All asynchronous calls.
pub(crate) struct Calls {
    inner: Mutex<Inner>,
    limits: ResultLimits,
    under_way: watch::Sender<usize>,
}

#[derive(Default)]
struct Inner {
    calls: HashMap<String, State>,
    done: VecDeque<(Instant, String)>,
    gone: HashSet<String>,
    gone_order: VecDeque<String>,
    bytes: usize,
    under_way: usize,
}

enum State {
    UnderWay { bytes: usize },
    Done { response: Response, bytes: usize },
}

impl Calls {
    pub(crate) fn new(limits: ResultLimits) -> Calls {
        Calls { inner: Mutex::default(), limits, under_way: watch::Sender::new(0) }
    }

    /// How long a call is tried again while its function is overloaded.
    pub(crate) fn patience(&self) -> Duration {
        self.limits.patience
    }

    /// Takes a call with an event of `bytes`. Old results make room for it.
    pub(crate) fn begin(&self, name: &str, bytes: usize) -> Result<(), Refused> {
        let mut inner = self.lock();
        inner.expire(self.limits.kept);
        if inner.calls.contains_key(name) || inner.gone.contains(name) {
            return Err(Refused::Taken);
        }
        if inner.under_way >= self.limits.under_way {
            return Err(Refused::Full);
        }
        while inner.calls.len() >= self.limits.calls || inner.bytes + bytes > self.limits.bytes {
            if !inner.drop_oldest() {
                return Err(Refused::Full);
            }
        }
        inner.calls.insert(name.to_owned(), State::UnderWay { bytes });
        inner.bytes += bytes;
        inner.under_way += 1;
        self.under_way.send_replace(inner.under_way);
        Ok(())
    }

    /// Keeps the result of a call.
    pub(crate) fn finish(&self, name: &str, response: Response) {
        let mut inner = self.lock();
        let Some(State::UnderWay { bytes }) = inner.calls.remove(name) else { return };
        inner.bytes -= bytes;
        inner.under_way -= 1;
        let bytes = response.body().len();
        inner.bytes += bytes;
        inner.calls.insert(name.to_owned(), State::Done { response, bytes });
        inner.done.push_back((Instant::now(), name.to_owned()));
        while inner.bytes > self.limits.bytes && inner.drop_oldest() {}
        self.under_way.send_replace(inner.under_way);
    }

    /// What is known of a call.
    pub(crate) fn find(&self, name: &str) -> Known {
        let mut inner = self.lock();
        inner.expire(self.limits.kept);
        match inner.calls.get(name) {
            Some(State::UnderWay { .. }) => Known::UnderWay,
            Some(State::Done { response, .. }) => Known::Done(Box::new(response.clone())),
            None if inner.gone.contains(name) => Known::Gone,
            None => Known::Unknown,
        }
    }

    /// How many are under way.
    pub(crate) fn under_way(&self) -> usize {
        *self.under_way.borrow()
    }

    /// Waits until none is under way.
    pub(crate) async fn none(&self) {
        // The sender lives as long as this.
        let _ = self.under_way.subscribe().wait_for(|count| *count == 0).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // Nothing in here panics half way.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn expire(&mut self, kept: Duration) {
        while self.done.front().is_some_and(|(since, _)| since.elapsed() > kept) {
            self.drop_oldest();
        }
    }

    /// Forgets the oldest result; `false` when there is none.
    fn drop_oldest(&mut self) -> bool {
        let Some((_, name)) = self.done.pop_front() else { return false };
        if let Some(State::Done { bytes, .. }) = self.calls.remove(&name) {
            self.bytes -= bytes;
        }
        if self.gone_order.len() >= REMEMBERED
            && let Some(forgotten) = self.gone_order.pop_front()
        {
            self.gone.remove(&forgotten);
        }
        self.gone.insert(name.clone());
        self.gone_order.push_back(name);
        true
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use http_protocol::text;

    use super::*;

    fn calls(calls: usize, under_way: usize, bytes: usize) -> Calls {
        Calls::new(ResultLimits { calls, under_way, bytes, ..ResultLimits::default() })
    }

    #[test]
    fn a_call_is_under_way_then_done_then_gone() {
        let calls = calls(1, 1, 100);
        assert!(matches!(calls.find("a"), Known::Unknown));
        calls.begin("a", 10).unwrap();
        assert!(matches!(calls.find("a"), Known::UnderWay));
        assert_eq!(calls.begin("a", 10), Err(Refused::Taken));
        assert_eq!(calls.begin("b", 10), Err(Refused::Full));
        calls.finish("a", text(200, "done"));
        let Known::Done(response) = calls.find("a") else { panic!("not done") };
        assert_eq!(response.body(), "done");
        calls.begin("b", 10).unwrap();
        assert!(matches!(calls.find("a"), Known::Gone));
        assert_eq!(calls.under_way(), 1);
    }

    #[test]
    fn events_and_results_together_take_no_more_than_they_may() {
        let calls = calls(10, 10, 10);
        calls.begin("a", 6).unwrap();
        assert_eq!(calls.begin("b", 6), Err(Refused::Full));
        calls.finish("a", text(200, "sixsix"));
        calls.begin("b", 6).unwrap();
        assert!(matches!(calls.find("a"), Known::Gone));
        calls.finish("b", text(200, "more than ten bytes"));
        assert!(matches!(calls.find("b"), Known::Gone));
        assert_eq!(calls.lock().bytes, 0);
    }

    #[test]
    fn a_result_is_kept_no_longer_than_it_may() {
        let calls = Calls::new(ResultLimits { kept: Duration::ZERO, ..ResultLimits::default() });
        calls.begin("a", 0).unwrap();
        calls.finish("a", text(200, ""));
        std::thread::sleep(Duration::from_millis(1));
        assert!(matches!(calls.find("a"), Known::Gone));
    }

    #[tokio::test]
    async fn waiting_for_none_ends_when_the_last_is_done() {
        let calls = std::sync::Arc::new(calls(10, 10, 10));
        calls.begin("a", 0).unwrap();
        let waiting = tokio::spawn({
            let calls = calls.clone();
            async move { calls.none().await }
        });
        calls.finish("a", text(200, ""));
        waiting.await.unwrap();
    }
}
