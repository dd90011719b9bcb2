//! The metadata server of an instance (cloud.google.com/run/docs/container-contract#metadata-server).

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::http::uri::Authority;
use tokio::time::timeout;

use crate::call::{Failure, shown};
use crate::client::Client;
use crate::error::{CallerError, Variables, value};

const VARIABLE: &str = "GCE_METADATA_HOST";
/// Where it is in the whole of Google Cloud; by its number, so that no name has to be looked up.
const HOST: &str = "169.254.169.254";
/// The longest that it may take to answer: it is on the same machine, and asks elsewhere for tokens.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most bytes that are read of an answer.
const READ: usize = 64 << 10;

/// Asks the metadata server.
pub(crate) struct Metadata {
    host: String,
}

impl Metadata {
    /// The one that `GCE_METADATA_HOST` names, `HOST` or `HOST:PORT`, or else Google's.
    ///
    /// # Errors
    /// When that can't be a host.
    pub(crate) fn new(variables: Variables<'_>) -> Result<Metadata, CallerError> {
        let host = value(variables, VARIABLE).unwrap_or_else(|| HOST.to_owned());
        let accepted = "HOST or HOST:PORT";
        match host.parse::<Authority>() {
            Ok(authority) if !authority.as_str().contains('@') => Ok(Metadata { host }),
            _ => Err(CallerError::Value { variable: VARIABLE, accepted }),
        }
    }

    /// The number of the project that the instance is in.
    pub(crate) async fn project_number(&self, client: &Client) -> Result<String, Failure> {
        let number = self.ask(client, "project/numeric-project-id").await?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            let number = shown(&number);
            return Err((
                503,
                "unavailable",
                format!("the metadata server says that the project's number is {number:?}"),
            ));
        }
        Ok(number)
    }

    /// A token of the account that the instance runs as, for a service.
    pub(crate) async fn id_token(&self, client: &Client, audience: &str) -> Result<String, Failure> {
        let audience: String = form_urlencoded::byte_serialize(audience.as_bytes()).collect();
        self.ask(client, &format!("instance/service-accounts/default/identity?audience={audience}")).await
    }

    async fn ask(&self, client: &Client, what: &str) -> Result<String, Failure> {
        let doing = format!("asking the metadata server at {}", self.host);
        let request = Request::get(format!("http://{}/computeMetadata/v1/{what}", self.host))
            .header("metadata-flavor", "Google")
            .body(Full::<Bytes>::default())
            .map_err(|error| (500, "internal", format!("{doing} failed: {error}")))?;
        let answer = timeout(PATIENCE, client.send(request, &doing, READ)).await;
        let late = |_| (503, "unavailable", format!("{doing} failed: no answer within {} s", PATIENCE.as_secs()));
        let (parts, body) = answer.map_err(late)??;
        let text = String::from_utf8_lossy(&body);
        if !parts.status.is_success() {
            let said = shown(&text);
            return Err((503, "unavailable", format!("{doing} failed: status {}: {said}", parts.status.as_u16())));
        }
        Ok(text.trim().to_owned())
    }
}
