//! A client's failure as an error of the lab.
//!
//! What a service sends back is not repeated but for its code: S3 answers a wrong signature with the access key and all that
//! was signed, and a URL can hold a token.

use std::error::Error as StdError;
use std::fmt;

use lab::{Error, ErrorKind};
use native::{RemoteLocation, Service};
use object_store::client::{HttpError, HttpErrorKind};

use crate::configuration::credential_variables;

/// Longest code of a service's error that is repeated, characters.
const LONGEST_CODE: usize = 64;

/// What was asked for, and of whom.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) doing: &'static str,
    pub(crate) location: RemoteLocation,
    pub(crate) has_credentials: bool,
    pub(crate) bucket: String,
    /// `None` when it is about the bucket.
    pub(crate) key: Option<String>,
}

impl Request {
    /// The lab's error for what happened to this request.
    pub(crate) fn failed(&self, error: &object_store::Error) -> Error {
        use object_store::Error as Failure;

        let text = error.to_string();
        let code = code(&text);
        let because = code.map(|code| format!(" ({code})")).unwrap_or_default();
        let status = status(&text);
        match error {
            Failure::InvalidPath { .. } => {
                Error::bad_request(format!("{self} failed: the key holds characters that the storage does not take"))
            }
            Failure::NotFound { .. } => self.missing(code),
            Failure::PermissionDenied { .. } | Failure::Unauthenticated { .. } => self.denied(&because),
            // Redirects say that the bucket is in another region.
            _ if matches!(status, Some(301 | 307 | 308)) || text.contains("redirect without LOCATION") => Error::new(
                ErrorKind::Denied,
                format!("{self} failed: the bucket is in another region; give it, as in ?region=eu-west-1"),
            ),
            _ => match (status, code) {
                (Some(401 | 403), _) => self.denied(&because),
                (Some(404), _) => self.missing(code),
                (_, Some("ExpiredToken" | "InvalidToken" | "TokenRefreshRequired")) => self.denied(&because),
                (Some(400), _) => {
                    Error::internal(format!("{self} failed: the storage did not accept the request{because}"))
                }
                (Some(status), _) => self.unavailable(&format!("it answered with {status}{because}")),
                (None, _) => match transport(error) {
                    Some(HttpErrorKind::Connect) => self.unavailable("it can't be reached"),
                    Some(HttpErrorKind::Timeout) => self.unavailable("it took too long"),
                    Some(HttpErrorKind::Request | HttpErrorKind::Interrupted) => {
                        self.unavailable("the connection broke")
                    }
                    Some(_) => self.unavailable("the exchange failed"),
                    None => self.unavailable("its answer or the environment's settings of it can't be used"),
                },
            },
        }
    }

    fn missing(&self, code: Option<&str>) -> Error {
        let bucket_is_missing = matches!(code, Some("NoSuchBucket" | "ContainerNotFound")) || self.key.is_none();
        match &self.key {
            Some(key) if !bucket_is_missing => {
                Error::not_found(format!("no object {key:?} in bucket {:?} of {}", self.bucket, self.location))
            }
            _ => {
                // The bucket of the location, or where it has none that of the event.
                let real = self.location.bucket.as_deref().unwrap_or(&self.bucket);
                Error::not_found(format!("no bucket {real:?} at {}: make it first", self.location))
            }
        }
    }

    fn denied(&self, because: &str) -> Error {
        let variables = credential_variables(self.location.service);
        let advice = if self.has_credentials { "check" } else { "no credentials are in the environment; set" };
        Error::new(ErrorKind::Denied, format!("{self} was denied{because}: {advice} {variables}"))
    }

    fn unavailable(&self, reason: &str) -> Error {
        let mut message = format!("{self} failed: {reason}");
        if !self.has_credentials {
            // Then a cloud's own machine is asked for them, which elsewhere is not there.
            message.push_str("; no credentials are in the environment: set ");
            message.push_str(credential_variables(self.location.service));
        }
        Error::new(ErrorKind::Unavailable, message)
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.doing)?;
        if let Some(key) = &self.key {
            let shown: String = key.chars().take(200).collect();
            write!(f, "object {shown:?} in ")?;
        }
        write!(f, "bucket {:?} of {}", self.bucket, self.location)
    }
}

/// A client that could not be made: something in the environment can't be used. The reason is not repeated, as it may hold
/// a value.
pub(crate) fn unusable(location: &RemoteLocation) -> Error {
    let variables = match location.service {
        Service::S3 => "AWS_…",
        Service::GoogleCloud => "GOOGLE_…, and the files that they name,",
        Service::Azure => "AZURE_…",
    };
    Error::new(
        ErrorKind::Denied,
        format!("the client of {location} could not be made: check the variables {variables} of the environment"),
    )
}

/// The HTTP status of an answer, from the client's text: the client does not hand it out otherwise.
fn status(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

/// The code of a service's error: `<Code>NoSuchKey</Code>`.
fn code(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let plain = code.len() <= LONGEST_CODE && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then_some(code)
}

fn transport(error: &(dyn StdError + 'static)) -> Option<HttpErrorKind> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<HttpError>() {
            return Some(error.kind());
        }
        next = error.source();
    }
    None
}
