//! Counter groups that stay open over a worker's life.

use super::message::CounterReadings;
use crate::probe::counters::{CounterError, CounterGroup, CounterSampler, GroupCounts, Kernel, Pass, Trigger};

/// Empty brackets from which the group's own share is taken.
const EMPTY_BRACKETS: usize = 9;

/// The groups opened so far. They run from then on, because starting and stopping costs thirty times what reading does.
#[derive(Default)]
pub(super) struct Counters {
    open: Vec<OpenGroup>,
}

struct OpenGroup {
    group: CounterGroup,
    /// What reading itself adds between two readings.
    empty: GroupCounts,
}

impl OpenGroup {
    fn open(pass: &Pass, kernel: Kernel) -> Result<OpenGroup, CounterError> {
        let mut group = CounterGroup::open(pass, kernel)?;
        group.start()?;
        let mut brackets = Vec::with_capacity(EMPTY_BRACKETS);
        for _ in 0..EMPTY_BRACKETS {
            brackets.push(group.around(|| ())?.1);
        }
        // The least of each: what every bracket has at the least. Times are the group's own, and not taken off.
        let least = |index: usize| brackets.iter().filter_map(|bracket| bracket.counts.get(index)).min().copied();
        let counts = (0..pass.primitives.len()).map(|index| least(index).unwrap_or(0)).collect();
        Ok(OpenGroup { group, empty: GroupCounts { time_enabled_ns: 0, time_running_ns: 0, counts } })
    }
}

impl Counters {
    /// Counts `pass` around a call, which is made in any case.
    pub(super) fn totals(&mut self, pass: &Pass, kernel: Kernel, call: &mut dyn FnMut()) -> CounterReadings {
        let mut called = false;
        let counted = self.count(pass, kernel, &mut || {
            called = true;
            call();
        });
        if !called {
            call();
        }
        match counted {
            Ok(readings) => readings,
            Err(error) => CounterReadings { values: None, series: None, unread: Some(error.to_string()) },
        }
    }

    fn count(&mut self, pass: &Pass, kernel: Kernel, call: &mut dyn FnMut()) -> Result<CounterReadings, CounterError> {
        let position = self.open.iter().position(|open| open.group.pass() == pass);
        let position = match position {
            Some(position) => position,
            None => {
                // Groups of other passes would share the processor's counters with this one.
                self.open.clear();
                self.open.push(OpenGroup::open(pass, kernel)?);
                0
            }
        };
        let open = &mut self.open[position];
        let ((), counts) = open.group.around(call)?;
        let values = open.group.values(&counts.since(&open.empty));
        Ok(CounterReadings { values: Some(values), series: None, unread: None })
    }

    /// Reads `pass` whenever `trigger` fires during a call, which is made in any case.
    pub(super) fn series(
        &mut self,
        pass: &Pass,
        trigger: Trigger,
        kernel: Kernel,
        call: &mut dyn FnMut(),
    ) -> CounterReadings {
        self.open.clear();
        let mut called = false;
        let sampled = CounterSampler::open(pass, trigger, kernel).and_then(|mut sampler| {
            sampler.start()?;
            called = true;
            call();
            sampler.stop()
        });
        if !called {
            call();
        }
        match sampled {
            Ok(series) => CounterReadings { values: None, series: Some(series), unread: None },
            Err(error) => CounterReadings { values: None, series: None, unread: Some(error.to_string()) },
        }
    }
}
