//! What a deployment on any of these platforms may ask for.

use std::time::Duration;

use image_kind::ImageKind;
use platform::{DeploymentSpec, PlatformError, Scale};

/// Longest name, as of a label in DNS: it is one in wasmCloud's routes.
const LONGEST_NAME: usize = 63;

/// Refuses names, images and numbers of instances that no host of components has.
pub(crate) fn check(spec: &DeploymentSpec, platform: &str, kind: ImageKind) -> Result<(), PlatformError> {
    checked(spec, platform, kind).map_err(PlatformError::Invalid)
}

fn checked(spec: &DeploymentSpec, platform: &str, kind: ImageKind) -> Result<(), String> {
    let name = &spec.name;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if name.is_empty()
        || name.len() > LONGEST_NAME
        || !name.bytes().all(is_plain)
        || name.starts_with('-')
        || name.ends_with('-')
    {
        let shown: String = name.chars().take(LONGEST_NAME).collect();
        return Err(format!(
            "the name {shown:?} is not valid: give 1 to {LONGEST_NAME} letters, digits or '-', which does not begin or end it"
        ));
    }
    let id = spec.id.as_str();
    if id.is_empty() || id.len() > LONGEST_NAME || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(format!("the identifier of the deployment of {name} is not one of letters and digits"));
    }
    if spec.image.kind != kind {
        return Err(format!(
            "{platform} takes images of the kind `{kind}`, not `{}`; build one with `faasbench build --platform {platform}`",
            spec.image.kind
        ));
    }
    for (variable, value) in &spec.environment {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if variable.is_empty() || !variable.bytes().all(is_plain) || value.contains('\0') {
            return Err(format!("the environment variable {variable:?} of {name} is not valid"));
        }
    }
    let limits = &spec.limits;
    let asked = [
        ("a limit of scratch space", limits.scratch_bytes.is_some()),
        ("a limit of log bytes", limits.log_bytes.is_some()),
    ];
    if let Some((what, _)) = asked.iter().find(|(_, is_asked)| *is_asked) {
        return Err(format!("{name} asks for {what}, which {platform} does not set; leave it out"));
    }
    scale(name, platform, &spec.scale)
}

/// Every request has an instance of its own: there is nothing to choose.
fn scale(name: &str, platform: &str, scale: &Scale) -> Result<(), String> {
    let asked = [
        ("a minimum of instances", scale.minimum_instances.is_some_and(|minimum| minimum > 0)),
        ("a maximum of instances", scale.maximum_instances.is_some()),
        ("several invocations at once in an instance", scale.concurrency.is_some_and(|concurrency| concurrency != 1)),
        ("a keep-alive time", scale.keep_alive.is_some_and(|time| time != Duration::ZERO)),
        ("a queue's length", scale.queue.is_some()),
    ];
    match asked.iter().find(|(_, is_asked)| *is_asked) {
        Some((what, _)) => Err(format!(
            "{name} asks for {what}; {platform} makes an instance for each request and keeps none, so leave it out"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use image_kind::Image;
    use platform::{DeploymentId, Limits};

    use super::*;

    fn spec() -> DeploymentSpec {
        DeploymentSpec {
            id: DeploymentId::new(),
            function: "function1".to_owned(),
            name: "function1".to_owned(),
            image: Image {
                function: "function1".to_owned(),
                kind: ImageKind::HttpComponent,
                path: "/nowhere".into(),
                digest: String::new(),
                code_digest: String::new(),
                bytes: 0,
                code_bytes: 0,
                architecture: "wasm32".to_owned(),
            },
            scale: Scale { keep_alive: Some(Duration::ZERO), concurrency: Some(1), ..Scale::default() },
            limits: Limits::default(),
            environment: Default::default(),
        }
    }

    #[test]
    fn what_no_host_keeps_is_refused_with_the_reason() {
        type Change = fn(&mut DeploymentSpec);
        let cases: [(&str, Change); 9] = [
            ("not valid", |spec| spec.name = "../a".to_owned()),
            ("not valid", |spec| spec.name = "-a".to_owned()),
            ("identifier", |spec| spec.id = DeploymentId::from("../../etc".to_owned())),
            ("kind `http-component`", |spec| spec.image.kind = ImageKind::Oci),
            ("not valid", |spec| drop(spec.environment.insert("A=B".to_owned(), String::new()))),
            ("scratch", |spec| spec.limits.scratch_bytes = Some(1)),
            ("minimum", |spec| spec.scale.minimum_instances = Some(1)),
            ("keep-alive", |spec| spec.scale.keep_alive = Some(Duration::from_secs(1))),
            ("several", |spec| spec.scale.concurrency = Some(2)),
        ];
        check(&spec(), "wasmcloud", ImageKind::HttpComponent).unwrap();
        for (said, change) in cases {
            let mut spec = spec();
            change(&mut spec);
            let error = check(&spec, "wasmcloud", ImageKind::HttpComponent).unwrap_err();
            assert!(error.to_string().contains(said) && error.is_users(), "{said}: {error}");
        }
    }
}
