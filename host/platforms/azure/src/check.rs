//! What Azure Functions takes.

use std::time::Duration;

use image_kind::ImageKind;
use platform::{DeploymentSpec, PlatformError};

use crate::{Options, Plan};

const MIB: u64 = 1 << 20;
/// What an instance of Flex Consumption may have, MiB.
pub(crate) const FLEX_MEMORY_MIB: [u64; 3] = [512, 2048, 4096];
/// What it has where nothing is asked for, MiB.
pub(crate) const FLEX_DEFAULT_MIB: u64 = 2048;

fn invalid<T>(text: impl Into<String>) -> Result<T, PlatformError> {
    Err(PlatformError::Invalid(text.into()))
}

/// Refuses a subscription or a region that can't be one.
pub(crate) fn place(subscription: &str, region: &str) -> Result<(), PlatformError> {
    let parts: Vec<usize> = subscription.split('-').map(str::len).collect();
    let plain = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    if parts != [8, 4, 4, 4, 12] || !subscription.bytes().all(plain) {
        return invalid(format!(
            "`{subscription}` can't be a subscription's id; give it as in 00000000-0000-0000-0000-000000000000"
        ));
    }
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if region.is_empty() || !region.bytes().all(plain) {
        return invalid(format!("`{region}` can't be a region; give one as in `region = \"westeurope\"`"));
    }
    Ok(())
}

/// Refuses options that contradict each other.
pub(crate) fn options(options: &Options) -> Result<(), PlatformError> {
    let versions = &options.api_versions;
    let all = [
        &versions.resources,
        &versions.locations,
        &versions.storage,
        &versions.web,
        &versions.insights,
        &versions.workspaces,
        &versions.metrics,
    ];
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if let Some(version) = all.into_iter().find(|version| version.is_empty() || !version.bytes().all(plain)) {
        return invalid(format!("`{version}` can't be the version of an API; give a date as in `2024-11-01`"));
    }
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    if options.site_suffix.is_empty() || !options.site_suffix.bytes().all(plain) {
        let suffix = &options.site_suffix;
        return invalid(format!("`{suffix}` can't be the domain of sites; give one as in `azurewebsites.net`"));
    }
    Ok(())
}

/// Refuses what Azure can't keep.
pub(crate) fn spec(spec: &DeploymentSpec, options: &Options) -> Result<(), PlatformError> {
    if spec.image.kind != ImageKind::AzureZip {
        return invalid(format!("Azure Functions takes an image `{}`, not `{}`", ImageKind::AzureZip, spec.image.kind));
    }
    let refuse = |what: &str| invalid(format!("Azure Functions can't {what} for `{}`; leave it out", spec.name));
    if spec.limits.cpus.is_some() {
        return refuse("set a share of processors");
    }
    if spec.limits.scratch_bytes.is_some() {
        return refuse("limit the scratch disk");
    }
    if spec.limits.log_bytes.is_some() {
        return refuse("limit logs");
    }
    if spec.scale.keep_alive.is_some() {
        return refuse("set the keep-alive time");
    }
    if spec.scale.queue.is_some() {
        return refuse("limit the queue");
    }
    match options.plan {
        Plan::Flex => flex(spec),
        Plan::Consumption => consumption(spec),
    }
}

fn flex(spec: &DeploymentSpec) -> Result<(), PlatformError> {
    if let Some(bytes) = spec.limits.memory_bytes
        && !FLEX_MEMORY_MIB.iter().any(|mib| mib * MIB == bytes)
    {
        return invalid(format!(
            "Flex Consumption has instances of 512, 2048 or 4096 MiB of memory, not of {bytes} bytes"
        ));
    }
    if spec.scale.maximum_instances.is_some_and(|count| !(40..=1000).contains(&count)) {
        return invalid("Flex Consumption takes a maximum of 40 to 1000 instances");
    }
    if spec.scale.minimum_instances.is_some_and(|count| count > 1000) {
        return invalid("Flex Consumption keeps at most 1000 instances ready");
    }
    if spec.scale.concurrency.is_some_and(|count| !(1..=1000).contains(&count)) {
        return invalid("Flex Consumption runs 1 to 1000 invocations at once in an instance");
    }
    time(spec, 3600)
}

fn consumption(spec: &DeploymentSpec) -> Result<(), PlatformError> {
    let refuse = |what: &str| invalid(format!("the Consumption plan can't {what}; use `plan = \"flex\"`"));
    if spec.limits.memory_bytes.is_some() {
        return refuse("set the memory");
    }
    if spec.scale.minimum_instances.is_some_and(|count| count > 0) {
        return refuse("keep instances ready");
    }
    if spec.scale.concurrency.is_some() {
        return refuse("set the concurrency");
    }
    if spec.scale.maximum_instances.is_some_and(|count| !(1..=200).contains(&count)) {
        return invalid("the Consumption plan takes a maximum of 1 to 200 instances");
    }
    time(spec, 600)
}

fn time(spec: &DeploymentSpec, most_seconds: u64) -> Result<(), PlatformError> {
    let is_fine = |time: Duration| time.subsec_nanos() == 0 && (1..=most_seconds).contains(&time.as_secs());
    match spec.limits.time {
        Some(time) if !is_fine(time) => invalid(format!(
            "a time limit of {} s is not one of 1 to {most_seconds} whole seconds, which this plan allows",
            time.as_secs_f64()
        )),
        _ => Ok(()),
    }
}
