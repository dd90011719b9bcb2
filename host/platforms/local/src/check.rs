//! What a deployment may ask for.

use std::time::Duration;

use platform::{DeploymentSpec, PlatformError};

use crate::driver::Driver;

/// Longest name, characters: that of a DNS label, as names are on most platforms.
const LONGEST_NAME: usize = 63;
/// Longest time limit: with the waiting before it and the grace after it, it stays within what clocks can tell.
const LONGEST_TIME: Duration = Duration::from_secs(86_400);
/// Most instances of one deployment.
const MOST_INSTANCES: u32 = 10_000;
/// Most invocations at once in one instance.
const MOST_CONCURRENCY: u32 = 1_000;
/// Longest queue: each who waits takes memory.
const LONGEST_QUEUE: u32 = 1_000_000;

/// The specification with all that it left open filled in.
///
/// # Errors
/// When it asks for something that can't be.
pub(crate) fn completed(spec: &DeploymentSpec, driver: &dyn Driver) -> Result<DeploymentSpec, PlatformError> {
    let mut spec = spec.clone();
    let (scale, limits) = driver.defaults();
    spec.scale.minimum_instances = spec.scale.minimum_instances.or(scale.minimum_instances);
    // A minimum above the default maximum raises that.
    let at_least = scale.maximum_instances.max(spec.scale.minimum_instances);
    spec.scale.maximum_instances = spec.scale.maximum_instances.or(at_least);
    spec.scale.concurrency = spec.scale.concurrency.or(scale.concurrency);
    spec.scale.keep_alive = spec.scale.keep_alive.or(scale.keep_alive);
    spec.scale.queue = spec.scale.queue.or(scale.queue);
    spec.limits.memory_bytes = spec.limits.memory_bytes.or(limits.memory_bytes);
    spec.limits.cpus = spec.limits.cpus.or(limits.cpus);
    spec.limits.time = spec.limits.time.or(limits.time);
    spec.limits.scratch_bytes = spec.limits.scratch_bytes.or(limits.scratch_bytes);
    spec.limits.log_bytes = spec.limits.log_bytes.or(limits.log_bytes);
    check(&spec, driver).map_err(PlatformError::Invalid)?;
    Ok(spec)
}

fn check(spec: &DeploymentSpec, driver: &dyn Driver) -> Result<(), String> {
    let platform = driver.platform();
    let name = &spec.name;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_plain) {
        let shown: String = name.chars().take(LONGEST_NAME).collect();
        return Err(format!("the name {shown:?} is not valid: give 1 to {LONGEST_NAME} letters, digits or '-'"));
    }
    if spec.image.kind != driver.image_kind() {
        return Err(format!(
            "{platform} takes images of the kind {:?}, not {:?}; build one with `faasbench build --platform {platform}`",
            driver.image_kind(),
            spec.image.kind
        ));
    }
    let scale = &spec.scale;
    if scale.maximum_instances == Some(0) {
        return Err(format!("{name} would never have an instance: give a maximum of 1 or more"));
    }
    let bounds = [
        ("instances at least", scale.minimum_instances, MOST_INSTANCES),
        ("instances at most", scale.maximum_instances, MOST_INSTANCES),
        ("invocations at once in an instance", scale.concurrency, MOST_CONCURRENCY),
        ("invocations that wait", scale.queue, LONGEST_QUEUE),
    ];
    for (what, asked, most) in bounds {
        if let Some(asked) = asked.filter(|asked| *asked > most) {
            return Err(format!("{name} asks for {asked} {what}; give {most} or fewer"));
        }
    }
    if scale.minimum_instances > scale.maximum_instances {
        return Err(format!("the minimum of instances of {name} is above the maximum"));
    }
    if scale.concurrency == Some(0) {
        return Err(format!("an instance of {name} would serve nothing: give a concurrency of 1 or more"));
    }
    if scale.concurrency.is_some_and(|concurrency| concurrency > 1) && !driver.capabilities().concurrency {
        return Err(format!(
            "{platform} can't serve several invocations at once in one instance; leave concurrency at 1"
        ));
    }
    if spec.limits.time.is_some_and(|time| time.is_zero()) {
        return Err(format!("the time limit of {name} is zero: give more, or leave it out"));
    }
    if let Some(time) = spec.limits.time.filter(|time| *time > LONGEST_TIME) {
        return Err(format!(
            "the time limit of {name} is {} s; give {} s or less",
            time.as_secs_f64(),
            LONGEST_TIME.as_secs()
        ));
    }
    if spec.limits.cpus.is_some_and(|cpus| !cpus.is_finite() || cpus <= 0.0) {
        return Err(format!("the share of processors of {name} is not a positive number"));
    }
    Ok(())
}
