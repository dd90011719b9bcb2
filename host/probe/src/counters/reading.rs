//! From counts to values: scaling, sums, and what is absent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::code::{Event, EventCode, Primitive, Source};

/// What a group has counted, all at one time. Take differences of two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GroupCounts {
    /// How long the group was to count, ns.
    pub time_enabled_ns: u64,
    /// How long it really was on the processor's counters, ns. Less than enabled: others wanted the counters too.
    pub time_running_ns: u64,
    /// One for each primitive of the pass, in its order, as counted.
    pub counts: Vec<u64>,
}

impl GroupCounts {
    /// What was added since `earlier`, of the same group.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            time_enabled_ns: self.time_enabled_ns.saturating_sub(earlier.time_enabled_ns),
            time_running_ns: self.time_running_ns.saturating_sub(earlier.time_running_ns),
            counts: self.counts.iter().zip(&earlier.counts).map(|(now, before)| now.saturating_sub(*before)).collect(),
        }
    }

    /// Whether the group was on the counters for a part of its time only.
    #[must_use]
    pub fn multiplexed(&self) -> bool {
        self.time_running_ns < self.time_enabled_ns
    }

    /// A count scaled to the whole time: `count * enabled / running`. `None` when the group never ran.
    #[must_use]
    pub fn scaled(&self, index: usize) -> Option<u64> {
        let count = *self.counts.get(index)?;
        if self.time_running_ns == 0 {
            return None;
        }
        if !self.multiplexed() {
            return Some(count);
        }
        let scaled = u128::from(count) * u128::from(self.time_enabled_ns) / u128::from(self.time_running_ns);
        u64::try_from(scaled).ok()
    }
}

/// An event's value, with all that is needed to judge it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CounterValue {
    /// The event's name, without `PAPI_`.
    pub name: String,
    /// Where it comes from.
    pub source: Source,
    /// The exact event codes, such as `r81d0 + r82d0`.
    pub code: String,
    /// The value; scaled to the whole time when `multiplexed`. Absent with `absent_reason`.
    pub value: Option<u64>,
    /// As counted, before any scaling; absent when the group never ran.
    pub unscaled: Option<u64>,
    /// Why `value` is absent.
    pub absent_reason: Option<String>,
    /// How long the group was to count, ns.
    pub time_enabled_ns: u64,
    /// How long it did, ns.
    pub time_running_ns: u64,
    /// Whether `value` is an estimate because the counters were shared.
    pub multiplexed: bool,
    /// The pass that counted it.
    pub pass: u32,
    /// What a reader must know to compare it with the same name elsewhere.
    pub note: Option<String>,
}

/// All values of one pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PassValues {
    /// Which pass.
    pub pass: u32,
    /// Instructions (user mode) in this pass: the key by which values of different passes are joined. Absent in a pass
    /// without hardware counters.
    pub instructions: Option<u64>,
    /// The values, in the plan's order.
    pub values: Vec<CounterValue>,
}

impl PassValues {
    /// The value of an event, when it is there.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<u64> {
        self.values.iter().find(|value| value.name == name)?.value
    }
}

/// The values of `events` from what their `primitives` counted.
pub(super) fn evaluate(pass: u32, primitives: &[Primitive], events: &[Event], counts: &GroupCounts) -> PassValues {
    let index_of = |code: &EventCode| primitives.iter().position(|primitive| primitive.code == *code);
    let values = events
        .iter()
        .map(|event| {
            let sum = |get: &dyn Fn(usize) -> Option<u64>| -> Option<i128> {
                event.terms.iter().try_fold(0i128, |sum, term| {
                    let count = get(index_of(&term.primitive.code)?)?;
                    Some(sum + i128::from(term.weight) * i128::from(count))
                })
            };
            let ran = counts.time_running_ns > 0;
            let unscaled = sum(&|index| counts.counts.get(index).copied().filter(|_| ran));
            let scaled = sum(&|index| counts.scaled(index));
            let value = scaled.and_then(|sum| u64::try_from(sum).ok());
            let absent_reason = match (value, ran) {
                (Some(_), _) => None,
                (None, false) if counts.time_enabled_ns == 0 => Some("the counters weren't switched on".to_owned()),
                (None, false) => Some("the kernel never gave the group the processor's counters".to_owned()),
                (None, true) if scaled.is_some_and(|sum| sum < 0) => {
                    Some("the events of its sum contradict each other: the sum is below zero".to_owned())
                }
                (None, true) => Some("a part of its sum wasn't counted, or the sum is too large".to_owned()),
            };
            CounterValue {
                name: event.name.clone(),
                source: event.source(),
                code: event.code(),
                value,
                unscaled: unscaled.and_then(|sum| u64::try_from(sum).ok()),
                absent_reason,
                time_enabled_ns: counts.time_enabled_ns,
                time_running_ns: counts.time_running_ns,
                multiplexed: counts.multiplexed() && ran,
                pass,
                note: event.note.clone(),
            }
        })
        .collect();
    let instructions = index_of(&EventCode::INSTRUCTIONS).and_then(|index| counts.scaled(index));
    PassValues { pass, instructions, values }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::code::Term;
    use super::*;

    fn raw(config: u64) -> Primitive {
        Primitive::of(EventCode::new(4, config))
    }

    fn event(name: &str, terms: &[(i32, u64)]) -> Event {
        let terms = terms.iter().map(|(weight, config)| Term { weight: *weight, primitive: raw(*config) }).collect();
        Event { name: name.into(), terms, note: None }
    }

    fn counts(enabled: u64, running: u64, counts: &[u64]) -> GroupCounts {
        GroupCounts { time_enabled_ns: enabled, time_running_ns: running, counts: counts.to_vec() }
    }

    fn primitives() -> Vec<Primitive> {
        vec![Primitive::of(EventCode::INSTRUCTIONS), raw(1), raw(2)]
    }

    #[test]
    fn sums_have_their_weights() {
        let events = [event("SUM", &[(1, 1), (4, 2)]), event("DIFFERENCE", &[(1, 1), (-1, 2)])];
        let values = evaluate(3, &primitives(), &events, &counts(10, 10, &[100, 7, 2]));
        assert_eq!((values.pass, values.instructions), (3, Some(100)));
        assert_eq!((values.value("SUM"), values.value("DIFFERENCE")), (Some(15), Some(5)));
        assert!(!values.values[0].multiplexed);
    }

    #[test]
    fn a_part_of_the_time_is_scaled_marked_and_kept_as_counted() {
        let values = evaluate(0, &primitives(), &[event("X", &[(1, 1)])], &counts(40, 10, &[100, 7, 2]));
        let value = &values.values[0];
        assert_eq!((value.value, value.unscaled, value.multiplexed), (Some(28), Some(7), true));
        assert_eq!(values.instructions, Some(400));
    }

    #[test]
    fn what_never_ran_is_absent_and_not_zero() {
        let values = evaluate(0, &primitives(), &[event("X", &[(1, 1)])], &counts(40, 0, &[0, 0, 0]));
        let value = &values.values[0];
        assert_eq!((value.value, value.unscaled, values.instructions), (None, None, None));
        assert!(value.absent_reason.as_deref().unwrap().contains("never"));
        let off = evaluate(0, &primitives(), &[event("X", &[(1, 1)])], &counts(0, 0, &[0, 0, 0]));
        assert!(off.values[0].absent_reason.as_deref().unwrap().contains("switched on"));
    }

    #[test]
    fn a_sum_below_zero_is_absent() {
        let values = evaluate(0, &primitives(), &[event("X", &[(1, 1), (-1, 2)])], &counts(1, 1, &[0, 1, 2]));
        assert_eq!(values.values[0].value, None);
        assert!(values.values[0].absent_reason.as_deref().unwrap().contains("below zero"));
    }

    #[test]
    fn differences_are_taken_of_everything() {
        let difference = counts(30, 20, &[5, 9]).since(&counts(10, 10, &[1, 2]));
        assert_eq!(difference, counts(20, 10, &[4, 7]));
    }

    proptest::proptest! {
        #[test]
        fn scaling_is_never_below_the_count(count in 0u64..1 << 50, running in 1u64..1 << 40, waited in 0u64..1 << 40) {
            let counts = counts(running + waited, running, &[count]);
            proptest::prop_assert!(counts.scaled(0).is_none_or(|scaled| scaled >= count));
        }
    }
}
