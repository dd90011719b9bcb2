//! From a target of the configuration to the platform.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use local_daemon::LocalDaemon;
use platform::{Platform, PlatformError};
use remote_platform::{Api, Connection};

use crate::check::is_label;
use crate::control::{Control, PLATFORM};
use crate::nuclio_platform::NuclioPlatform;
use crate::options::{ImageSource, Installation, Options, Shape, Through, Way};

/// Where the dashboard listens when nothing says otherwise.
const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:8070";

/// The platform Nuclio whose dashboard is at the target's endpoint, else on port 8070 of this machine. Asks nothing of it yet.
///
/// # Errors
/// When the endpoint or an option can't be used.
pub fn connect(connection: Connection) -> Result<Arc<dyn Platform>, PlatformError> {
    let options: Options = connection.options()?;
    let wrong = |reason: String| {
        PlatformError::Invalid(format!("the options of the target `{}` can't be used: {reason}", connection.target))
    };
    for (name, value) in [("namespace", &options.namespace), ("project", &options.project)] {
        if !is_label(value) {
            return Err(wrong(format!("`{name}` is {value:?}; give lower-case letters, digits or '-'")));
        }
    }
    match (options.shape, &options.processor) {
        (Shape::Processor, None) => {
            return Err(wrong("`shape = \"processor\"` needs `processor`, the path of Nuclio's program".to_owned()));
        }
        (Shape::Image, Some(_)) => {
            return Err(wrong("`processor` is for `shape = \"processor\"`; give both or none".to_owned()));
        }
        _ => {}
    }
    if options.network.is_some() && options.installation == Installation::Kubernetes {
        return Err(wrong("`network` is for `installation = \"local\"`; leave it out".to_owned()));
    }
    if options.through == Through::CustomResource {
        if options.installation != Installation::Kubernetes {
            return Err(wrong("`through = \"custom-resource\"` is for `installation = \"kubernetes\"`".to_owned()));
        }
        if options.way == Way::Dashboard {
            return Err(wrong("`way = \"dashboard\"` needs the dashboard, which `through` leaves out".to_owned()));
        }
    }
    if options.readiness_timeout_s == 0 {
        return Err(wrong("`readiness-timeout-s` is 0; give 1 or more".to_owned()));
    }
    let nested = nested(&options).map_err(wrong)?;
    let daemon = match options.image {
        ImageSource::LocalDaemon => Some(Arc::new(LocalDaemon::new(PLATFORM, options.docker.as_deref())?)),
        ImageSource::Registry if options.docker.is_some() => {
            return Err(wrong("`docker` is for `image = \"local-daemon\"`; give both or none".to_owned()));
        }
        ImageSource::Registry => None,
    };
    let api = Api::new(PLATFORM, connection.endpoint.as_deref().unwrap_or(DEFAULT_ENDPOINT), None)?
        .hiding(connection.storage_environment.values().cloned());
    let control = Control { api, namespace: options.namespace.clone(), through: options.through };
    Ok(Arc::new(NuclioPlatform { connection, options, control, nested, daemon, addresses: Mutex::new(HashMap::new()) }))
}

/// How a function there calls another.
fn nested(options: &Options) -> Result<Option<String>, String> {
    let namespace = &options.namespace;
    match (&options.instances_url, options.installation, &options.network) {
        (Some(url), _, _) if url.starts_with("http://") && url.contains("{name}") => Ok(Some(url.clone())),
        (Some(url), _, _) => Err(format!("`instances-url` is {url:?}; give http:// and an address with `{{name}}`")),
        (None, Installation::Kubernetes, _) => Ok(Some(format!("http://nuclio-{{name}}.{namespace}.svc:8080"))),
        (None, Installation::Local, Some(_)) => Ok(Some(format!("http://{namespace}-{{name}}:8080"))),
        (None, Installation::Local, None) => Ok(None),
    }
}
