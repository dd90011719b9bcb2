//! A group of counters on the calling thread, opened, started and read together.

use std::io;

use perf_event::events::Software;
use perf_event::{Builder, Counter, ReadFormat};

use super::code::Primitive;
use super::error::CounterError;
use super::names::happens_in_kernel;
use super::plan::Pass;
use super::reading::{GroupCounts, PassValues, evaluate};

/// Whether software events may include what happens in the kernel. Hardware events never do: user mode is what the
/// function did, and is allowed to everyone at `perf_event_paranoid` 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Software events count the kernel too (page faults in system calls, context switches).
    Included,
    /// User mode alone.
    Excluded,
}

/// Counters of one pass on the thread that opened them and, where the kernel allows it, on threads that it starts later.
#[derive(Debug)]
pub struct CounterGroup {
    pass: Pass,
    leader: Counter,
    members: Vec<Counter>,
    inherited: bool,
}

impl CounterGroup {
    /// Opens the counters of `pass` for the calling thread. They stand still until [`Self::start`].
    ///
    /// # Errors
    /// The kernel refuses one of them; the error says which and why.
    pub fn open(pass: &Pass, kernel: Kernel) -> Result<Self, CounterError> {
        Self::open_on(pass, kernel, None)
    }

    /// Opens the counters of `pass` for a thread of any process, and those that it starts later.
    ///
    /// # Errors
    /// The kernel refuses one of them: for another user's process it asks for CAP_PERFMON.
    pub fn open_for_thread(pass: &Pass, kernel: Kernel, thread: u32) -> Result<Self, CounterError> {
        Self::open_on(pass, kernel, Some(thread))
    }

    fn open_on(pass: &Pass, kernel: Kernel, thread: Option<u32>) -> Result<Self, CounterError> {
        // Counting threads started later together with group reads is refused by older kernels, and by some units.
        let (leader, members, inherited) = match open_all(&pass.primitives, kernel, thread, true) {
            Ok((leader, members)) => (leader, members, true),
            Err(_) => {
                let (leader, members) = open_all(&pass.primitives, kernel, thread, false)?;
                (leader, members, false)
            }
        };
        Ok(Self { pass: pass.clone(), leader, members, inherited })
    }

    /// Whether threads that the opening thread starts later are counted too.
    #[must_use]
    pub fn counts_new_threads(&self) -> bool {
        self.inherited
    }

    /// The pass that this counts.
    #[must_use]
    pub fn pass(&self) -> &Pass {
        &self.pass
    }

    /// Lets all counters run. Start once and take differences of [`Self::read`]: starting and stopping costs much more
    /// than reading (0.3 ms against 10 us on a virtual machine where both trap).
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn start(&mut self) -> Result<(), CounterError> {
        self.leader.enable().map_err(|source| CounterError::Use { action: "started", source })
    }

    /// Stops all counters; their counts stay.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn stop(&mut self) -> Result<(), CounterError> {
        self.leader.disable().map_err(|source| CounterError::Use { action: "stopped", source })
    }

    /// All counts, taken together.
    ///
    /// # Errors
    /// The kernel refuses, or gives fewer counters than were opened.
    pub fn read(&mut self) -> Result<GroupCounts, CounterError> {
        let failed = |source| CounterError::Use { action: "read", source };
        let data = self.leader.read_group().map_err(failed)?;
        let (Some(enabled), Some(running)) = (data.time_enabled(), data.time_running()) else {
            return Err(failed(io::Error::other("the kernel gave no times")));
        };
        let counts: Option<Vec<u64>> = std::iter::once(&self.leader)
            .chain(&self.members)
            .map(|counter| data.get(counter).map(|entry| entry.value()))
            .collect();
        Ok(GroupCounts {
            // Both began as 64-bit numbers of nanoseconds.
            time_enabled_ns: enabled.as_nanos() as u64,
            time_running_ns: running.as_nanos() as u64,
            counts: counts.ok_or_else(|| failed(io::Error::other("the kernel left out a counter of the group")))?,
        })
    }

    /// The values of the pass's events from `counts`, normally a difference of two readings.
    #[must_use]
    pub fn values(&self, counts: &GroupCounts) -> PassValues {
        evaluate(self.pass.index, &self.pass.primitives, &self.pass.events, counts)
    }

    /// Calls `measured` with the counters running (which they must have been told to) and gives what was counted
    /// meanwhile, the two readings included.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub fn around<T>(&mut self, measured: impl FnOnce() -> T) -> Result<(T, GroupCounts), CounterError> {
        let before = self.read()?;
        let value = measured();
        let after = self.read()?;
        Ok((value, after.since(&before)))
    }
}

fn open_all(
    primitives: &[Primitive],
    kernel: Kernel,
    thread: Option<u32>,
    inherit: bool,
) -> Result<(Counter, Vec<Counter>), CounterError> {
    let observed = |builder: &mut Builder<'static>| {
        if let Some(thread) = thread.and_then(|thread| libc::pid_t::try_from(thread).ok()) {
            builder.observe_pid(thread);
        }
    };
    let (first, rest) = primitives.split_first().ok_or(CounterError::Empty)?;
    let mut chosen = builder(first, kernel);
    observed(&mut chosen);
    let mut leader = chosen
        .inherit(inherit)
        .read_format(GROUP_FORMAT)
        .build()
        .map_err(|error| CounterError::open(first, 0, &error))?;
    let mut members = Vec::with_capacity(rest.len());
    for primitive in rest {
        let mut chosen = builder(primitive, kernel);
        observed(&mut chosen);
        let member = chosen
            .inherit(inherit)
            .read_format(GROUP_FORMAT)
            // A member counts when its leader does, so only the leader is ever switched. Switching the members too lets a
            // software group of several kinds (clock and events) miss all that comes before the next context switch.
            .enabled(true)
            .build_with_group(&mut leader)
            .map_err(|error| CounterError::open(primitive, members.len() + 1, &error))?;
        members.push(member);
    }
    Ok((leader, members))
}

/// Everything in one read: the two times, and each count with its counter's number.
pub(super) const GROUP_FORMAT: ReadFormat =
    ReadFormat::GROUP.union(ReadFormat::ID).union(ReadFormat::TOTAL_TIME_ENABLED).union(ReadFormat::TOTAL_TIME_RUNNING);

pub(super) fn builder(primitive: &Primitive, kernel: Kernel) -> Builder<'static> {
    let mut builder = Builder::new(Software::DUMMY);
    let attributes = builder.attrs_mut();
    attributes.type_ = primitive.code.kind;
    attributes.config = primitive.code.config;
    attributes.config1 = primitive.code.config1;
    attributes.config2 = primitive.code.config2;
    let included = !primitive.is_hardware() && kernel == Kernel::Included;
    builder.exclude_kernel(!included).exclude_hv(true);
    builder
}

/// Whether counting this in user mode alone would always give 0.
pub(super) fn needs_kernel(primitive: &Primitive) -> bool {
    happens_in_kernel(&primitive.code)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::hint::black_box;

    use super::super::code::{Event, EventCode};
    use super::super::names::resolve;
    use super::super::self_test::SelfTest;
    use super::*;

    /// Software counters can be had wherever the call is allowed; `None` says that it isn't.
    fn open(names: &[&str]) -> Option<CounterGroup> {
        let events: Vec<Event> = names.iter().map(|name| resolve(name, None).unwrap()).collect();
        let primitives = events.iter().flat_map(|event| event.terms.iter().map(|term| term.primitive)).collect();
        let pass = Pass { index: 0, primitives, events };
        for kernel in [Kernel::Included, Kernel::Excluded] {
            match CounterGroup::open(&pass, kernel) {
                Ok(group) => return Some(group),
                Err(error) => eprintln!("skipped with the kernel {kernel:?}: {error}"),
            }
        }
        None
    }

    fn touch(pages: usize) {
        let mut memory = vec![0u8; pages * 4096];
        memory.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
        black_box(&memory);
    }

    #[test]
    fn a_group_counts_between_start_and_stop_only() {
        let Some(mut group) = open(&["task-clock", "page-faults", "minor-faults"]) else { return };
        touch(100);
        assert_eq!(group.read().unwrap().counts, [0, 0, 0]);
        group.start().unwrap();
        // Above the allocator's threshold, so that the pages are new.
        let (_, counts) = group.around(|| touch(20_000)).unwrap();
        group.stop().unwrap();
        assert!(counts.counts[0] > 0, "{counts:?}");
        assert!(counts.counts[1] >= 30, "{counts:?}");
        assert_eq!(counts.counts[1], counts.counts[2]);
        assert!(counts.time_running_ns > 0 && !counts.multiplexed());
        let stopped = group.read().unwrap();
        touch(20_000);
        assert_eq!(group.read().unwrap(), stopped);
        let values = group.values(&counts);
        assert_eq!(values.value("page-faults"), Some(counts.counts[1]));
        assert_eq!(values.instructions, None);
    }

    #[test]
    fn a_group_that_was_stopped_counts_again_at_once() {
        let Some(mut group) = open(&["task-clock", "page-faults"]) else { return };
        for _ in 0..3 {
            group.start().unwrap();
            let (_, counts) = group.around(|| touch(20_000)).unwrap();
            group.stop().unwrap();
            assert!(counts.counts[0] > 0 && counts.counts[1] >= 30, "{counts:?}");
        }
    }

    #[test]
    fn waiting_is_a_context_switch_each_time() {
        let group = open(&["task-clock", "page-faults", "context-switches", "cpu-migrations"]);
        let Some(mut group) = group.filter(|_| SelfTest::run().kernel_allowed) else { return };
        let (_sender, receiver) = std::sync::mpsc::channel::<()>();
        for _ in 0..3 {
            group.start().unwrap();
            let wait = std::time::Duration::from_millis(2);
            let (_, counts) = group.around(|| receiver.recv_timeout(wait)).unwrap();
            group.stop().unwrap();
            assert!(counts.counts[2] >= 1, "{counts:?}");
        }
    }

    #[test]
    fn threads_started_later_are_counted_where_the_kernel_allows_it() {
        let Some(mut group) = open(&["task-clock", "page-faults"]) else { return };
        if !group.counts_new_threads() {
            eprintln!("skipped: this kernel doesn't inherit groups");
            return;
        }
        group.start().unwrap();
        let (_, counts) = group.around(|| std::thread::spawn(|| touch(20_000)).join().unwrap()).unwrap();
        assert!(counts.counts[1] >= 30, "{counts:?}");
    }

    #[test]
    fn a_group_of_nothing_and_an_event_that_is_none_are_refused() {
        let pass = Pass { index: 0, primitives: Vec::new(), events: Vec::new() };
        assert!(matches!(CounterGroup::open(&pass, Kernel::Excluded), Err(CounterError::Empty)));
        let nonsense = Primitive::of(EventCode::new(1, 9999));
        let pass = Pass { index: 0, primitives: vec![nonsense], events: Vec::new() };
        let error = CounterGroup::open(&pass, Kernel::Excluded).unwrap_err();
        assert!(error.errno().is_some() && error.to_string().contains("software:0x270f"), "{error}");
    }
}
