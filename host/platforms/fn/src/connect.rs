//! From a target of the configuration to the platform.

use std::env;
use std::sync::Arc;

use local_daemon::LocalDaemon;
use platform::{Platform, PlatformError};
use remote_platform::{Api, Authorization, Connection, Url};

use crate::api::{FnApi, PLATFORM};
use crate::fn_platform::FnPlatform;
use crate::options::{ImageSource, Options};

/// Where Fn's server listens when nothing says otherwise.
const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:8080";
/// The variable of Fn's own command that says where its server is.
const ENDPOINT_VARIABLE: &str = "FN_API_URL";
/// This machine as containers in Docker's usual network see it.
const DOCKER_HOST_ADDRESS: &str = "172.17.0.1";
/// Longest name of an app.
const LONGEST_APP: usize = 63;

/// The platform Fn at the target's endpoint, else at `FN_API_URL`, else on port 8080 of this machine. Asks nothing of it yet.
///
/// # Errors
/// When the endpoint or an option can't be used.
pub fn connect(connection: Connection) -> Result<Arc<dyn Platform>, PlatformError> {
    let options: Options = connection.options()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if options.app.is_empty() || options.app.len() > LONGEST_APP || !options.app.bytes().all(is_plain) {
        return Err(PlatformError::Invalid(format!(
            "the option `app` of the target `{}` is {:?}; give 1 to {LONGEST_APP} letters, digits, '-' or '_'",
            connection.target, options.app
        )));
    }
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let endpoint = connection.endpoint.clone().or_else(|| variable(ENDPOINT_VARIABLE));
    let authorization = match variable(&options.token_variable) {
        None => None,
        Some(token) => Some(Authorization::new(&format!("Bearer {}", token.trim())).ok_or_else(|| {
            PlatformError::Invalid(format!("what {} holds can't be a token", options.token_variable))
        })?),
    };
    let api = Api::new(PLATFORM, endpoint.as_deref().unwrap_or(DEFAULT_ENDPOINT), authorization)?
        .hiding(connection.storage_environment.values().cloned());
    let nested = nested(api.base(), options.instances_endpoint.as_deref(), &options.app)?;
    let daemon = match options.image {
        ImageSource::LocalDaemon => Some(Arc::new(LocalDaemon::new(PLATFORM, options.docker.as_deref())?)),
        ImageSource::Registry if options.docker.is_some() => {
            return Err(PlatformError::Invalid(format!(
                "the target `{}` has the option `docker` without `image = \"local-daemon\"`; give both or none",
                connection.target
            )));
        }
        ImageSource::Registry => None,
    };
    Ok(Arc::new(FnPlatform { connection, options, api: FnApi { api }, nested, daemon }))
}

/// How a function there calls another, `http://HOST:PORT/t/APP/{name}`; `None` where that is not plain HTTP, the only way
/// that functions know.
fn nested(base: &Url, instances_endpoint: Option<&str>, app: &str) -> Result<Option<String>, PlatformError> {
    let address = match instances_endpoint {
        Some(text) => {
            let wrong = |reason: String| {
                PlatformError::Invalid(format!(
                    "`{text}` can't be the option `instances-endpoint`: {reason}; give one as in \
                     \"http://172.17.0.1:8080\""
                ))
            };
            let url = Url::parse(text).map_err(|error| wrong(error.to_string()))?;
            if url.scheme() != "http" || url.host_str().is_none() {
                return Err(wrong("functions call each other over plain HTTP only".to_owned()));
            }
            text.to_owned()
        }
        None if base.scheme() != "http" => return Ok(None),
        None => {
            let mut address = base.clone();
            let host = base.host_str().unwrap_or_default();
            let is_this_machine =
                host == "localhost" || host.parse::<std::net::Ipv4Addr>().is_ok_and(|host| host.is_loopback());
            // It has a host already, so that another can be set.
            if is_this_machine && address.set_host(Some(DOCKER_HOST_ADDRESS)).is_err() {
                return Ok(None);
            }
            address.to_string()
        }
    };
    Ok(Some(format!("{}/t/{app}/{{name}}", address.trim_end_matches('/'))))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn way(base: &str, given: Option<&str>) -> Result<Option<String>, PlatformError> {
        nested(&Url::parse(base).unwrap(), given, "app")
    }

    #[test]
    fn functions_call_each_other_at_an_address_that_containers_reach() {
        let at = |text: &str| Some(format!("{text}/t/app/{{name}}"));
        assert_eq!(way("http://fn.example:8080/x/", None).unwrap(), at("http://fn.example:8080/x"));
        assert_eq!(way("http://127.0.0.1:8080", None).unwrap(), at("http://172.17.0.1:8080"));
        assert_eq!(way("http://localhost:8080", None).unwrap(), at("http://172.17.0.1:8080"));
        assert_eq!(way("https://fn.example", None).unwrap(), None);
        assert_eq!(way("https://fn.example", Some("http://10.1.1.1:80")).unwrap(), at("http://10.1.1.1:80"));
        assert!(way("http://a", Some("https://b")).unwrap_err().to_string().contains("plain HTTP"));
    }
}
