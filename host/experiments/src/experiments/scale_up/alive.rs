//! Instances alive over time: as their answers show, and as the platform knows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Call, Life};

/// The time in which an instance is known to have been there, ns since the schedule began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Presence {
    /// From the beginning of its first service, or from its start.
    pub(super) from_ns: i64,
    /// Until the end of its last, or its own; `None`: it was there when it was last looked at.
    pub(super) until_ns: Option<i64>,
}

/// How many were there, at any moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alive {
    beginnings: Vec<i64>,
    ends: Vec<i64>,
}

impl Alive {
    /// Of those.
    pub(super) fn of(presences: impl IntoIterator<Item = Presence>) -> Alive {
        let (mut beginnings, mut ends) = (Vec::new(), Vec::new());
        for presence in presences {
            beginnings.push(presence.from_ns);
            ends.extend(presence.until_ns);
        }
        beginnings.sort_unstable();
        ends.sort_unstable();
        Alive { beginnings, ends }
    }

    /// How many were there at that moment.
    pub(super) fn at(&self, ns: i64) -> u64 {
        let until = |times: &[i64]| times.partition_point(|time| *time <= ns) as u64;
        until(&self.beginnings).saturating_sub(until(&self.ends))
    }

    /// Most at any moment.
    pub(super) fn most(&self) -> u64 {
        self.beginnings.iter().map(|ns| self.at(*ns)).max().unwrap_or(0)
    }
}

/// From the answers of a schedule: from each instance's first service to its last.
pub(super) fn of_answers(calls: &[Call]) -> BTreeMap<String, Presence> {
    let mut seen: BTreeMap<String, Presence> = BTreeMap::new();
    for call in calls {
        let (Some(instance), Some(sent)) = (call.instance(), call.sent_ns) else { continue };
        let end = signed(sent.saturating_add(call.total_ns));
        let execution = call.answer.as_ref().and_then(|answer| answer.timings.execution_ns).unwrap_or(call.total_ns);
        let begin = end - signed(execution.min(call.total_ns));
        let presence = seen.entry(instance.id.clone()).or_insert(Presence { from_ns: begin, until_ns: Some(end) });
        presence.from_ns = presence.from_ns.min(begin);
        presence.until_ns = presence.until_ns.max(Some(end));
    }
    seen
}

/// From what the platform knows.
pub(super) fn of_lives(lives: &[Life], start_unix_ns: u64) -> Vec<Presence> {
    let since = |unix_ns: u64| signed(unix_ns) - signed(start_unix_ns);
    lives
        .iter()
        .map(|life| Presence { from_ns: since(life.start_unix_ns), until_ns: life.end_unix_ns.map(since) })
        .collect()
}

/// What the answers show beside what the platform knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Compared {
    /// Most instances at once as the answers show.
    pub(super) most_seen: u64,
    /// Most instances at once in the same time as the platform knows.
    pub(super) most_known: u64,
    /// Instances that answered and that the platform does not know: there must be none.
    pub(super) strangers: u64,
    /// Instances that the platform had in that time and that never answered.
    pub(super) unseen: u64,
    /// Instances that answered before or after they were there by more than clocks and callers differ: there must be none.
    pub(super) out_of_time: u64,
}

/// By how much the time of an answer may be off: the caller sees it later than the platform does, and the wall clock may be
/// stepped by so much in a run.
const SLACK_NS: i64 = 50_000_000;

/// Compares them over the schedule, which lasted until `end_ns`.
pub(super) fn compare(
    seen: &BTreeMap<String, Presence>,
    lives: &[Life],
    (start_unix_ns, end_ns): (u64, i64),
) -> Compared {
    let known: BTreeMap<&str, Presence> =
        lives.iter().map(|life| life.instance.as_str()).zip(of_lives(lives, start_unix_ns)).collect();
    let within: Vec<(&str, Presence)> = known
        .iter()
        .filter(|(_, presence)| presence.from_ns <= end_ns && presence.until_ns.is_none_or(|until| until > 0))
        .map(|(instance, presence)| (*instance, *presence))
        .collect();
    let names: BTreeSet<&str> = seen.keys().map(String::as_str).collect();
    let is_out_of_time = |(instance, seen): &(&String, &Presence)| {
        known.get(instance.as_str()).is_some_and(|known| {
            let late = known.until_ns.zip(seen.until_ns).is_some_and(|(known, seen)| seen > known + SLACK_NS);
            seen.from_ns < known.from_ns - SLACK_NS || late
        })
    };
    Compared {
        most_seen: Alive::of(seen.values().copied()).most(),
        most_known: Alive::of(within.iter().map(|(_, presence)| *presence)).most(),
        strangers: names.iter().filter(|instance| !known.contains_key(**instance)).count() as u64,
        unseen: within.iter().filter(|(instance, _)| !names.contains(instance)).count() as u64,
        out_of_time: seen.iter().filter(is_out_of_time).count() as u64,
    }
}

fn signed(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn present(from_ns: i64, until_ns: i64) -> Presence {
        Presence { from_ns, until_ns: Some(until_ns) }
    }

    fn life(instance: &str, start_unix_ns: u64, end_unix_ns: Option<u64>) -> Life {
        Life { instance: instance.to_owned(), start_unix_ns, end_unix_ns }
    }

    #[test]
    fn instances_are_counted_while_they_are_there() {
        let all = Alive::of([present(0, 10), present(5, 20), Presence { from_ns: 8, until_ns: None }]);
        assert_eq!([-1, 0, 5, 9, 10, 19, 20].map(|ns| all.at(ns)), [0, 1, 2, 3, 2, 2, 1]);
        assert_eq!((all.most(), Alive::of([]).most()), (3, 0));
    }

    #[test]
    fn what_answers_show_is_held_against_what_is_known() {
        let seen = BTreeMap::from([("a".to_owned(), present(10, 50)), ("x".to_owned(), present(10, 20))]);
        let lives = [life("a", 1_005, Some(1_060)), life("b", 1_020, None), life("c", 900, Some(990))];
        let compared = compare(&seen, &lives, (1_000, 100));
        let expected = Compared { most_seen: 2, most_known: 2, strangers: 1, unseen: 1, out_of_time: 0 };
        assert_eq!(compared, expected);
        let before_its_time = [life("a", 1_000_000_000, None)];
        assert_eq!(compare(&seen, &before_its_time, (1_000, 2_000_000_000)).out_of_time, 1);
    }
}
