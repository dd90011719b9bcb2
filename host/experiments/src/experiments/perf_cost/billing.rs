//! What a call is billed: as its platform says, or as its price's rule has it.

use std::time::Duration;

use platform::{CallId, Deployment};
use serde::{Deserialize, Serialize};

use super::super::record::handler_ns;
use super::settings::Parameters;
use crate::prices::Bill;
use crate::{Bench, Call, ExperimentError};

/// How often what a platform bills is asked for, where it does not say so with the answer.
const ASKED: u32 = 5;
/// From one time to the next.
const PAUSE: Duration = Duration::from_secs(2);

/// One call that counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Sample {
    /// How long it took for the caller, ns.
    pub(super) client_ns: u64,
    /// In the instance, us, as the platform says; else by the function's own clock.
    pub(super) execution_us: Option<u64>,
    /// Starting the instance, us, where the platform says so.
    pub(super) start_us: Option<u64>,
    /// What the platform bills, us, where it says so.
    pub(super) billed_us: Option<u64>,
    /// Of how much memory, bytes.
    pub(super) billed_memory_bytes: Option<u64>,
    /// Whether it started its instance.
    pub(super) is_cold: bool,
}

/// What a bill rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// The platform's own figure.
    Platform,
    /// The time in the instance.
    Execution,
    /// The time in the instance, where its start is billed too and nothing tells it.
    ExecutionWithoutStart,
    /// The caller's time, with the network in it.
    Caller,
}

impl Source {
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Source::Platform => "the platform's own figure",
            Source::Execution => "computed from the time in the instance",
            Source::ExecutionWithoutStart => {
                "computed from the time in the instance; its start is billed too, and nothing tells it"
            }
            Source::Caller => "computed from the caller's time, with the network in it",
        }
    }
}

impl Sample {
    pub(super) fn of(call: &Call) -> Sample {
        let timings = call.answer.as_ref().map(|answer| answer.timings);
        let billing = call.answer.as_ref().and_then(|answer| answer.billing);
        let execution_ns = timings.and_then(|timings| timings.execution_ns).or_else(|| handler_ns(call));
        Sample {
            client_ns: call.total_ns,
            execution_us: execution_ns.map(|ns| ns.div_ceil(1_000)),
            start_us: timings.and_then(|timings| timings.start_instance_ns).map(|ns| ns.div_ceil(1_000)),
            billed_us: billing.map(|billing| billing.billed_us),
            billed_memory_bytes: billing.and_then(|billing| billing.memory_bytes),
            is_cold: call.is_cold() == Some(true),
        }
    }

    /// What is billed for it, by a price where there is one, with this memory; its cost is 0 without a price. `None`: nothing says
    /// what memory it has.
    pub(super) fn bill(
        &self,
        parameters: &Parameters,
        memory_bytes: Option<u64>,
        cpus: Option<f64>,
    ) -> (Option<Bill>, Source) {
        let memory_bytes = self.billed_memory_bytes.or(memory_bytes);
        let bills_start = parameters.price.as_ref().is_ok_and(|price| price.bills_start);
        let (time_us, source) = match (self.billed_us, self.execution_us) {
            (Some(billed), _) => (billed, Source::Platform),
            (None, Some(execution)) => match self.start_us {
                Some(start) if bills_start => (execution.saturating_add(start), Source::Execution),
                None if bills_start && self.is_cold => (execution, Source::ExecutionWithoutStart),
                _ => (execution, Source::Execution),
            },
            (None, None) => (self.client_ns.div_ceil(1_000), Source::Caller),
        };
        let bill = memory_bytes.map(|memory| match (&parameters.price, source) {
            (Ok(price), Source::Platform) => price.bill_of(time_us, memory, cpus),
            (Ok(price), _) => price.bill(time_us, memory, cpus),
            (Err(_), _) => Bill { billed_us: time_us, memory_bytes: memory, vcpus: None, cost: 0.0 },
        });
        (bill, source)
    }

    /// The billed time alone, us.
    pub(super) fn billed_time_us(&self, parameters: &Parameters) -> u64 {
        // The memory does not change the time.
        self.bill(parameters, Some(1), None).0.map_or(0, |bill| bill.billed_us)
    }
}

/// Asks the platform what it bills for those calls that it did not say it of; bounded, and without what it does not know by then.
pub(super) async fn ask(
    bench: &Bench<'_>,
    deployment: &Deployment,
    samples: &mut [Sample],
    mut left: Vec<(usize, CallId)>,
) -> Result<(), ExperimentError> {
    for round in 0..ASKED {
        if left.is_empty() || !bench.site.platform.capabilities().billing {
            break;
        }
        if round > 0 {
            bench.wait(PAUSE).await?;
        }
        let mut unknown = Vec::new();
        for (index, call) in left {
            bench.going_on()?;
            match bench.site.platform.billing(deployment, &call).await {
                Ok(Some(billing)) => {
                    let sample = &mut samples[index];
                    (sample.billed_us, sample.billed_memory_bytes) = (Some(billing.billed_us), billing.memory_bytes);
                    sample.start_us = sample.start_us.or(billing.start_us);
                }
                Ok(None) => unknown.push((index, call)),
                // What can't be read now is computed, which the finding says.
                Err(_) => {}
            }
        }
        left = unknown;
    }
    Ok(())
}
