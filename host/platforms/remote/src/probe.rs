//! Which instance answers, asked without invoking it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::HeaderMap;

use crate::Begin;

/// How many answers in a row must come from new instances, for each instance that there should be. While an old one is still
/// asked, it is asked about as often as a new one: by chance alone 8 answers in a row leave it out once in 256 times.
const ANSWERS: u32 = 8;

/// An instance that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its identity.
    pub id: String,
    /// It began at this time or after it, Unix time by this machine's clock, ns. Clocks of other machines do not matter: the
    /// instance tells its age, and when it was asked is known here.
    pub began_unix_ns: u64,
}

/// What an instance's health path answered: `GET /_/health`, `/healthz` or `/` of a native image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// HTTP status.
    pub status: u16,
    /// Who it was; `None` where the answer is not an instance's.
    pub instance: Option<Seen>,
    /// The beginning of the body.
    pub said: String,
}

impl Probe {
    pub(crate) fn new(status: u16, headers: &HeaderMap, body: &Bytes, begin: Begin) -> Probe {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let instance = text("x-instance-id").and_then(|id| {
            let age_us: u64 = text("x-instance-uptime-us")?.parse().ok()?;
            let began_unix_ns = begin.unix_ns.saturating_sub(age_us.saturating_mul(1000));
            Some(Seen { id: id.to_owned(), began_unix_ns })
        });
        let said =
            String::from_utf8_lossy(body).trim().chars().filter(|letter| !letter.is_control()).take(200).collect();
        Probe { status, instance, said }
    }
}

/// Proves that what answers was started after a moment: after an update, old instances answer for a while.
///
/// An instance tells its age only after the question has travelled, so what is known is a time before which it did not begin;
/// of several answers the latest counts. A new one that began sooner after the moment than any question travels could be
/// taken for an old one, never the other way round; to start one takes longer than that.
#[derive(Debug)]
pub struct Freshness {
    since_unix_ns: u64,
    began: HashMap<String, u64>,
    needed: u32,
    lasting: Duration,
    in_a_row: u32,
    first: Option<Instant>,
}

impl Freshness {
    /// Instances that began at `since_unix_ns` or later are new. `instances`: how many there should be. New ones must answer
    /// alone for at least `lasting`.
    pub fn new(since_unix_ns: u64, instances: u32, lasting: Duration) -> Freshness {
        let needed = ANSWERS.saturating_mul(instances.max(1));
        Freshness { since_unix_ns, began: HashMap::new(), needed, lasting, in_a_row: 0, first: None }
    }

    /// Whether the last answer was a new instance's.
    pub fn is_begun(&self) -> bool {
        self.in_a_row > 0
    }

    /// Takes an answer in; whether it is proven with this one. An old instance's answer, and one that is no instance's, begin
    /// it anew.
    pub fn saw(&mut self, probe: &Probe) -> bool {
        let is_new = probe.status == 200
            && probe.instance.as_ref().is_some_and(|instance| {
                let began = self.began.entry(instance.id.clone()).or_default();
                *began = instance.began_unix_ns.max(*began);
                *began >= self.since_unix_ns
            });
        if !is_new {
            self.in_a_row = 0;
            self.first = None;
            return false;
        }
        self.in_a_row += 1;
        let first = *self.first.get_or_insert_with(Instant::now);
        self.in_a_row >= self.needed && first.elapsed() >= self.lasting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(began_unix_ns: u64) -> Probe {
        let instance = Some(Seen { id: began_unix_ns.to_string(), began_unix_ns });
        Probe { status: 200, instance, said: String::new() }
    }

    #[test]
    fn one_old_answer_begins_the_proof_anew() {
        let mut fresh = Freshness::new(100, 1, Duration::ZERO);
        for _ in 0..7 {
            assert!(!fresh.saw(&probe(100)));
        }
        assert!(!fresh.saw(&probe(99)));
        for _ in 0..7 {
            assert!(!fresh.saw(&probe(200)));
        }
        assert!(fresh.saw(&probe(200)));
    }

    #[test]
    fn of_several_answers_of_an_instance_the_one_that_tells_most_counts() {
        let asked = |began_unix_ns: u64| Probe {
            instance: Some(Seen { id: "a".to_owned(), began_unix_ns }),
            ..probe(began_unix_ns)
        };
        let mut fresh = Freshness::new(100, 1, Duration::ZERO);
        assert!(!fresh.saw(&asked(90)) && !fresh.is_begun(), "the question travelled long");
        assert!(!fresh.saw(&asked(105)) && fresh.is_begun());
        assert!(!fresh.saw(&asked(95)) && fresh.is_begun());
    }

    #[test]
    fn answers_that_are_no_instances_prove_nothing() {
        let mut fresh = Freshness::new(0, 1, Duration::ZERO);
        for _ in 0..20 {
            assert!(!fresh.saw(&Probe { status: 200, instance: None, said: String::new() }));
            assert!(!fresh.saw(&Probe { status: 503, ..probe(1) }));
        }
    }

    #[test]
    fn more_instances_need_more_answers_and_time_must_pass() {
        let mut fresh = Freshness::new(0, 3, Duration::ZERO);
        assert_eq!((0..).position(|_| fresh.saw(&probe(1))), Some(23));
        let mut fresh = Freshness::new(0, 1, Duration::from_secs(3600));
        assert!((0..100).all(|_| !fresh.saw(&probe(1))));
    }
}
