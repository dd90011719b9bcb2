//! What Gestalt takes.

use image_kind::ImageKind;
use platform::{DeploymentSpec, PlatformError, Scale};

use crate::{Api, Options};

const MIB: u64 = 1 << 20;

fn invalid<T>(text: impl Into<String>) -> Result<T, PlatformError> {
    Err(PlatformError::Invalid(text.into()))
}

/// Refuses options that can't be used, or are missing.
pub(crate) fn options(options: &Options) -> Result<(), PlatformError> {
    let is_id = |text: &str| {
        let parts: Vec<usize> = text.split('-').map(str::len).collect();
        parts == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
    };
    let ids = [("environment", &options.environment), ("provider", &options.provider)];
    for (option, value) in ids {
        match value {
            Some(text) if !is_id(text) => return invalid(format!("the option `{option}` is {text:?}, which is no id")),
            None if options.api == Api::Meta => {
                return invalid(format!("Meta makes lambdas with an {option}: set the option `{option}` to its id"));
            }
            _ => {}
        }
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    for (option, value) in [("organisation", &options.organisation), ("runtime", &options.runtime)] {
        if value.is_empty() || value.starts_with('.') || !value.bytes().all(plain) {
            return invalid(format!("the option `{option}` is {value:?}; give letters, digits, `-`, `_` or `.`"));
        }
    }
    if options.api == Api::Meta && options.package_url.is_none() {
        return invalid("Meta takes only archives that Laser fetches: set the option `package-url`");
    }
    match &options.invoke_url {
        Some(url) if !url.starts_with("http://") || !url.contains("{name}") => invalid(format!(
            "the option `invoke-url` is {url:?}; give an address without TLS as in http://kong:8000/lab/{{name}}"
        )),
        _ => Ok(()),
    }
}

/// Refuses what Gestalt can't keep.
pub(crate) fn spec(spec: &DeploymentSpec, options: &Options, has_storage: bool) -> Result<(), PlatformError> {
    if spec.image.kind != ImageKind::GestaltZip {
        return invalid(format!("Gestalt takes an image `{}`, not `{}`", ImageKind::GestaltZip, spec.image.kind));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !(1..=63).contains(&spec.name.len()) || !spec.name.bytes().all(plain) {
        return invalid(format!("`{}` can't be a lambda's name: give 1 to 63 letters, digits, `-` or `_`", spec.name));
    }
    if spec.id.as_str().len() != 10 || !spec.id.as_str().bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return invalid(format!("`{}` is no id of a deployment: 10 hexadecimal digits", spec.id));
    }
    if options.api == Api::Laser && (!spec.environment.is_empty() || has_storage) {
        return invalid(
            "Laser's own API sets no variables, which the function's settings and its storage need; use `api = \"meta\"`",
        );
    }
    let refuse = |what: &str| invalid(format!("Gestalt can't {what} for `{}`; leave it out", spec.name));
    if spec.limits.scratch_bytes.is_some() {
        return refuse("limit the scratch disk");
    }
    if spec.limits.log_bytes.is_some() {
        return refuse("limit logs");
    }
    if spec.limits.memory_bytes.is_some_and(|bytes| bytes == 0 || bytes % MIB != 0) {
        return invalid("Gestalt takes memory in whole MiB");
    }
    if spec.limits.cpus.is_some_and(|cpus| cpus <= 0.0 || !cpus.is_finite()) {
        return invalid("a share of processors is more than 0");
    }
    if spec.limits.time.is_some_and(|time| time.is_zero() || time.subsec_nanos() != 0) {
        return invalid("Gestalt takes a time limit in whole seconds");
    }
    scale(&spec.scale)
}

/// Refuses numbers of instances that Gestalt can't keep.
pub(crate) fn scale(scale: &Scale) -> Result<(), PlatformError> {
    let refused = [
        (scale.maximum_instances.is_some(), "limit the number of executors"),
        (scale.concurrency.is_some_and(|count| count != 1), "run several calls at once in one process"),
        (scale.keep_alive.is_some(), "set the keep-alive time of one lambda"),
        (scale.queue.is_some(), "limit the queue"),
    ];
    match refused.iter().find(|(is_asked, _)| *is_asked) {
        Some((_, what)) => invalid(format!("Gestalt can't {what}; leave it out")),
        None => Ok(()),
    }
}
