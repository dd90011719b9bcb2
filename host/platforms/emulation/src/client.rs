//! A client that knows nothing of platforms.

use std::time::Duration;

use platform::HttpCall;
use remote_platform::Api;
use remote_platform::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

/// The status of a call with the event `{}`, as any client of HTTP makes it.
///
/// # Panics
/// When it can't be made or has no answer.
#[allow(clippy::unwrap_used, reason = "a test's call")]
pub async fn status_over_http(call: &HttpCall) -> u16 {
    let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    for (name, value) in &call.headers {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    let client = Api::new("client", call.url.split('?').next().unwrap(), None).unwrap();
    let answer = client.invoke("a function", &call.url, headers, "{}".into(), false, Duration::from_secs(10)).await;
    answer.unwrap().status
}
