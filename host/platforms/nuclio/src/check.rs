//! What a deployment on Nuclio may ask for.

use image_kind::ImageKind;
use platform::{DeploymentSpec, PlatformError, Scale};

use crate::options::{Installation, Options, Shape};

/// Longest name: that of a DNS label.
const LONGEST_NAME: usize = 63;
/// Most replicas.
const MOST_REPLICAS: u32 = 10_000;
/// Most invocations at once in one replica.
const MOST_CONCURRENCY: u32 = 1_000;

/// The specification with Nuclio's defaults filled in.
///
/// # Errors
/// When it asks for what this installation can't keep.
pub(crate) fn completed(spec: &DeploymentSpec, options: &Options) -> Result<DeploymentSpec, PlatformError> {
    check(spec, options).map_err(PlatformError::Invalid)?;
    let mut spec = spec.clone();
    let minimum = spec.scale.minimum_instances.unwrap_or(1);
    spec.scale.minimum_instances = Some(minimum);
    spec.scale.maximum_instances = Some(spec.scale.maximum_instances.unwrap_or(minimum));
    if options.shape == Shape::Processor {
        spec.scale.concurrency = Some(spec.scale.concurrency.unwrap_or(1));
    }
    Ok(spec)
}

/// Whether a name is one of a DNS label.
pub(crate) fn is_label(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let ends = |name: &str| name.starts_with('-') || name.ends_with('-');
    !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(is_plain) && !ends(name)
}

fn check(spec: &DeploymentSpec, options: &Options) -> Result<(), String> {
    let name = &spec.name;
    if !is_label(name) {
        let shown: String = name.chars().take(LONGEST_NAME).collect();
        return Err(format!(
            "the name {shown:?} is not valid on Nuclio: give 1 to {LONGEST_NAME} lower-case letters, digits or '-', with \
             no '-' at either end"
        ));
    }
    if spec.image.kind != ImageKind::OciWithHealthCheck {
        return Err(format!(
            "nuclio takes images of the kind `oci-with-health-check`, not `{}`; build one with `faasbench build \
             --platform nuclio`",
            spec.image.kind
        ));
    }
    scale(name, &spec.scale, options)?;
    let limits = &spec.limits;
    if options.installation == Installation::Local && (limits.memory_bytes.is_some() || limits.cpus.is_some()) {
        return Err(format!(
            "{name} asks for a limit of memory or processors, which Nuclio's local platform does not keep; leave it out"
        ));
    }
    if limits.memory_bytes == Some(0) || limits.cpus.is_some_and(|cpus| !cpus.is_finite() || cpus < 0.001) {
        return Err(format!("{name} asks for no memory or no processor; give more, or leave it out"));
    }
    match limits.time {
        Some(time) if time.is_zero() => return Err(format!("the time limit of {name} is zero; give more")),
        Some(_) if options.shape == Shape::Image => {
            return Err(format!(
                "{name} asks for a time limit, which only Nuclio's processor keeps; leave it out, or set `shape = \
                 \"processor\"`"
            ));
        }
        _ => {}
    }
    if limits.scratch_bytes.is_some() || limits.log_bytes.is_some() {
        return Err(format!(
            "{name} asks for a limit of scratch space or log bytes, which Nuclio has not; leave it out"
        ));
    }
    for (variable, value) in &spec.environment {
        if variable.is_empty() || variable.contains(['=', '\0']) || value.contains('\0') {
            return Err(format!("the environment variable {variable:?} of {name} is not valid"));
        }
    }
    Ok(())
}

/// How many replicas there may be.
///
/// # Errors
/// When this installation can't keep it.
pub(crate) fn scale(name: &str, scale: &Scale, options: &Options) -> Result<(), String> {
    let (minimum, maximum) = (scale.minimum_instances, scale.maximum_instances);
    if options.installation == Installation::Local
        && (minimum.is_some_and(|minimum| minimum != 1) || maximum.is_some_and(|maximum| maximum != 1))
    {
        return Err(format!("{name} asks for other than one instance; Nuclio's local platform has exactly one"));
    }
    if minimum == Some(0) {
        return Err(format!(
            "{name} asks for a minimum of no instances, which needs Nuclio's autoscaler and DLX; give 1 or more"
        ));
    }
    if maximum == Some(0) || minimum.into_iter().chain(maximum).any(|replicas| replicas > MOST_REPLICAS) {
        return Err(format!("{name} asks for a number of instances that is not between 1 and {MOST_REPLICAS}"));
    }
    if maximum.is_some_and(|maximum| maximum < minimum.unwrap_or(1)) {
        return Err(format!("the minimum of instances of {name} is above the maximum"));
    }
    if scale.concurrency.is_some_and(|concurrency| !(1..=MOST_CONCURRENCY).contains(&concurrency)) {
        return Err(format!("{name} asks for a concurrency that is not between 1 and {MOST_CONCURRENCY}"));
    }
    if scale.keep_alive.is_some() || scale.queue.is_some() {
        return Err(format!(
            "{name} asks for a keep-alive time or a queue's length, which Nuclio has not; leave it out"
        ));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::tests::spec;

    #[test]
    fn what_an_installation_cannot_keep_is_refused_with_the_reason() {
        type Change = fn(&mut DeploymentSpec);
        let cases: [(&str, Change); 11] = [
            ("lower-case", |spec| spec.name = "Function1".to_owned()),
            ("lower-case", |spec| spec.name = "a-".to_owned()),
            ("oci-with-health-check", |spec| spec.image.kind = ImageKind::Oci),
            ("memory", |spec| spec.limits.memory_bytes = Some(1 << 28)),
            ("exactly one", |spec| spec.scale.maximum_instances = Some(2)),
            ("exactly one", |spec| spec.scale.minimum_instances = Some(0)),
            ("concurrency", |spec| spec.scale.concurrency = Some(0)),
            ("keep-alive", |spec| spec.scale.keep_alive = Some(Duration::from_secs(1))),
            ("only Nuclio's processor", |spec| spec.limits.time = Some(Duration::from_secs(1))),
            ("scratch", |spec| spec.limits.scratch_bytes = Some(1)),
            ("environment", |spec| drop(spec.environment.insert("A=B".to_owned(), String::new()))),
        ];
        for (said, change) in cases {
            let mut spec = spec();
            change(&mut spec);
            let error = completed(&spec, &Options::default()).unwrap_err();
            assert!(error.is_users() && error.to_string().contains(said), "{said}: {error}");
        }
    }

    #[test]
    fn kubernetes_keeps_limits_and_replicas() {
        let options = Options { installation: Installation::Kubernetes, ..Options::default() };
        let mut spec = spec();
        spec.limits.memory_bytes = Some(1 << 28);
        spec.scale.minimum_instances = Some(2);
        let completed = completed(&spec, &options).unwrap();
        assert_eq!((completed.scale.minimum_instances, completed.scale.maximum_instances), (Some(2), Some(2)));
    }
}
