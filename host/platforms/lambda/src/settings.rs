//! A deployment's limits and scale as Lambda's own numbers; what Lambda can't keep is refused.

use platform::{DeploymentSpec, Limits, PlatformError, Scale};

use crate::report::MEGABYTE;

/// Memory that a function can have, MB.
pub(crate) const MEMORY: (u64, u64) = (128, 10_240);
/// Memory of a function that nobody said anything of, MB: what the local platforms give.
const DEFAULT_MEMORY: u64 = 512;
/// Longest invocation, s.
const TIME: (u64, u64) = (1, 900);
/// That of a function that nobody said anything of, s.
const DEFAULT_TIME: u64 = 60;
/// The scratch disk, MB.
const SCRATCH: (u64, u64) = (512, 10_240);
/// Memory with which a function has one processor, MB: they grow together.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
const MEMORY_PER_CPU: f64 = 1769.0;

/// Numbers of a function's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Memory, MB.
    pub(crate) memory_mb: i32,
    /// Longest invocation, s.
    pub(crate) time_s: i32,
    /// The scratch disk, MB.
    pub(crate) scratch_mb: i32,
    /// Instances that are started before they are asked for.
    pub(crate) minimum: Option<i32>,
    /// Invocations at once: Lambda's reserved concurrency.
    pub(crate) maximum: Option<i32>,
}

impl Settings {
    /// Those of a deployment.
    ///
    /// # Errors
    /// When Lambda can't keep one.
    pub(crate) fn new(spec: &DeploymentSpec) -> Result<Settings, PlatformError> {
        let Limits { memory_bytes, cpus, time, scratch_bytes, log_bytes } = spec.limits;
        let memory = megabytes("--memory", memory_bytes, MEMORY, DEFAULT_MEMORY)?;
        if let Some(cpus) = cpus {
            let enough = (cpus * MEMORY_PER_CPU).ceil();
            let advice = if (MEMORY.0 as f64..=MEMORY.1 as f64).contains(&enough) {
                format!("leave it away, and for this share give --memory {enough}MiB")
            } else {
                "leave it away".to_owned()
            };
            return Err(invalid(format!(
                "lambda gives processors by memory, one per 1,769 MB, so --cpu {cpus} can't be kept; {advice}"
            )));
        }
        if log_bytes.is_some() {
            return Err(invalid("lambda does not bound what a function prints; leave that limit away".to_owned()));
        }
        let time_s = match time {
            None => DEFAULT_TIME,
            Some(time) if time.subsec_nanos() == 0 && (TIME.0..=TIME.1).contains(&time.as_secs()) => time.as_secs(),
            Some(time) => {
                return Err(invalid(format!(
                    "lambda ends invocations after {} to {} whole seconds, so --timeout {} s can't be kept",
                    TIME.0,
                    TIME.1,
                    time.as_secs_f64()
                )));
            }
        };
        let (minimum, maximum) = concurrency(&spec.scale)?;
        Ok(Settings {
            memory_mb: small(memory),
            time_s: small(time_s),
            scratch_mb: small(megabytes("the scratch disk", scratch_bytes, SCRATCH, SCRATCH.0)?),
            minimum,
            maximum,
        })
    }

    /// What was asked for, with Lambda's own numbers filled in.
    pub(crate) fn fill(&self, spec: &mut DeploymentSpec) {
        let bytes = |megabytes: i32| Some(u64::from(megabytes.unsigned_abs()) * MEGABYTE);
        spec.limits.memory_bytes = bytes(self.memory_mb);
        spec.limits.scratch_bytes = bytes(self.scratch_mb);
        spec.limits.time = Some(std::time::Duration::from_secs(u64::from(self.time_s.unsigned_abs())));
        spec.scale.concurrency = Some(1);
    }
}

/// The minimum and the maximum of a scale; a minimum of 0 is kept, as it takes away what there is.
///
/// # Errors
/// When Lambda can't keep something of it.
pub(crate) fn concurrency(scale: &Scale) -> Result<(Option<i32>, Option<i32>), PlatformError> {
    if scale.concurrency.is_some_and(|concurrency| concurrency != 1) {
        return Err(invalid(
            "an instance of lambda serves one invocation at a time; leave --concurrency away".to_owned(),
        ));
    }
    if scale.keep_alive.is_some() {
        return Err(invalid("lambda keeps idle instances as long as it likes; leave --keep-alive away".to_owned()));
    }
    if scale.queue.is_some() {
        return Err(invalid(
            "lambda refuses invocations that find no instance, and queues none; leave --queue away".to_owned(),
        ));
    }
    let number = |what: &str, value: Option<u32>| {
        value.map(|value| i32::try_from(value).map_err(|_| invalid(format!("{what} {value} is too many")))).transpose()
    };
    let (minimum, maximum) = (number("--min", scale.minimum_instances)?, number("--max", scale.maximum_instances)?);
    if maximum == Some(0) {
        return Err(invalid("with --max 0 lambda would refuse every invocation; give at least 1".to_owned()));
    }
    if let (Some(minimum), Some(maximum)) = (minimum, maximum)
        && minimum > maximum
    {
        return Err(invalid(format!("--min {minimum} is more than --max {maximum}")));
    }
    Ok((minimum, maximum))
}

/// Bytes as whole MB, rounded down so that the limit holds.
fn megabytes(what: &str, bytes: Option<u64>, (least, most): (u64, u64), default: u64) -> Result<u64, PlatformError> {
    let Some(bytes) = bytes else { return Ok(default) };
    let megabytes = bytes / MEGABYTE;
    if (least..=most).contains(&megabytes) {
        return Ok(megabytes);
    }
    Err(invalid(format!("lambda has {least} to {most} MiB for {what}, and {bytes} bytes are asked for")))
}

/// All of Lambda's numbers are below 10,241.
fn small(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn invalid(message: String) -> PlatformError {
    PlatformError::Invalid(message)
}
