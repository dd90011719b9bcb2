//! What the environment says of a service: credentials, region, endpoint.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use native::Service;
use object_store::{BackoffConfig, RetryConfig};

/// Where a variable's value comes from: the process's environment, or what a platform sends at initialisation.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// How long a service is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until a connection is made.
    pub connect: Duration,
    /// From a request to the head of its answer, with the time to send the request.
    pub answer: Duration,
    /// Between two pieces of an answer's body.
    pub idle: Duration,
    /// How often a request is sent again when the service is not there, breaks off or answers with 5xx or 429.
    pub retries: usize,
    /// After this no request is sent again.
    pub retry_within: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(60),
            idle: Duration::from_secs(30),
            retries: 4,
            retry_within: Duration::from_secs(60),
        }
    }
}

impl Patience {
    pub(crate) fn retry_config(&self) -> RetryConfig {
        let backoff =
            BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(3), base: 2.0 };
        RetryConfig { backoff, max_retries: self.retries, retry_timeout: self.retry_within }
    }
}

/// The variables of a service that are set. Its values are secrets: they are never shown.
#[derive(Clone, Default)]
pub(crate) struct Configuration {
    values: Vec<(&'static str, String)>,
    has_credentials: bool,
}

impl Configuration {
    /// Reads the variables of `service`.
    pub(crate) fn read(service: Service, variables: Variables<'_>) -> Configuration {
        let values = service.set_variables(variables);
        let has_credentials = values.iter().any(|(name, _)| service.credential_variables().contains(name));
        Configuration { values, has_credentials }
    }

    /// Whether a variable is set that holds credentials, or names a file that does.
    pub(crate) fn has_credentials(&self) -> bool {
        self.has_credentials
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(set, _)| *set == name).map(|(_, value)| value.as_str())
    }

    /// What is set, under the names of `object_store`.
    pub(crate) fn keys<K: FromStr>(&self) -> impl Iterator<Item = (K, &str)> {
        self.values.iter().filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value.as_str())))
    }
}

impl fmt::Debug for Configuration {
    /// The names only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values.iter().map(|(name, _)| name)).finish()
    }
}

/// The variables that hold a service's credentials, for an error to name.
pub(crate) fn credential_variables(service: Service) -> &'static str {
    match service {
        Service::S3 => "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN",
        Service::GoogleCloud => "GOOGLE_APPLICATION_CREDENTIALS",
        Service::Azure => "AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use object_store::aws::AmazonS3ConfigKey;
    use object_store::azure::AzureConfigKey;
    use object_store::gcp::GoogleConfigKey;

    use super::*;

    #[test]
    fn every_variable_is_one_that_the_client_knows() {
        for (service, known) in [
            (Service::S3, (|name| AmazonS3ConfigKey::from_str(name).is_ok()) as fn(&str) -> bool),
            (Service::GoogleCloud, |name| GoogleConfigKey::from_str(name).is_ok()),
            (Service::Azure, |name| AzureConfigKey::from_str(name).is_ok()),
        ] {
            for name in service.credential_variables().iter().chain(service.other_variables()) {
                assert!(known(&name.to_ascii_lowercase()), "{name}");
            }
        }
    }

    #[test]
    fn values_are_not_shown() {
        let configuration = Configuration::read(Service::S3, &|_| Some("SECRET".to_owned()));
        let shown = format!("{configuration:?}");
        assert!(shown.contains("AWS_SECRET_ACCESS_KEY") && !shown.contains("SECRET\""), "{shown}");
        assert!(configuration.has_credentials());
        assert!(!Configuration::read(Service::S3, &|name| (name == "AWS_REGION").then(String::new)).has_credentials());
    }
}
