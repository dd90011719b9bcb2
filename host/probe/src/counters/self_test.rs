//! Do this machine's counters count, and how many of them at once?
//!
//! The kernel's number of counters can't be trusted on virtual machines: one was found where the sixth always read 0
//! while claiming to run. So groups of 1 to 8 identical `instructions` events count the same loop, and the largest group in
//! which all agree is what a pass may use.

use std::hint::black_box;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::code::{EventCode, Primitive};
use super::cpu::Cpu;
use super::error::{CounterError, paranoid};
use super::group::{CounterGroup, Kernel};
use super::names::kernel_name;
use super::plan::Pass;

/// The most identical events tried at once.
const MOST: u32 = 8;
/// A loop of so many turns has more instructions than that.
const TURNS: u64 = 2_000_000;
/// Tries per size; more than half must agree, as a single disturbed reading says nothing of the counters.
const TRIES: u32 = 3;
/// Counts agree when the least and the greatest are within 1 % of each other.
const TOLERANCE_PERCENT: u64 = 1;

/// How a group of identical events did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trial {
    /// How many identical events.
    pub events: u32,
    /// Whether more than half of the tries agreed.
    pub agreed: bool,
    /// What the counters of the last try gave; empty when the group wasn't opened.
    pub counts: Vec<u64>,
    /// Why it wasn't accepted.
    pub reason: Option<String>,
}

/// What can be counted on this machine, as found by trying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SelfTest {
    /// The processor; absent on one that isn't x86.
    pub cpu: Option<Cpu>,
    /// How many of the processor's counters count truly at once; 0 when none does.
    pub usable_counters: u32,
    /// The groups that were tried.
    pub trials: Vec<Trial>,
    /// Why there are no hardware counters, and what to do; absent when there are.
    pub hardware_absent: Option<String>,
    /// Why there are no software counters; absent when there are.
    pub software_absent: Option<String>,
    /// Whether software events may include what happens in the kernel.
    pub kernel_allowed: bool,
    /// `kernel.perf_event_paranoid`.
    pub paranoid: Option<i32>,
}

impl SelfTest {
    /// Tries the counters on the calling thread. Takes some tens of milliseconds.
    #[must_use]
    pub fn run() -> Self {
        // `page-faults` is known to every kernel that counts at all.
        let software = kernel_name("page-faults").map(|known| Primitive::of(known.code));
        let opens = |kernel| -> Result<(), CounterError> {
            software.map_or(Err(CounterError::Empty), |primitive| open(primitive, 1, kernel).map(drop))
        };
        let kernel_allowed = opens(Kernel::Included).is_ok();
        let software_absent =
            if kernel_allowed { None } else { opens(Kernel::Excluded).err().map(|error| error.advice()) };
        let trials = try_sizes(|events| count_loop(Primitive::of(EventCode::INSTRUCTIONS), events));
        let usable_counters = trials.iter().take_while(|trial| trial.agreed).count() as u32;
        let hardware_absent = (usable_counters == 0)
            .then(|| trials.first().and_then(|trial| trial.reason.clone()))
            .map(|reason| reason.unwrap_or_else(|| "the counters give no true counts".to_owned()));
        Self {
            cpu: Cpu::this().ok(),
            usable_counters,
            trials,
            hardware_absent,
            software_absent,
            kernel_allowed,
            paranoid: paranoid(),
        }
    }

    /// How software events are opened on this machine.
    #[must_use]
    pub fn kernel(&self) -> Kernel {
        if self.kernel_allowed { Kernel::Included } else { Kernel::Excluded }
    }
}

/// One try: the counts of all events of the group, or why there are none.
type Try = Result<Vec<u64>, String>;

fn try_sizes(mut count: impl FnMut(u32) -> Try) -> Vec<Trial> {
    let mut trials: Vec<Trial> = Vec::new();
    for events in 1..=MOST {
        let mut trial = Trial { events, agreed: false, counts: Vec::new(), reason: None };
        let mut agreed = 0;
        for _ in 0..TRIES {
            match count(events) {
                Ok(counts) => {
                    match disagreement(&counts) {
                        None => agreed += 1,
                        reason => trial.reason = reason,
                    }
                    trial.counts = counts;
                }
                Err(reason) => trial.reason = Some(reason),
            }
        }
        trial.agreed = agreed * 2 > TRIES;
        if trial.agreed {
            trial.reason = None;
        }
        let refused = !trial.agreed && trial.counts.is_empty();
        trials.push(trial);
        // What was refused is refused for every larger group too.
        if refused {
            break;
        }
    }
    trials
}

fn disagreement(counts: &[u64]) -> Option<String> {
    let (least, greatest) = (counts.iter().min()?, counts.iter().max()?);
    if *least < TURNS {
        return Some(format!("a counter gave {least} for a loop of more than {TURNS} instructions"));
    }
    // Both are far below 2^57, so this doesn't overflow.
    ((greatest - least).saturating_mul(100) > greatest.saturating_mul(TOLERANCE_PERCENT))
        .then(|| format!("identical counters gave {least} and {greatest} for the same loop"))
}

fn open(primitive: Primitive, events: u32, kernel: Kernel) -> Result<CounterGroup, CounterError> {
    let primitives = vec![primitive; events as usize];
    CounterGroup::open(&Pass { index: 0, primitives, events: Vec::new() }, kernel)
}

fn count_loop(primitive: Primitive, events: u32) -> Try {
    let counted = open(primitive, events, Kernel::Excluded).and_then(|mut group| {
        group.start()?;
        let (_, counts) = group.around(|| {
            for turn in 0..TURNS {
                black_box(turn);
            }
        })?;
        group.stop()?;
        Ok(counts)
    });
    match counted {
        Err(error) => Err(error.advice()),
        Ok(counts) if counts.multiplexed() => Err(format!(
            "the group was on the counters for {} of {} ns only: another program uses them",
            counts.time_running_ns, counts.time_enabled_ns
        )),
        Ok(counts) => Ok(counts.counts),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn usable(count: impl FnMut(u32) -> Try) -> (u32, Vec<Trial>) {
        let trials = try_sizes(count);
        (trials.iter().take_while(|trial| trial.agreed).count() as u32, trials)
    }

    #[test]
    fn a_dead_sixth_counter_leaves_five() {
        let (usable, trials) = usable(|events| {
            if events > 6 {
                return Err("refused".into());
            }
            Ok((0..events).map(|index| if index == 5 { 0 } else { 6_000_000 + u64::from(index) }).collect())
        });
        assert_eq!(usable, 5);
        assert!(trials[5].reason.as_deref().unwrap().contains("gave 0"));
        assert_eq!(trials.len(), 7, "nothing is tried beyond what was refused");
    }

    #[test]
    fn one_disturbed_try_is_outvoted() {
        let mut call = 0;
        let (usable, _) = usable(|events| {
            call += 1;
            Ok(vec![if call == 2 { 0 } else { 6_000_000 }; events as usize])
        });
        assert_eq!(usable, MOST);
    }

    #[test]
    fn counters_more_than_a_hundredth_apart_disagree() {
        assert_eq!(disagreement(&[3_000_000, 3_030_000]), None);
        assert!(disagreement(&[3_000_000, 3_040_000]).is_some());
        assert!(disagreement(&[3_000_000, 0]).is_some());
    }

    #[test]
    fn without_counters_there_is_a_reason() {
        let (usable, trials) = usable(|_| Err("no unit".into()));
        assert_eq!((usable, trials.len()), (0, 1));
        assert_eq!(trials[0].reason.as_deref(), Some("no unit"));
    }

    #[test]
    fn identical_software_counters_agree_through_the_same_code() {
        let Some(known) = kernel_name("page-faults") else { panic!("a name of the kernel's") };
        for events in 1..=MOST {
            match open(Primitive::of(known.code), events, Kernel::Excluded) {
                Err(error) => return eprintln!("skipped: {error}"),
                Ok(mut group) => {
                    group.start().unwrap();
                    let (_, counts) = group.around(|| black_box(vec![1u8; 4 << 20])).unwrap();
                    assert!(counts.counts.iter().all(|count| *count == counts.counts[0]), "{counts:?}");
                    assert_eq!(counts.counts.len(), events as usize);
                }
            }
        }
    }

    #[test]
    fn the_report_of_this_machine_is_consistent() {
        let report = SelfTest::run();
        assert_eq!(report.usable_counters == 0, report.hardware_absent.is_some());
        assert!(report.software_absent.is_none() || !report.kernel_allowed);
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<SelfTest>(&text).unwrap(), report);
    }
}
