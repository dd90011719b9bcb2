//! Azure Functions: a POST with a key.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::HeaderValue;

use crate::call::{Answer, Call, Failure};
use crate::client::Client;
use crate::error::{CallerError, Variables, value};
use crate::template::Template;

const KEY: &str = "FAASBENCH_CALLER_KEY";
/// The longest name that is part of a host's.
const NAME: usize = 60;

/// Calls functions of Azure.
pub(crate) struct Azure {
    url: Template,
    key: Option<HeaderValue>,
}

impl Azure {
    /// The most bytes of an event, and of its answer: what an image reads of one.
    pub(crate) const READ: usize = 32 << 20;

    /// # Errors
    /// When there is no URL, or the key can't stand in a header.
    pub(crate) fn new(variables: Variables<'_>) -> Result<Azure, CallerError> {
        let key = value(variables, KEY).map(|key| -> Result<HeaderValue, CallerError> {
            let wrong = |_| CallerError::Value { variable: KEY, accepted: "a key that can stand in a header" };
            let mut key = HeaderValue::from_str(&key).map_err(wrong)?;
            key.set_sensitive(true);
            Ok(key)
        });
        Ok(Azure { url: Template::new(variables, false)?, key: key.transpose()? })
    }

    pub(crate) async fn call(&self, client: &Client, call: Call) -> Result<Answer, Failure> {
        let name = call.name(b"", NAME)?;
        let mut request = call.post().uri(self.url.url(name, "")?);
        if let Some(key) = &self.key {
            request = request.header("x-functions-key", key);
        }
        let request = request
            .body(Full::<Bytes>::new(call.body.clone()))
            .map_err(|error| (500, "internal", format!("`{name}` can't be called: {error}")))?;
        let (parts, body) = client.send(request, &format!("calling `{name}`"), Azure::READ).await?;
        let advice = match parts.status.as_u16() {
            401 => "its site has another key than this one; deploy both again",
            404 => "deploy a function under that name",
            _ => "",
        };
        call.answered("Azure", parts.status, body, advice)
    }
}
