//! Which events are counted together: never more of the processor's counters in a pass than count truly here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::code::{Absent, Event, EventCode, Primitive};
use super::error::CounterError;
use super::group::{CounterGroup, needs_kernel};
use super::names::resolve;
use super::self_test::SelfTest;

/// Events that are counted together, over one run of what is measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pass {
    /// From 0.
    pub index: u32,
    /// What the kernel counts. In a pass with hardware counters the first is `instructions`, the key that joins it to the
    /// others.
    pub primitives: Vec<Primitive>,
    /// The events that come out of it.
    pub events: Vec<Event>,
}

impl Pass {
    /// Whether it needs the processor's counters.
    #[must_use]
    pub fn is_hardware(&self) -> bool {
        self.primitives.iter().any(Primitive::is_hardware)
    }
}

/// How a list of events is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CounterPlan {
    /// One run of what is measured for each.
    pub passes: Vec<Pass>,
    /// Events that can't be counted here.
    pub absent: Vec<Absent>,
}

impl CounterPlan {
    /// A plan for the events `names` (see [`resolve`]) on this machine. Each event is first tried alone and then in its
    /// pass, so what the plan contains can be opened. A name given twice counts once.
    #[must_use]
    pub fn new<Name: AsRef<str>>(names: &[Name], self_test: &SelfTest) -> Self {
        let kernel = self_test.kernel();
        Self::with(names, self_test, &|primitives| {
            CounterGroup::open(&Pass { index: 0, primitives: primitives.to_vec(), events: Vec::new() }, kernel)
                .map(drop)
        })
    }

    fn with<Name: AsRef<str>>(
        names: &[Name],
        self_test: &SelfTest,
        opens: &dyn Fn(&[Primitive]) -> Result<(), CounterError>,
    ) -> Self {
        let mut plan = Self::default();
        let mut seen: Vec<String> = Vec::new();
        let (mut hardware, mut software) = (Vec::new(), Vec::new());
        for name in names {
            match resolve(name.as_ref(), self_test.cpu.as_ref()) {
                Ok(event) if seen.contains(&event.name) => {}
                Ok(event) => {
                    seen.push(event.name.clone());
                    if event.is_hardware() { hardware.push(event) } else { software.push(event) }
                }
                Err(absent) => plan.absent.push(absent),
            }
        }
        for event in hardware {
            plan.add_hardware(event, self_test, opens);
        }
        for event in software {
            plan.add_software(event, self_test, opens);
        }
        plan
    }

    fn add_hardware(
        &mut self,
        event: Event,
        self_test: &SelfTest,
        opens: &dyn Fn(&[Primitive]) -> Result<(), CounterError>,
    ) {
        let usable = self_test.usable_counters;
        if usable == 0 {
            let reason = self_test.hardware_absent.clone().unwrap_or_else(|| "no counter counts truly here".to_owned());
            self.absent.push(Absent { name: event.name, reason });
            return;
        }
        // With a single counter there is no room for the joining key.
        let key = (usable > 1).then(|| Primitive::of(EventCode::INSTRUCTIONS));
        let mut alone: Vec<Primitive> = key.into_iter().collect();
        add_missing(&mut alone, &event);
        let needed = counters(&alone);
        if needed > usable {
            let reason = format!("needs {needed} counters at once with `instructions`; {usable} count truly here");
            self.absent.push(Absent { name: event.name, reason });
            return;
        }
        if let Err(error) = opens(&alone) {
            self.absent.push(Absent { name: event.name, reason: error.advice() });
            return;
        }
        for pass in &mut self.passes {
            let mut together = pass.primitives.clone();
            add_missing(&mut together, &event);
            let unchanged = together.len() == pass.primitives.len();
            // Some events run on certain counters only, so a group may be refused though there are enough.
            if unchanged || (counters(&together) <= usable && opens(&together).is_ok()) {
                pass.primitives = together;
                pass.events.push(event);
                return;
            }
        }
        self.passes.push(Pass { index: self.passes.len() as u32, primitives: alone, events: vec![event] });
    }

    fn add_software(
        &mut self,
        event: Event,
        self_test: &SelfTest,
        opens: &dyn Fn(&[Primitive]) -> Result<(), CounterError>,
    ) {
        let mut alone = Vec::new();
        add_missing(&mut alone, &event);
        let hidden = !self_test.kernel_allowed && alone.iter().any(needs_kernel);
        let reason = match opens(&alone) {
            _ if hidden => Some(format!(
                "it happens in the kernel, which this user may not count (kernel.perf_event_paranoid is {}): lower it to 1, \
                 or give CAP_PERFMON; `getrusage` counts context switches without",
                self_test.paranoid.map_or("unknown".to_owned(), |level| level.to_string())
            )),
            Err(error) => Some(error.advice()),
            Ok(()) => None,
        };
        if let Some(reason) = reason {
            self.absent.push(Absent { name: event.name, reason });
            return;
        }
        // They take no counter, so they ride in the first pass.
        if let Some(pass) = self.passes.first_mut() {
            let mut together = pass.primitives.clone();
            add_missing(&mut together, &event);
            if opens(&together).is_ok() {
                pass.primitives = together;
                pass.events.push(event);
                return;
            }
        }
        self.passes.push(Pass { index: self.passes.len() as u32, primitives: alone, events: vec![event] });
    }
}

fn add_missing(primitives: &mut Vec<Primitive>, event: &Event) {
    for term in &event.terms {
        if !primitives.iter().any(|primitive| primitive.code == term.primitive.code) {
            primitives.push(term.primitive);
        }
    }
}

fn counters(primitives: &[Primitive]) -> u32 {
    primitives.iter().map(|primitive| primitive.counters).sum()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::cpu::Cpu;
    use super::*;

    fn machine(usable_counters: u32) -> SelfTest {
        SelfTest {
            cpu: Some(Cpu { vendor_id: "AuthenticAMD".into(), family: 25, model: 1, model_name: String::new() }),
            usable_counters,
            trials: Vec::new(),
            hardware_absent: (usable_counters == 0).then(|| "no unit".to_owned()),
            software_absent: None,
            kernel_allowed: true,
            paranoid: Some(2),
        }
    }

    fn plan(names: &[&str], machine: &SelfTest) -> CounterPlan {
        CounterPlan::with(names, machine, &|_| Ok(()))
    }

    fn names(pass: &Pass) -> Vec<&str> {
        pass.events.iter().map(|event| event.name.as_str()).collect()
    }

    #[test]
    fn no_pass_has_more_counters_than_count_truly_and_each_has_instructions() {
        let wanted = ["TOT_INS", "TOT_CYC", "LST_INS", "BR_INS", "BR_MSP", "L1_DCM", "L2_TCM", "TLB_DM", "FP_OPS"];
        for usable in 2..=8 {
            let plan = plan(&wanted, &machine(usable));
            let planned: usize = plan.passes.iter().map(|pass| pass.events.len()).sum();
            assert_eq!(planned + plan.absent.len(), wanted.len());
            for (index, pass) in plan.passes.iter().enumerate() {
                assert_eq!(pass.index as usize, index);
                assert!(counters(&pass.primitives) <= usable);
                assert_eq!(pass.primitives[0].code, EventCode::INSTRUCTIONS);
            }
        }
    }

    #[test]
    fn an_event_that_takes_two_counters_is_planned_as_such() {
        let two_short = plan(&["FP_OPS"], &machine(2));
        assert!(two_short.passes.is_empty());
        assert!(two_short.absent[0].reason.contains("needs 3 counters"), "{two_short:?}");
        assert_eq!(plan(&["FP_OPS"], &machine(3)).passes.len(), 1);
    }

    #[test]
    fn instructions_themselves_need_no_pass_of_their_own() {
        let plan = plan(&["BR_INS", "TOT_INS", "instructions", "PAPI_TOT_INS"], &machine(2));
        assert_eq!(plan.passes.len(), 1);
        assert_eq!(names(&plan.passes[0]), ["BR_INS", "TOT_INS", "instructions"]);
    }

    #[test]
    fn a_single_counter_counts_without_the_key() {
        let plan = plan(&["TOT_INS", "BR_INS"], &machine(1));
        assert_eq!(plan.passes.len(), 2);
        assert!(plan.passes.iter().all(|pass| pass.primitives.len() == 1));
    }

    #[test]
    fn without_counters_hardware_is_absent_and_software_is_planned() {
        let plan = plan(&["TOT_INS", "task-clock", "page-faults"], &machine(0));
        assert_eq!(plan.absent, [Absent { name: "TOT_INS".into(), reason: "no unit".into() }]);
        assert_eq!(names(&plan.passes[0]), ["task-clock", "page-faults"]);
        assert!(!plan.passes[0].is_hardware());
    }

    #[test]
    fn software_rides_with_the_first_hardware_pass() {
        let plan = plan(&["task-clock", "TOT_CYC"], &machine(4));
        assert_eq!(names(&plan.passes[0]), ["TOT_CYC", "task-clock"]);
    }

    #[test]
    fn what_happens_in_the_kernel_is_absent_where_the_kernel_may_not_be_counted() {
        let machine = SelfTest { kernel_allowed: false, ..machine(0) };
        let plan = plan(&["context-switches", "page-faults"], &machine);
        assert_eq!(plan.absent[0].name, "context-switches");
        assert_eq!(names(&plan.passes[0]), ["page-faults"]);
    }

    #[test]
    fn a_group_that_the_kernel_refuses_is_divided() {
        let refuse_three = |primitives: &[Primitive]| {
            if primitives.len() > 2 { Err(CounterError::Empty) } else { Ok(()) }
        };
        let plan = CounterPlan::with(&["BR_INS", "BR_MSP"], &machine(6), &refuse_three);
        assert_eq!(plan.passes.len(), 2);
        let refuse_all = |_: &[Primitive]| Err(CounterError::Empty);
        let plan = CounterPlan::with(&["BR_INS", "task-clock", "none"], &machine(6), &refuse_all);
        assert_eq!((plan.passes.len(), plan.absent.len()), (0, 3));
    }

    #[test]
    fn the_plan_for_this_machine_can_be_opened() {
        let self_test = SelfTest::run();
        let plan = CounterPlan::new(&["TOT_INS", "TOT_CYC", "task-clock", "page-faults"], &self_test);
        for pass in &plan.passes {
            let mut group = CounterGroup::open(pass, self_test.kernel()).unwrap();
            group.start().unwrap();
            assert_eq!(group.read().unwrap().counts.len(), pass.primitives.len());
        }
        assert!(plan.absent.iter().all(|absent| !absent.reason.is_empty()));
    }
}
