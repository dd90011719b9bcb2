//! A client for each bucket that is used.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use lab::{Error, ErrorKind};
use native::{RemoteLocation, Service};
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};
use object_store::list::PaginatedListStore;
use object_store::{ObjectStore, StaticCredentialProvider};

use crate::Patience;
use crate::client::Connector;
use crate::configuration::Configuration;
use crate::failure::unusable;

/// Clients that are kept. Events name buckets, so their number must have an end.
const BUCKETS: usize = 64;

/// A service's bucket.
pub(crate) trait Store: ObjectStore + PaginatedListStore {}

impl<T: ObjectStore + PaginatedListStore> Store for T {}

pub(crate) type Bucket = Arc<dyn Store>;

/// The clients of a location's buckets. They share their connections.
pub(crate) struct Stores {
    location: RemoteLocation,
    configuration: Configuration,
    patience: Patience,
    connector: Connector,
    buckets: Mutex<HashMap<String, Bucket>>,
}

impl Stores {
    pub(crate) fn new(
        location: RemoteLocation,
        configuration: Configuration,
        patience: Patience,
    ) -> Result<Stores, Error> {
        let tls = trust::client_config(trust::system_roots())
            .map_err(|error| Error::new(ErrorKind::Unavailable, format!("TLS can't be used: {error}")))?;
        let connector = Connector::new(tls, patience);
        Ok(Stores { location, configuration, patience, connector, buckets: Mutex::default() })
    }

    /// The client of the service's bucket `name`.
    pub(crate) fn bucket(&self, name: &str) -> Result<Bucket, Error> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get(name) {
            return Ok(bucket.clone());
        }
        let bucket = self.make(name).map_err(|_| unusable(&self.location))?;
        if buckets.len() >= BUCKETS {
            buckets.clear();
        }
        buckets.insert(name.to_owned(), bucket.clone());
        Ok(bucket)
    }

    fn make(&self, bucket: &str) -> object_store::Result<Bucket> {
        let retry = self.patience.retry_config();
        let connector = self.connector.clone();
        let endpoint = self.location.endpoint.as_deref();
        let is_plain = |endpoint: Option<&str>| endpoint.is_some_and(|url| url.starts_with("http://"));
        match self.location.service {
            Service::S3 => {
                let mut builder = AmazonS3Builder::new().with_bucket_name(bucket).with_retry(retry);
                for (key, value) in self.configuration.keys() {
                    builder = builder.with_config(key, value);
                }
                if let Some(region) = &self.location.region {
                    builder = builder.with_region(region);
                }
                if let Some(endpoint) = endpoint {
                    builder = builder.with_config(object_store::aws::AmazonS3ConfigKey::S3Endpoint, endpoint);
                }
                let variable = |name| self.configuration.get(name);
                let used = endpoint.or(variable("AWS_ENDPOINT_URL_S3")).or(variable("AWS_ENDPOINT_URL"));
                Ok(Arc::new(builder.with_allow_http(is_plain(used)).with_http_connector(connector).build()?))
            }
            Service::GoogleCloud => {
                let mut builder = GoogleCloudStorageBuilder::new().with_bucket_name(bucket).with_retry(retry);
                for (key, value) in self.configuration.keys() {
                    builder = builder.with_config(key, value);
                }
                if let Some(endpoint) = endpoint {
                    builder = builder.with_base_url(endpoint);
                }
                if self.configuration.get("GOOGLE_SKIP_SIGNATURE") == Some("true") {
                    // Writing asks for a token all the same: it gets one that the client leaves out.
                    let none = GcpCredential { bearer: String::new() };
                    builder = builder.with_credentials(Arc::new(StaticCredentialProvider::new(none)));
                }
                let options = object_store::ClientOptions::new().with_allow_http(is_plain(endpoint));
                Ok(Arc::new(builder.with_client_options(options).with_http_connector(connector).build()?))
            }
            Service::Azure => {
                let account = self.location.account.as_deref().unwrap_or_default();
                let mut builder = MicrosoftAzureBuilder::new().with_container_name(bucket).with_retry(retry);
                for (key, value) in self.configuration.keys() {
                    builder = builder.with_config(key, value);
                }
                if let Some(endpoint) = endpoint {
                    builder = builder.with_endpoint(account_url(endpoint, account));
                }
                builder = builder.with_account(account).with_allow_http(is_plain(endpoint));
                Ok(Arc::new(builder.with_http_connector(connector).build()?))
            }
        }
    }
}

/// The URL of an account: servers at an address have it in the path, `http://127.0.0.1:10000/ACCOUNT`.
fn account_url(endpoint: &str, account: &str) -> String {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    if rest.contains('/') || rest.starts_with(&format!("{account}.")) {
        endpoint.to_owned()
    } else {
        format!("{endpoint}/{account}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_azure_account_is_in_the_host_name_or_else_in_the_path() {
        for (endpoint, url) in [
            ("http://127.0.0.1:10000", "http://127.0.0.1:10000/account1"),
            ("http://127.0.0.1:10000/account1", "http://127.0.0.1:10000/account1"),
            ("https://account1.blob.example.org", "https://account1.blob.example.org"),
        ] {
            assert_eq!(account_url(endpoint, "account1"), url);
        }
    }
}
