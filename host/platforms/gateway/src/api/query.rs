//! A request's query, and its body as JSON.

use std::borrow::Cow;

use http_protocol::{Request, Response, json};
use platform::PlatformError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A query's value of that name, decoded.
pub(crate) fn query<'a>(request: &'a Request, name: &str) -> Option<Cow<'a, str>> {
    let query = request.uri().query()?;
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value)
}

/// A query's value as a number.
pub(crate) fn number(request: &Request, name: &str) -> Result<Option<u64>, PlatformError> {
    let Some(text) = query(request, name) else { return Ok(None) };
    let wrong = || PlatformError::Invalid(format!("`{name}` is {text:?}: give a whole number"));
    text.parse().map(Some).map_err(|_| wrong())
}

/// A request's body.
pub(crate) fn body<T: DeserializeOwned>(request: &Request) -> Result<T, PlatformError> {
    serde_json::from_slice(request.body())
        .map_err(|error| PlatformError::Invalid(format!("the body is not what this path takes: {error}")))
}

/// An answer of JSON.
pub(crate) fn answer(status: u16, value: &impl Serialize) -> Result<Response, PlatformError> {
    let body = serde_json::to_vec(value)
        .map_err(|error| PlatformError::Invalid(format!("the answer can't be written as JSON: {error}")))?;
    Ok(json(status, body))
}
