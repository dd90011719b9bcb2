//! What a function is made from: checked, before anything is asked for.

use std::collections::BTreeMap;

use image_kind::{Image, ImageKind, tag};
use platform::{DeploymentSpec, PlatformError, Scale};
use remote_platform::{Connection, InvokeWay, Url, instance_environment};

use crate::Options;
use crate::function::{FunctionDeployment, Resources};

/// The label with the deployment's id: our mark.
pub const DEPLOYMENT_LABEL: &str = "faasbench.deployment";
/// The annotation with the number of instances that was asked for last, JSON.
pub(crate) const SCALE_ANNOTATION: &str = "faasbench.scale";
/// Changes with every update, so that all instances are made anew.
const REVISION_VARIABLE: &str = "FAASBENCH_REVISION";

/// What runs the functions.
pub(crate) const FAASD: &str = "faasd";

fn invalid(reason: String) -> PlatformError {
    PlatformError::Invalid(reason)
}

/// A name of Kubernetes: a DNS label.
fn is_label(name: &str) -> bool {
    let is_edge =
        |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    (1..=63).contains(&name.len())
        && is_edge(name.chars().next())
        && is_edge(name.chars().last())
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
}

/// Refuses options that can't be.
pub(crate) fn check_options(connection: &Connection, options: &Options) -> Result<(), PlatformError> {
    let target = &connection.target;
    if let Some(namespace) = options.namespace.as_deref().filter(|namespace| !is_label(namespace)) {
        return Err(invalid(format!(
            "`{namespace}` can't be a namespace (target `{target}`): lower-case letters, digits and `-`, at most 63"
        )));
    }
    if let Some(image) = options.image.as_deref().filter(|image| *image != "local" && !image.contains("{tag}")) {
        return Err(invalid(format!(
            "the option `image = \"{image}\"` of the target `{target}` has no `{{tag}}`: different images would have one name"
        )));
    }
    let addresses = [
        ("gateway-from-instances", &options.gateway_from_instances),
        ("callback-from-gateway", &options.callback_from_gateway),
    ];
    for (option, address) in addresses {
        let Some(address) = address else { continue };
        let url = Url::parse(address).ok().filter(|url| url.scheme() == "http" && url.host_str().is_some());
        if url.is_none_or(|url| !url.username().is_empty() || url.password().is_some()) {
            return Err(invalid(format!(
                "the option `{option}` of the target `{target}` must be as in \"http://gateway.openfaas:8080\""
            )));
        }
    }
    if options.callback_from_gateway.is_some() && options.callback.is_none() {
        return Err(invalid(format!("the target `{target}` has the option `callback-from-gateway` but no `callback`")));
    }
    Ok(())
}

/// Refuses what OpenFaaS can't do, before anything is asked for.
pub(crate) fn check(spec: &DeploymentSpec, options: &Options) -> Result<(), PlatformError> {
    let name = &spec.name;
    if !is_label(name) {
        return Err(invalid(format!(
            "`{name}` can't be a function's name on openfaas: lower-case letters, digits and `-`, at most 63"
        )));
    }
    if spec.image.kind != ImageKind::Oci {
        return Err(invalid(format!(
            "openfaas takes OCI images, and the image of {name} is of another kind; run `faasbench build --platform openfaas {}`",
            spec.function
        )));
    }
    let is_variable = |name: &str| {
        !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-.".contains(letter))
    };
    if let Some(name) = spec.environment.keys().find(|name| !is_variable(name)) {
        return Err(invalid(format!("`{name}` can't be the name of an environment variable on openfaas")));
    }
    let limits = &spec.limits;
    let unkept = [
        (limits.time.is_some(), "a time limit of its own: the gateway has one for all functions (upstream_timeout)"),
        (limits.scratch_bytes.is_some(), "a limit of its scratch disk"),
        (limits.log_bytes.is_some(), "a limit of what it prints"),
        (spec.scale.queue.is_some(), "a limit of waiting invocations"),
    ];
    if let Some((_, what)) = unkept.into_iter().find(|(is_set, _)| *is_set) {
        return Err(invalid(format!("openfaas can't give {name} {what}; leave it out")));
    }
    if limits.cpus.is_some_and(|cpus| !cpus.is_finite() || cpus < 0.001) {
        return Err(invalid(format!("{name} needs a thousandth of a processor at least")));
    }
    if limits.memory_bytes == Some(0) {
        return Err(invalid(format!("{name} needs memory: its limit is 0")));
    }
    check_scale(name, &spec.scale, options)
}

/// Refuses numbers of instances that can't be.
pub(crate) fn check_scale(name: &str, scale: &Scale, options: &Options) -> Result<(), PlatformError> {
    let (minimum, maximum) = (scale.minimum_instances.unwrap_or(1), scale.maximum_instances);
    if maximum == Some(0) {
        return Err(invalid(format!("{name} must have an instance: its maximum is 0")));
    }
    if let Some(maximum) = maximum.filter(|maximum| minimum > *maximum) {
        return Err(invalid(format!("{name} can't have {minimum} instances at least and {maximum} at most")));
    }
    if scale.concurrency == Some(0) {
        return Err(invalid(format!("{name} must take an invocation at once: its concurrency is 0")));
    }
    if !options.scale_to_zero {
        let unset = "OpenFaaS's community edition and faasd keep one instance at least; on OpenFaaS Standard, set the option \
                     `scale-to-zero = true`";
        if scale.keep_alive.is_some() {
            return Err(invalid(format!("{name} can't have a keep-alive time: {unset}")));
        }
        if minimum == 0 {
            return Err(invalid(format!("{name} can't have a minimum of no instance: {unset}")));
        }
    }
    if scale.keep_alive.is_some_and(|time| time.as_secs() == 0 || time.subsec_nanos() != 0) {
        return Err(invalid(format!("the keep-alive time of {name} must be whole seconds on openfaas, and not 0")));
    }
    Ok(())
}

/// Refuses what faasd would ignore: it runs one instance and bounds its memory only.
pub(crate) fn check_provider(provider: &str, spec: &DeploymentSpec) -> Result<(), PlatformError> {
    if provider != FAASD {
        return Ok(());
    }
    if spec.limits.cpus.is_some() {
        return Err(invalid(format!("faasd can't limit the processors of {}; leave the limit out", spec.name)));
    }
    check_faasd_scale(&spec.name, &spec.scale)
}

/// The same for a number of instances.
pub(crate) fn check_faasd_scale(name: &str, scale: &Scale) -> Result<(), PlatformError> {
    let is_one = |number: Option<u32>| number.is_none_or(|number| number == 1);
    if is_one(scale.minimum_instances) && is_one(scale.maximum_instances) && scale.keep_alive.is_none() {
        return Ok(());
    }
    Err(invalid(format!("faasd runs one instance of {name}, neither more nor fewer; leave the numbers out")))
}

/// The name of an image that the installation has already.
pub(crate) fn local_image(template: &str, image: &Image) -> String {
    let template = if template == "local" { "docker.io/faasbench/{function}:{tag}" } else { template };
    template.replace("{function}", &image.function).replace("{tag}", tag(&image.digest))
}

/// The gateway as instances see it, where the options or the endpoint tell.
pub(crate) fn gateway_from_instances(options: &Options, endpoint: &Url) -> Option<String> {
    if let Some(address) = &options.gateway_from_instances {
        return Some(address.trim_end_matches('/').to_owned());
    }
    let host = endpoint.host_str().unwrap_or_default();
    let is_own = host == "localhost"
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    // Functions call each other over plain HTTP.
    (!is_own && endpoint.scheme() == "http").then(|| endpoint.as_str().trim_end_matches('/').to_owned())
}

/// The gateway as an installation calls it by itself.
pub(crate) fn usual_gateway(provider: &str) -> &'static str {
    if provider == FAASD { "http://gateway:8080" } else { "http://gateway.openfaas:8080" }
}

/// The whole of a function.
pub(crate) fn function(
    connection: &Connection,
    options: &Options,
    spec: &DeploymentSpec,
    image: &str,
    gateway: &str,
    revision: &str,
) -> FunctionDeployment {
    let suffix = options.namespace.as_ref().map(|namespace| format!(".{namespace}")).unwrap_or_default();
    let way = InvokeWay { url: format!("{gateway}/function/{{name}}{suffix}"), authorization: None };
    let mut env_vars = instance_environment(connection, spec, Some(&way));
    env_vars.insert(REVISION_VARIABLE.to_owned(), revision.to_owned());
    let mut labels = BTreeMap::from([(DEPLOYMENT_LABEL.to_owned(), spec.id.to_string())]);
    let mut label = |name: &str, value: String| labels.insert(format!("com.openfaas.scale.{name}"), value);
    let scale = &spec.scale;
    if let Some(minimum) = scale.minimum_instances.filter(|minimum| *minimum > 0) {
        label("min", minimum.to_string());
    }
    if let Some(maximum) = scale.maximum_instances {
        label("max", maximum.to_string());
    }
    if options.scale_to_zero {
        let to_zero = scale.keep_alive.is_some() || scale.minimum_instances == Some(0);
        label("zero", to_zero.to_string());
        if let Some(time) = scale.keep_alive {
            label("zero-duration", format!("{}s", time.as_secs()));
        }
    }
    let limits = Resources {
        memory: spec.limits.memory_bytes.map(memory),
        cpu: spec.limits.cpus.map(|cpus| format!("{:.0}m", (cpus * 1000.0).ceil())),
    };
    let annotations = BTreeMap::from([(SCALE_ANNOTATION.to_owned(), serde_json::to_string(scale).unwrap_or_default())]);
    FunctionDeployment {
        service: spec.name.clone(),
        image: image.to_owned(),
        namespace: options.namespace.clone(),
        env_vars,
        labels,
        annotations,
        limits: (limits.memory.is_some() || limits.cpu.is_some()).then_some(limits),
    }
}

/// Bytes as Kubernetes writes them.
fn memory(bytes: u64) -> String {
    if bytes.is_multiple_of(1 << 20) { format!("{}Mi", bytes >> 20) } else { bytes.to_string() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_kubernetes() {
        for good in ["f", "function1", "a-b", &"a".repeat(63)] {
            assert!(is_label(good), "{good}");
        }
        for bad in ["", "F", "a.b", "a/b", "-a", "a-", "a_b", "ä", "a b", "..", &"a".repeat(64)] {
            assert!(!is_label(bad), "{bad}");
        }
    }

    #[test]
    fn memory_is_whole_mebibytes_or_bytes() {
        assert_eq!((memory(128 << 20).as_str(), memory(100_000_000).as_str()), ("128Mi", "100000000"));
    }

    #[test]
    fn the_gateway_is_not_this_machine_for_an_instance() {
        let seen = |endpoint: &str| gateway_from_instances(&Options::default(), &Url::parse(endpoint).unwrap());
        for own in
            ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080", "https://gateway.example.com"]
        {
            assert_eq!(seen(own), None, "{own}");
        }
        assert_eq!(seen("http://10.0.0.7:31112/").unwrap(), "http://10.0.0.7:31112");
        let options =
            Options { gateway_from_instances: Some("http://10.62.0.1:8080/".to_owned()), ..Options::default() };
        let told = gateway_from_instances(&options, &Url::parse("http://127.0.0.1:8080").unwrap());
        assert_eq!(told.unwrap(), "http://10.62.0.1:8080");
    }
}
