//! Sending spans.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use percent_encoding::percent_decode_str;
use prost::Message;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use thiserror::Error;

use super::convert::request;
use crate::Span;

/// Spans of one request: what OpenTelemetry's own batches have at most by default.
const BATCH: usize = 512;
/// How often a request is made at most.
const ATTEMPTS: u32 = 3;
/// The pause before the second attempt; it doubles with each.
const PAUSE: Duration = Duration::from_millis(200);
/// How long an answer is waited for: OpenTelemetry's own default.
const PATIENCE: Duration = Duration::from_secs(10);
/// Headers of each request, as OpenTelemetry's exporters read them: `name=value,name=value`, percent-encoded.
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";

/// Why spans were not exported.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OtlpError {
    /// The address is none.
    #[error("spans can't be sent to `{address}`: {reason}; give a receiver's address as in http://127.0.0.1:4318")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong.
        reason: String,
    },
    /// The headers in the environment are none.
    #[error("{HEADERS} can't be used: `{name}` is no header with a value; give name=value,name=value")]
    Headers {
        /// Which; never its value.
        name: String,
    },
    /// An id that is not one of OpenTelemetry.
    #[error("the id `{id}` is not {digits} hexadecimal digits other than zeros")]
    Identifier {
        /// The id.
        id: String,
        /// How many digits it should have.
        digits: usize,
    },
    /// No answer, or one that is no success.
    #[error("the receiver at {address} did not take spans: {reason}; {sent} were taken before")]
    Receiver {
        /// Where.
        address: String,
        /// What was seen.
        reason: String,
        /// Spans that it took before.
        sent: u64,
    },
}

/// Where spans are sent: `/v1/traces` below the address, which may name it already.
///
/// # Errors
/// When it is no address of HTTP, or holds credentials.
pub fn endpoint(address: &str) -> Result<Url, OtlpError> {
    let wrong = |reason: &str| OtlpError::Address { address: address.to_owned(), reason: reason.to_owned() };
    let mut url = Url::parse(address).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("it is not http:// or https:// and a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(OtlpError::Address {
            address: "…".to_owned(),
            reason: format!("it holds credentials, which belong into {HEADERS}"),
        });
    }
    let path = url.path().trim_end_matches('/').to_owned();
    if !path.ends_with("/v1/traces") {
        url.set_path(&format!("{path}/v1/traces"));
    }
    Ok(url)
}

/// Sends spans to a receiver and returns how many it took.
///
/// # Errors
/// When the address or the headers in the environment can't be used, or the receiver does not take all of them.
pub async fn export(address: &str, spans: &[Span]) -> Result<u64, OtlpError> {
    let url = endpoint(address)?;
    let headers = headers(&std::env::var(HEADERS).unwrap_or_default())?;
    let failed = |reason: String, sent: u64| OtlpError::Receiver { address: url.to_string(), reason, sent };
    // Another part of the program may have chosen one before; each of them will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| failed(error.to_string(), 0))?;
    let mut sent = 0;
    for batch in spans.chunks(BATCH) {
        let body = request(batch)?.encode_to_vec();
        let rejected = post(&client, &url, &headers, body).await.map_err(|reason| failed(reason, sent))?;
        sent += (batch.len() as u64).saturating_sub(rejected.0);
        if rejected.0 > 0 {
            return Err(failed(format!("it rejected {} spans: {}", rejected.0, rejected.1), sent));
        }
    }
    Ok(sent)
}

/// Makes one request, again when the receiver asks for that; how many spans were rejected, and why.
async fn post(client: &Client, url: &Url, headers: &HeaderMap, body: Vec<u8>) -> Result<(u64, String), String> {
    let mut pause = PAUSE;
    let mut last = String::new();
    for attempt in 1..=ATTEMPTS {
        if attempt > 1 {
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        let request = client.post(url.clone()).headers(headers.clone()).header(CONTENT_TYPE, "application/x-protobuf");
        let response = match request.body(body.clone()).send().await {
            Ok(response) => response,
            Err(error) => {
                last = error.without_url().to_string();
                continue;
            }
        };
        let status = response.status();
        let answer = response.bytes().await.unwrap_or_default();
        if status.is_success() {
            // An answer in another form than was asked for says nothing of rejected spans.
            let answer = ExportTraceServiceResponse::decode(answer).unwrap_or_default();
            let partial = answer.partial_success.unwrap_or_default();
            return Ok((u64::try_from(partial.rejected_spans).unwrap_or(0), partial.error_message));
        }
        let said: String =
            String::from_utf8_lossy(&answer).chars().filter(|letter| !letter.is_control()).take(200).collect();
        last = format!("status {status}: {said}");
        let again = [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::BAD_GATEWAY,
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::GATEWAY_TIMEOUT,
        ];
        if !again.contains(&status) {
            break;
        }
    }
    Err(last)
}

fn headers(text: &str) -> Result<HeaderMap, OtlpError> {
    let mut headers = HeaderMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let wrong = || OtlpError::Headers { name: name.trim().to_owned() };
        let value = percent_decode_str(value.trim()).decode_utf8().map_err(|_| wrong())?;
        let mut value = HeaderValue::from_str(&value).map_err(|_| wrong())?;
        if value.is_empty() {
            return Err(OtlpError::Headers { name: "an entry without a value".to_owned() });
        }
        value.set_sensitive(true);
        headers.insert(HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| wrong())?, value);
    }
    Ok(headers)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_added_where_it_is_missing() {
        for (address, url) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
            ("https://host/otlp", "https://host/otlp/v1/traces"),
            ("https://host/otlp/v1/traces", "https://host/otlp/v1/traces"),
        ] {
            assert_eq!(endpoint(address).unwrap().as_str(), url);
        }
        for wrong in ["", "127.0.0.1:4318", "grpc://host", "http://"] {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
        let error = endpoint("http://user:secret@host").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn headers_are_read_as_other_exporters_do_and_an_error_does_not_tell_them() {
        let read = headers("api-key=a%20b, x=1").unwrap();
        assert_eq!((read["api-key"].to_str().unwrap(), read["x"].to_str().unwrap()), ("a b", "1"));
        assert!(headers("").unwrap().is_empty());
        for wrong in ["secret", "a b=secret", "x=secret%0d%0a"] {
            let error = headers(wrong).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
