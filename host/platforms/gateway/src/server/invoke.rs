//! One invocation: a request in, the platform's answer out.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_protocol::{Request, Response, json};
use hyper::HeaderMap;
use hyper::header::HeaderValue;
use lab::Error;
use platform::{Answer, Invocation, Platform};

use super::functions::Function;
use super::headers::{
    BILLING, CALL_ID, DURATION, EXECUTION, INSTANCE_ID, INSTANCE_SEQUENCE, INSTANCE_UPTIME, PLATFORM_CALL, QUEUE,
    START, START_TIME, Values, patience,
};
use super::trace;
use crate::failure::{failure, refusal};

/// The event of a plain `GET`, or of a `POST` without a body.
const EMPTY_EVENT: Bytes = Bytes::from_static(b"{}");

/// One call that was taken, with its name.
pub(crate) struct Call {
    pub(crate) name: HeaderValue,
    pub(crate) function: Arc<Function>,
    pub(crate) invocation: Invocation,
    start_unix_ns: u64,
    begin: Instant,
}

impl Call {
    /// A request as a call of `function`.
    ///
    /// # Errors
    /// The answer to a request that is not one.
    pub(crate) fn new(name: HeaderValue, function: Arc<Function>, request: Request) -> Result<Call, Box<Response>> {
        let (parts, body) = request.into_parts();
        let invocation =
            invocation(&parts.headers, body).map_err(|error| Box::new(refusal(400, &Error::bad_request(error))))?;
        let start_unix_ns = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| {
            // Until the year 2554.
            u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
        });
        Ok(Call { name, function, invocation, start_unix_ns, begin: Instant::now() })
    }

    /// Performs it and counts it.
    pub(crate) async fn perform(&self, platform: &dyn Platform, log: bool) -> Response {
        let _in_flight = self.function.metrics.begin();
        let result = platform.invoke(&self.function.deployment, &self.invocation).await;
        let duration = self.begin.elapsed();
        let (mut response, values) = match &result {
            Ok(answer) => {
                self.function.metrics.observe_answer(answer);
                (json(answer.status, answer.body.clone()), self.values(answer))
            }
            Err(error) => (failure(error), Values::new()),
        };
        let mut values = values;
        values.add(START_TIME, format_args!("{}", self.start_unix_ns));
        values.add(DURATION, format_args!("{}.{:06}", duration.as_secs(), duration.subsec_micros()));
        values.finish(response.headers_mut());
        response.headers_mut().insert(CALL_ID, self.name.clone());
        self.function.metrics.answered(response.status().as_u16(), duration.as_secs_f64());
        if log {
            self.log(&response, &result, duration.as_micros());
        }
        response
    }

    /// What an answer says beside its body.
    fn values(&self, answer: &Answer) -> Values {
        let mut values = Values::new();
        if let Some(instance) = &answer.instance {
            values.add(INSTANCE_ID, format_args!("{}", instance.id));
            // Native images count from 0.
            values.add(INSTANCE_SEQUENCE, format_args!("{}", instance.invocation_index.saturating_sub(1)));
            values.add(INSTANCE_UPTIME, format_args!("{}", instance.age_us));
        }
        let timings = [
            (QUEUE, answer.timings.queue_ns),
            (START, answer.timings.start_instance_ns),
            (EXECUTION, answer.timings.execution_ns),
        ];
        for (name, nanoseconds) in timings {
            if let Some(nanoseconds) = nanoseconds {
                values.add_microseconds(name, nanoseconds);
            }
        }
        if let Some(call) = &answer.call {
            values.add(PLATFORM_CALL, format_args!("{}", call.0));
        }
        if let Some(billing) = &answer.billing
            && let Ok(text) = serde_json::to_string(billing)
        {
            values.add(BILLING, format_args!("{text}"));
        }
        values
    }

    fn log(&self, response: &Response, result: &Result<Answer, platform::PlatformError>, duration_us: u128) {
        let instance = result.as_ref().ok().and_then(|answer| answer.instance.as_ref());
        tracing::info!(
            call = self.name.to_str().unwrap_or_default(),
            function = self.function.name(),
            status = response.status().as_u16(),
            duration_us = u64::try_from(duration_us).unwrap_or(u64::MAX),
            event_bytes = self.invocation.event.len(),
            response_bytes = response.body().len(),
            instance = instance.map(|instance| instance.id.as_str()),
            cold = instance.map(|instance| instance.is_cold()),
            trace = self.invocation.traceparent.as_deref().and_then(|parent| parent.get(3..35)),
            "answered"
        );
    }
}

/// A request's headers and body as an invocation.
fn invocation(headers: &HeaderMap, body: Bytes) -> Result<Invocation, String> {
    let event = if body.trim_ascii().is_empty() { EMPTY_EVENT } else { body };
    if let Err(error) = std::str::from_utf8(&event) {
        let place = error.valid_up_to();
        return Err(format!("the event is not UTF-8 text from byte {place} on: give a JSON object"));
    }
    let (parent, state) = trace::context(headers);
    let patience = patience(headers).transpose()?;
    Ok(Invocation { event, traceparent: Some(parent), tracestate: state, patience })
}
