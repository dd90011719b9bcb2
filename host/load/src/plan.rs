//! What is to be sent, when, and until when.

use std::time::Duration;

use crate::shape::{Shape, ShapeError};
use crate::target::{HttpVersion, RequestTemplate, Target};

/// The longest that a load, the wait for an answer or a client's thinking may be. What no clock can add to now ends the thread.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How the times of requests come about.
#[derive(Debug, Clone, PartialEq)]
pub enum Pace {
    /// At times that don't depend on the answers.
    Open(Shape),
    /// So many clients, each of which sends its next request when it has the answer to the last.
    Closed {
        /// How many.
        clients: u32,
        /// How long each thinks in between.
        think: Duration,
    },
}

/// A load.
#[derive(Debug, Clone)]
pub struct LoadPlan {
    /// Where requests go.
    pub target: Target,
    /// What is sent.
    pub request: RequestTemplate,
    /// Which HTTP.
    pub version: HttpVersion,
    /// Certificates to trust, PEM; `None`: those that the machine trusts, or Mozilla's where it has none.
    pub trusted: Option<Vec<u8>>,
    /// When.
    pub pace: Pace,
    /// How long requests are sent.
    pub length: Duration,
    /// No more requests than these.
    pub most_requests: Option<u64>,
    /// Whether connections are used again.
    pub keep_connections: bool,
    /// Most connections at once.
    pub connections: u32,
    /// Requests that may wait for a connection; further ones are dropped, and counted.
    pub queue: u32,
    /// How long an answer is waited for.
    pub timeout: Duration,
    /// The load stops when more than this share of at least 100 requests has failed.
    pub stop_above_failures: Option<f64>,
    /// Threads that send; each has its share of the schedule and of the connections.
    pub threads: u32,
    /// Seed of whatever is left to chance.
    pub seed: u64,
    /// Every request is given to the watcher, one by one.
    pub keep_records: bool,
    /// Answers' bodies are given with them.
    pub keep_bodies: bool,
}

impl LoadPlan {
    /// A plan with everything else as most want it: kept connections over HTTP/1.1, 30 s for an answer.
    pub fn new(target: Target, request: RequestTemplate, pace: Pace, length: Duration) -> LoadPlan {
        let clients = match &pace {
            Pace::Closed { clients, .. } => *clients,
            Pace::Open(_) => 256,
        };
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        LoadPlan {
            target,
            request,
            version: HttpVersion::Http1,
            trusted: None,
            pace,
            length,
            most_requests: None,
            keep_connections: true,
            connections: clients,
            queue: 65_536,
            timeout: Duration::from_secs(30),
            stop_above_failures: None,
            // The server, where it is on this machine, needs processors too.
            threads: u32::try_from(processors.div_ceil(2)).unwrap_or(1),
            seed: 42,
            keep_records: false,
            keep_bodies: false,
        }
    }

    /// Refuses what can't be carried out.
    ///
    /// # Errors
    /// What is wrong, and what is accepted.
    pub fn validate(&self) -> Result<(), ShapeError> {
        if let Pace::Open(shape) = &self.pace {
            shape.validate()?;
        }
        let counts = [("connections", self.connections), ("threads", self.threads)];
        for (what, count) in counts {
            if !(1..=65_536).contains(&count) {
                return Err(ShapeError::of(format!("{count} {what} are not between 1 and 65536")));
            }
        }
        if let Pace::Closed { clients, .. } = self.pace
            && !(1..=65_536).contains(&clients)
        {
            return Err(ShapeError::of(format!("{clients} clients are not between 1 and 65536")));
        }
        if let Pace::Closed { clients, .. } = self.pace
            && self.version == HttpVersion::Http1
            && self.connections < clients
        {
            return Err(ShapeError::of(format!(
                "over HTTP/1.1 each of {clients} clients has a connection, so {} are too few",
                self.connections
            )));
        }
        if self.length.is_zero() || self.timeout.is_zero() {
            return Err(ShapeError::of("the length and the time for an answer must be more than nothing".to_owned()));
        }
        let thinking = match self.pace {
            Pace::Closed { think, .. } => think,
            Pace::Open(_) => Duration::ZERO,
        };
        let times =
            [("the length", self.length), ("the time for an answer", self.timeout), ("the time to think", thinking)];
        for (what, time) in times {
            if time > LONGEST {
                return Err(ShapeError::of(format!(
                    "{what}, {} s, is too long; give at most {} s, 30 days",
                    time.as_secs(),
                    LONGEST.as_secs()
                )));
            }
        }
        Ok(())
    }

    /// Threads that have something to do.
    pub(crate) fn threads(&self) -> u32 {
        let most = match self.pace {
            Pace::Closed { clients, .. } => clients.min(self.connections),
            Pace::Open(_) => self.connections,
        };
        self.threads.min(most).max(1)
    }
}

/// The part of `all` that thread `index` of `threads` has.
pub(crate) fn part(all: u32, index: u32, threads: u32) -> u32 {
    all / threads + u32::from(index < all % threads)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn closed(think: Duration) -> LoadPlan {
        let target = "http://127.0.0.1:1/".parse().unwrap();
        let request = RequestTemplate::post_json(b"{}".to_vec());
        LoadPlan::new(target, request, Pace::Closed { clients: 1, think }, Duration::from_secs(1))
    }

    #[test]
    fn times_that_no_clock_can_add_are_refused() {
        let long = Duration::from_secs(10_000_000_000_000_000_000);
        assert_eq!(closed(LONGEST).validate(), Ok(()));
        for plan in [
            closed(long),
            LoadPlan { timeout: long, ..closed(Duration::ZERO) },
            LoadPlan { length: LONGEST + Duration::from_secs(1), ..closed(Duration::ZERO) },
        ] {
            let refused = plan.validate().unwrap_err().to_string();
            assert!(refused.contains("too long; give at most 2592000 s"), "{refused}");
        }
    }
}
