//! What a deployment on Fn may ask for. Bounds: `api/models/fn.go` of Fn 0.3.753.

use std::time::Duration;

use image_kind::ImageKind;
use platform::{DeploymentSpec, Limits, PlatformError, Scale};

/// A MB of Fn's, bytes.
const MB: u64 = 1 << 20;
/// Most memory, MB.
const MOST_MB: u64 = 8 * 1024;
/// Longest invocation, s.
const LONGEST_S: u64 = 300;
/// Longest that an idle instance is kept, s.
const LONGEST_IDLE_S: u64 = 3_600;
/// What Fn takes where nothing is said: MB.
pub(crate) const DEFAULT_MB: u64 = 128;
/// The same of the time limit, s.
pub(crate) const DEFAULT_S: u64 = 30;
/// The same of how long an idle instance is kept, s.
pub(crate) const DEFAULT_IDLE_S: u64 = 30;
/// Longest name.
const LONGEST_NAME: usize = 63;

/// What Fn is told of a function's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) memory_mb: u64,
    pub(crate) timeout_s: u64,
    pub(crate) idle_timeout_s: u64,
}

/// The specification with Fn's defaults filled in, and what Fn is told of it.
///
/// # Errors
/// When it asks for what Fn can't keep.
pub(crate) fn completed(spec: &DeploymentSpec) -> Result<(DeploymentSpec, Sizes), PlatformError> {
    checked(spec).map_err(PlatformError::Invalid)
}

fn checked(spec: &DeploymentSpec) -> Result<(DeploymentSpec, Sizes), String> {
    let name = &spec.name;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_plain) {
        let shown: String = name.chars().take(LONGEST_NAME).collect();
        return Err(format!("the name {shown:?} is not valid: give 1 to {LONGEST_NAME} letters, digits or '-'"));
    }
    if spec.image.kind != ImageKind::Oci {
        return Err(format!(
            "fn takes images of the kind `oci`, not `{}`; build one with `faasbench build --platform fn`",
            spec.image.kind
        ));
    }
    let sizes = Sizes {
        memory_mb: memory_mb(name, &spec.limits)?,
        timeout_s: match spec.limits.time {
            Some(time) => seconds(name, "time limit", time, LONGEST_S)?,
            None => DEFAULT_S,
        },
        idle_timeout_s: idle_timeout_s(name, &spec.scale)?.unwrap_or(DEFAULT_IDLE_S),
    };
    no_other_limits(name, &spec.limits)?;
    no_other_scale(name, &spec.scale)?;
    for (variable, value) in &spec.environment {
        if variable.is_empty() || variable.contains(['=', '\0']) || value.contains('\0') {
            return Err(format!("the environment variable {variable:?} of {name} is not valid"));
        }
        if variable.starts_with("FN_") {
            return Err(format!("the environment variable {variable} of {name} is one that Fn sets itself; rename it"));
        }
        if value.is_empty() {
            return Err(format!("the environment variable {variable} of {name} is empty, and Fn keeps no empty ones"));
        }
    }
    let mut spec = spec.clone();
    spec.limits.memory_bytes = Some(sizes.memory_mb * MB);
    spec.limits.time = Some(Duration::from_secs(sizes.timeout_s));
    spec.scale.keep_alive = Some(Duration::from_secs(sizes.idle_timeout_s));
    spec.scale.concurrency = Some(1);
    Ok((spec, sizes))
}

/// Whole MB: never more than was asked for.
fn memory_mb(name: &str, limits: &Limits) -> Result<u64, String> {
    let Some(bytes) = limits.memory_bytes else { return Ok(DEFAULT_MB) };
    match bytes / MB {
        mb @ 1..=MOST_MB => Ok(mb),
        _ => Err(format!("{name} asks for {bytes} bytes of memory; Fn gives {MB} (1 MB) to {} (8 GB)", MOST_MB * MB)),
    }
}

/// How long an idle instance is kept, s.
///
/// # Errors
/// When Fn can't keep it that long.
pub(crate) fn idle_timeout_s(name: &str, scale: &Scale) -> Result<Option<u64>, String> {
    scale.keep_alive.map(|time| seconds(name, "keep-alive time", time, LONGEST_IDLE_S)).transpose()
}

fn seconds(name: &str, what: &str, time: Duration, longest: u64) -> Result<u64, String> {
    if time.subsec_nanos() != 0 || !(1..=longest).contains(&time.as_secs()) {
        return Err(format!(
            "the {what} of {name} is {} s; Fn takes whole seconds from 1 to {longest}",
            time.as_secs_f64()
        ));
    }
    Ok(time.as_secs())
}

fn no_other_limits(name: &str, limits: &Limits) -> Result<(), String> {
    let asked = [
        ("a share of processors", limits.cpus.is_some()),
        ("a limit of scratch space", limits.scratch_bytes.is_some()),
        ("a limit of log bytes", limits.log_bytes.is_some()),
    ];
    match asked.iter().find(|(_, is_asked)| *is_asked) {
        Some((what, _)) => Err(format!("{name} asks for {what}, which Fn does not set per function; leave it out")),
        None => Ok(()),
    }
}

/// Everything about the number of instances, which Fn decides alone.
///
/// # Errors
/// When something of it is asked for.
pub(crate) fn no_other_scale(name: &str, scale: &Scale) -> Result<(), String> {
    if scale.concurrency.is_some_and(|concurrency| concurrency != 1) {
        return Err(format!("{name} asks for several invocations at once in an instance; Fn makes one at a time"));
    }
    let asked = [
        ("a minimum of instances", scale.minimum_instances.is_some_and(|minimum| minimum > 0)),
        ("a maximum of instances", scale.maximum_instances.is_some()),
        ("a queue's length", scale.queue.is_some()),
    ];
    match asked.iter().find(|(_, is_asked)| *is_asked) {
        Some((what, _)) => Err(format!("{name} asks for {what}, which Fn decides by its load alone; leave it out")),
        None => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use image_kind::Image;
    use platform::DeploymentId;

    use super::*;

    fn spec() -> DeploymentSpec {
        DeploymentSpec {
            id: DeploymentId::new(),
            function: "function1".to_owned(),
            name: "function1".to_owned(),
            image: Image {
                function: "function1".to_owned(),
                kind: ImageKind::Oci,
                path: "/nowhere".into(),
                digest: format!("sha256:{}", "0".repeat(64)),
                code_digest: String::new(),
                bytes: 0,
                code_bytes: 0,
                architecture: "x86_64".to_owned(),
            },
            scale: Scale::default(),
            limits: Limits::default(),
            environment: Default::default(),
        }
    }

    #[test]
    fn fns_defaults_are_filled_in() {
        let (completed, sizes) = completed(&spec()).unwrap();
        assert_eq!(sizes, Sizes { memory_mb: 128, timeout_s: 30, idle_timeout_s: 30 });
        assert_eq!(completed.limits.memory_bytes, Some(128 << 20));
        assert_eq!(completed.scale.keep_alive, Some(Duration::from_secs(30)));
    }

    #[test]
    fn memory_is_never_more_than_was_asked_for() {
        let mut asked = spec();
        asked.limits.memory_bytes = Some(256_000_000);
        let (completed, sizes) = completed(&asked).unwrap();
        assert_eq!((sizes.memory_mb, completed.limits.memory_bytes), (244, Some(244 << 20)));
    }

    #[test]
    fn what_fn_cannot_keep_is_refused_with_the_reason() {
        type Change = fn(&mut DeploymentSpec);
        let cases: [(&str, Change); 12] = [
            ("not valid", |spec| spec.name = "a/b".to_owned()),
            ("kind `oci`", |spec| spec.image.kind = ImageKind::LambdaZip),
            ("bytes of memory", |spec| spec.limits.memory_bytes = Some(9 << 30)),
            ("time limit", |spec| spec.limits.time = Some(Duration::from_millis(500))),
            ("time limit", |spec| spec.limits.time = Some(Duration::from_secs(301))),
            ("keep-alive", |spec| spec.scale.keep_alive = Some(Duration::ZERO)),
            ("processors", |spec| spec.limits.cpus = Some(0.5)),
            ("minimum", |spec| spec.scale.minimum_instances = Some(1)),
            ("maximum", |spec| spec.scale.maximum_instances = Some(4)),
            ("one at a time", |spec| spec.scale.concurrency = Some(2)),
            ("sets itself", |spec| drop(spec.environment.insert("FN_MEMORY".to_owned(), "1".to_owned()))),
            ("is empty", |spec| drop(spec.environment.insert("A".to_owned(), String::new()))),
        ];
        for (said, change) in cases {
            let mut spec = spec();
            change(&mut spec);
            let error = completed(&spec).unwrap_err();
            assert!(error.to_string().contains(said) && error.is_users(), "{said}: {error}");
        }
    }
}
