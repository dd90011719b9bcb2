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

/// The variables that hold credentials: without any of them only a machine of the cloud itself has some.
const S3_CREDENTIALS: [&str; 9] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_SKIP_SIGNATURE",
];
const S3_OTHERS: [&str; 8] = [
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ROLE_SESSION_NAME",
    "AWS_METADATA_ENDPOINT",
    "AWS_UNSIGNED_PAYLOAD",
];
const GOOGLE_CREDENTIALS: [&str; 5] = [
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_PATH",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "GOOGLE_SKIP_SIGNATURE",
];
const AZURE_CREDENTIALS: [&str; 9] = [
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_TOKEN",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_SKIP_SIGNATURE",
];
const AZURE_OTHERS: [&str; 5] =
    ["AZURE_TENANT_ID", "AZURE_AUTHORITY_HOST", "AZURE_MSI_ENDPOINT", "AZURE_MSI_RESOURCE_ID", "AZURE_OBJECT_ID"];

/// The variables of a service that are set. Its values are secrets: they are never shown.
#[derive(Clone, Default)]
pub(crate) struct Configuration {
    values: Vec<(&'static str, String)>,
    has_credentials: bool,
}

impl Configuration {
    /// Reads the variables of `service`.
    pub(crate) fn read(service: Service, variables: Variables<'_>) -> Configuration {
        let (credentials, others) = names(service);
        let set = |name: &&'static str| Some((*name, variables(name).filter(|value| !value.is_empty())?));
        let mut values: Vec<_> = credentials.iter().filter_map(set).collect();
        let has_credentials = !values.is_empty();
        values.extend(others.iter().filter_map(set));
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

/// The variables of a service: those of credentials, and others.
fn names(service: Service) -> (&'static [&'static str], &'static [&'static str]) {
    match service {
        Service::S3 => (&S3_CREDENTIALS, &S3_OTHERS),
        Service::GoogleCloud => (&GOOGLE_CREDENTIALS, &[]),
        Service::Azure => (&AZURE_CREDENTIALS, &AZURE_OTHERS),
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
            let (credentials, others) = names(service);
            for name in credentials.iter().chain(others) {
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
