//! The clocks of a tree's instances, each against its caller's.

use std::collections::BTreeMap;

use crate::clock_offset::{ClockOffset, Exchange, Offset};
use crate::records::{Executed, Hop, Invoked};
use crate::timed_call::TimedCall;

/// Whose clock: the caller's of the whole tree, or an instance's.
type Clock = String;

/// What the clock here is called.
const HERE: &str = "";

/// The offsets of every two clocks between which there was a call.
pub(super) struct Clocks {
    offsets: BTreeMap<(Clock, Clock), ClockOffset>,
}

/// A hop's times by the clock here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Corrected {
    /// The offset of its own clock from the clock here.
    pub(super) own: Offset,
    /// The same of its caller's.
    pub(super) callers: Offset,
}

const NONE: Offset = Offset { offset_ns: 0.0, uncertainty_ns: 0.0 };
const UNKNOWN: Offset = Offset { offset_ns: 0.0, uncertainty_ns: f64::INFINITY };

impl Clocks {
    /// From all trees that were called.
    pub(super) fn of<'a>(trees: impl IntoIterator<Item = (&'a TimedCall, &'a [Hop])>) -> Clocks {
        let mut exchanges = BTreeMap::<(Clock, Clock), Vec<Exchange>>::new();
        for (call, hops) in trees {
            for hop in hops {
                if let Some((pair, exchange)) = exchange(call, hops, hop) {
                    exchanges.entry(pair).or_default().push(exchange);
                }
            }
        }
        let estimated = exchanges.into_iter().filter_map(|(pair, all)| Some((pair, ClockOffset::estimate(&all)?)));
        Clocks { offsets: estimated.collect() }
    }

    /// The offsets of a tree's hops, in their order: each is its caller's and what lies between them, and so are the
    /// uncertainties.
    pub(super) fn correct(&self, call: &TimedCall, hops: &[Hop]) -> Vec<Corrected> {
        let mut corrected: Vec<Corrected> = Vec::with_capacity(hops.len());
        for hop in hops {
            let callers = match hop.caller {
                None => NONE,
                // A hop's caller is before it.
                Some(caller) => corrected.get(caller).map_or(UNKNOWN, |caller| caller.own),
            };
            let between = exchange(call, hops, hop).and_then(|(pair, exchange)| {
                let middle = exchange.sent_unix_ns + exchange.total_ns / 2;
                Some(self.offsets.get(&pair)?.at(middle))
            });
            let own = between.map_or(UNKNOWN, |between| Offset {
                offset_ns: callers.offset_ns + between.offset_ns,
                uncertainty_ns: callers.uncertainty_ns + between.uncertainty_ns,
            });
            corrected.push(Corrected { own, callers });
        }
        corrected
    }
}

/// What one hop says of its caller's clock and its own.
fn exchange(call: &TimedCall, hops: &[Hop], hop: &Hop) -> Option<((Clock, Clock), Exchange)> {
    let Executed { start_unix_ns: there_start_unix_ns, length_ns: there_ns } = hop.executed?;
    let (sent_unix_ns, total_ns, from) = match hop.caller {
        None => (call.start_unix_ns, call.total_ns, HERE.to_owned()),
        Some(caller) => {
            let Invoked { start_unix_ns, length_ns } = hop.invoked?;
            (start_unix_ns, length_ns, clock(hops.get(caller)?))
        }
    };
    Some(((from, clock(hop)), Exchange { sent_unix_ns, total_ns, there_start_unix_ns, there_ns }))
}

/// An instance that does not tell its name is taken as another each time.
fn clock(hop: &Hop) -> Clock {
    hop.instance.clone().unwrap_or_else(|| hop.identifier.clone())
}
