//! What Cloud Run takes.

use image_kind::ImageKind;
use platform::{Allowed, DeploymentSpec, Limits, PlatformError, Scale};

use crate::{ExecutionEnvironment, Options, regions};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// Processors of an instance, from one up.
const WHOLE_CPUS: [f64; 5] = [1.0, 2.0, 4.0, 6.0, 8.0];

/// Variables that Cloud Run sets itself, and refuses to be given.
const RESERVED: [&str; 4] = ["PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"];

fn invalid(text: String) -> PlatformError {
    PlatformError::Invalid(text)
}

/// Refuses a project or a region that can't be one.
pub(crate) fn place(project: &str, region: &str, options: &Options) -> Result<(), PlatformError> {
    let is_first = |byte: &u8| byte.is_ascii_lowercase();
    // A project of a domain has its domain before a colon.
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b':');
    if !(4..=63).contains(&project.len())
        || !project.bytes().all(plain)
        || !project.as_bytes().first().is_some_and(is_first)
    {
        return Err(invalid(format!(
            "`{project}` can't be a project's id: give 6 to 30 lower-case letters, digits or `-`, beginning with a letter"
        )));
    }
    if !regions::has_form(region) {
        return Err(invalid(format!("`{region}` can't be a region; give one as in `region = \"europe-west1\"`")));
    }
    if !regions::is_listed(region) && !options.unlisted_region {
        return Err(invalid(format!(
            "Cloud Run has no region `{region}` that is known here; where it is a new one, set `unlisted-region = true`"
        )));
    }
    Ok(())
}

/// Refuses an account that can't be let in by a service.
pub(crate) fn account(options: &Options) -> Result<(), PlatformError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'@');
    match &options.service_account {
        Some(account) if account.split('@').count() != 2 || !account.bytes().all(plain) => Err(invalid(format!(
            "`{account}` can't be a service account; give its address as in `service-account = \"lab@my-project.iam.gserviceaccount.com\"`"
        ))),
        _ => Ok(()),
    }
}

/// Refuses what Cloud Run can't keep.
pub(crate) fn spec(spec: &DeploymentSpec, options: &Options) -> Result<(), PlatformError> {
    if !matches!(spec.image.kind, ImageKind::OciWithCaller | ImageKind::Oci) {
        let taken = ImageKind::OciWithCaller;
        return Err(invalid(format!("Cloud Run takes an image `{taken}`, not `{}`", spec.image.kind)));
    }
    if !spec.image.architecture.split('+').any(|architecture| architecture == "x86_64") {
        return Err(invalid(format!("Cloud Run runs x86_64 only, and the image is for {}", spec.image.architecture)));
    }
    name(&spec.name)?;
    if let Some(reserved) = RESERVED.iter().find(|name| spec.environment.contains_key(**name)) {
        return Err(invalid(format!("Cloud Run sets the variable {reserved} itself; leave it out")));
    }
    scale(&spec.scale)?;
    limits(&spec.limits)?;
    resources(spec, options.execution_environment)
}

/// A service's name.
fn name(name: &str) -> Result<(), PlatformError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_fine = (1..=49).contains(&name.len())
        && name.bytes().all(plain)
        && name.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
        && !name.ends_with('-');
    if is_fine {
        return Ok(());
    }
    Err(invalid(format!(
        "`{name}` can't be a service's name: give 1 to 49 lower-case letters, digits or `-`, beginning with a letter and not \
         ending with `-`"
    )))
}

/// Refuses numbers of instances that Cloud Run can't keep.
pub(crate) fn scale(scale: &Scale) -> Result<(), PlatformError> {
    if scale.keep_alive.is_some() {
        return Err(invalid("Cloud Run's keep-alive time can't be set; leave it out".to_owned()));
    }
    if scale.queue.is_some() {
        return Err(invalid("Cloud Run's queue can't be limited; leave it out".to_owned()));
    }
    if scale.concurrency.is_some_and(|concurrency| !(1..=1000).contains(&concurrency)) {
        return Err(invalid("Cloud Run runs 1 to 1000 invocations at once in an instance".to_owned()));
    }
    match (scale.minimum_instances, scale.maximum_instances) {
        (_, Some(0)) => Err(invalid("Cloud Run needs a maximum of at least one instance".to_owned())),
        (Some(minimum), Some(maximum)) if minimum > maximum => {
            Err(invalid(format!("a minimum of {minimum} instances is more than the maximum of {maximum}")))
        }
        _ => Ok(()),
    }
}

fn limits(limits: &Limits) -> Result<(), PlatformError> {
    if limits.scratch_bytes.is_some() {
        return Err(invalid("Cloud Run has no scratch disk beside the memory; leave its limit out".to_owned()));
    }
    if limits.log_bytes.is_some() {
        return Err(invalid("Cloud Run can't limit logs; leave their limit out".to_owned()));
    }
    let is_fine = |time: std::time::Duration| time.subsec_nanos() == 0 && (1..=3600).contains(&time.as_secs());
    match limits.time {
        Some(time) if !is_fine(time) => {
            Err(invalid(format!("a time limit of {} s is not one of 1 to 3600 whole seconds", time.as_secs_f64())))
        }
        _ => Ok(()),
    }
}

/// Memory and processors, which depend on each other (cloud.google.com/run/docs/configuring/services/{cpu,memory-limits}).
fn resources(spec: &DeploymentSpec, environment: ExecutionEnvironment) -> Result<(), PlatformError> {
    let cpus = spec.limits.cpus.unwrap_or(1.0);
    let whole = WHOLE_CPUS.contains(&cpus);
    if !whole && !(0.08..1.0).contains(&cpus) {
        return Err(invalid(format!("Cloud Run gives 0.08 to 1, 2, 4, 6 or 8 processors, not {cpus}")));
    }
    if cpus < 1.0 && environment == ExecutionEnvironment::Gen2 {
        return Err(invalid("less than one processor needs `execution-environment = \"gen1\"`".to_owned()));
    }
    if cpus < 1.0 && spec.scale.concurrency != Some(1) {
        return Err(invalid("less than one processor needs a concurrency of 1".to_owned()));
    }
    let bytes = memory(&spec.limits);
    let least_mib = least_mib(environment);
    if !bytes.is_multiple_of(MIB) || !(least_mib * MIB..=32 * GIB).contains(&bytes) {
        return Err(invalid(format!(
            "{bytes} bytes of memory are not whole MiB from {least_mib} MiB to 32 GiB, which this execution environment allows"
        )));
    }
    let least_cpus = match bytes {
        bytes if bytes > 24 * GIB => 8.0,
        bytes if bytes > 16 * GIB => 6.0,
        bytes if bytes > 8 * GIB => 4.0,
        bytes if bytes > 4 * GIB => 2.0,
        bytes if bytes > GIB => 1.0,
        bytes if bytes > 512 * MIB => 0.5,
        _ => 0.08,
    };
    let least_bytes = match cpus {
        cpus if cpus >= 6.0 => 4 * GIB,
        cpus if cpus >= 4.0 => 2 * GIB,
        _ => 0,
    };
    if cpus < least_cpus || bytes < least_bytes {
        return Err(invalid(format!(
            "Cloud Run does not give {} MiB of memory together with {cpus} processors; ask for at least {least_cpus} processors \
             and {} MiB",
            bytes / MIB,
            least_bytes / MIB
        )));
    }
    Ok(())
}

/// The least memory of an instance, MiB.
fn least_mib(environment: ExecutionEnvironment) -> u64 {
    match environment {
        ExecutionEnvironment::Gen1 => 128,
        ExecutionEnvironment::Gen2 => 512,
    }
}

/// Memory sizes that instances can have, bytes.
pub(crate) fn memory_allowed(environment: ExecutionEnvironment) -> Allowed {
    Allowed::Between { least: (least_mib(environment) * MIB) as f64, greatest: (32 * GIB) as f64 }
}

/// Processors that instances can have; less than one needs a concurrency of 1 as well.
pub(crate) fn cpus_allowed(environment: ExecutionEnvironment) -> Allowed {
    match environment {
        ExecutionEnvironment::Gen1 => Allowed::Between { least: 0.08, greatest: 8.0 },
        ExecutionEnvironment::Gen2 => Allowed::OneOf(WHOLE_CPUS.to_vec()),
    }
}

/// The memory of an instance: what is asked for, or what Cloud Run itself gives.
pub(crate) fn memory(limits: &Limits) -> u64 {
    limits.memory_bytes.unwrap_or(512 * MIB)
}
