//! AWS Lambda: its Invoke, signed.

mod answer;
mod signature;
mod trace;

use std::time::SystemTime;

use aws_credential_types::Credentials;
use http_body_util::Full;
use hyper::{Method, Request};

pub use answer::{function_error, is_function_error};
pub use trace::x_ray;

use crate::call::{Answer, Call, Failure, kind, respond, shown};
use crate::client::Client;
use crate::error::{CallerError, Variables, needed, value};

/// The most bytes of a call, and of its answer: what Lambda takes.
const MOST: usize = 6 << 20;
/// The longest name of a function.
const NAME: usize = 64;

/// Calls functions with the credentials that the instance has of its role.
pub(crate) struct Lambda {
    credentials: Credentials,
    region: String,
    endpoint: String,
}

impl Lambda {
    /// The most bytes that are read of a call or an answer; Lambda itself says what is too much.
    pub(crate) const READ: usize = MOST + (1 << 20);

    /// With what Lambda tells its instances: `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`.
    /// `FAASBENCH_LAMBDA_ENDPOINT` is another address than the region's own.
    ///
    /// # Errors
    /// When one is missing.
    pub(crate) fn new(variables: Variables<'_>) -> Result<Lambda, CallerError> {
        let region = needed(variables, "AWS_REGION")?;
        let credentials = Credentials::new(
            needed(variables, "AWS_ACCESS_KEY_ID")?,
            needed(variables, "AWS_SECRET_ACCESS_KEY")?,
            value(variables, "AWS_SESSION_TOKEN"),
            None,
            "the instance's environment",
        );
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let endpoint = value(variables, "FAASBENCH_LAMBDA_ENDPOINT")
            .unwrap_or_else(|| format!("https://lambda.{region}.{domain}"));
        Ok(Lambda { credentials, region, endpoint: endpoint.trim_end_matches('/').to_owned() })
    }

    pub(crate) async fn call(&self, client: &Client, call: Call) -> Result<Answer, Failure> {
        let name = call.name(b"_", NAME)?;
        let trace = call.traceparent.as_ref().and_then(|value| value.to_str().ok()).and_then(x_ray);
        let url = format!("{}/2015-03-31/functions/{name}/invocations", self.endpoint);
        let mut own = vec![("content-type", "application/json")];
        if let Some(trace) = &trace {
            own.push(("x-amzn-trace-id", trace));
        }
        let signed = signature::headers(&self.credentials, &self.region, &url, &own, &call.body, SystemTime::now())
            .map_err(|error| (500, "internal", format!("the call of `{name}` can't be signed: {error}")))?;
        let mut builder = Request::builder().method(Method::POST).uri(&url);
        for (header, value) in own
            .iter()
            .map(|(name, value)| (*name, *value))
            .chain(signed.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        {
            builder = builder.header(header, value);
        }
        let request = builder
            .body(Full::new(call.body.clone()))
            .map_err(|error| (500, "internal", format!("`{name}` can't be called at {}: {error}", self.endpoint)))?;
        let (parts, body) = client.send(request, &format!("calling `{name}`"), Lambda::READ).await?;
        let status = parts.status.as_u16();
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let failed = header("x-amz-function-error").is_some();
        if failed || (status == 500 && is_function_error(&body)) {
            let (status, body) = function_error(&body);
            return Ok(respond(status, body));
        }
        if !(200..300).contains(&status) {
            return Err(refused(name, status, header("x-amzn-errortype"), &body));
        }
        Ok(respond(status, body))
    }
}

/// What Lambda itself refused.
fn refused(name: &str, status: u16, code: Option<&str>, body: &[u8]) -> Failure {
    let told: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let said = told["message"].as_str().or_else(|| told["Message"].as_str()).unwrap_or_default();
    // `AccessDeniedException:http://…`
    let code = code.and_then(|code| code.split(':').next()).unwrap_or("no code");
    let said = shown(said);
    (status, kind(status), format!("Lambda refused the call of `{name}` with status {status}: {code}: {said}"))
}
