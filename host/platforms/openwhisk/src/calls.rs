//! Calls, and what is known of them afterwards.

use std::time::{Duration, Instant};

use bytes::Bytes;
use platform::{Answer, Billing, CallId, Deployment, Invocation, LogLine, PlatformError, ProviderMetric, Timings};
use remote_platform::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use remote_platform::{ApiRequest, Begin, Method};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::sleep;

use crate::activation::Activation;
use crate::credentials::PLATFORM;
use crate::platform::OpenWhisk;

/// The longest that the API itself waits for an activation.
const BLOCKING: Duration = Duration::from_secs(60);
/// How long a call may take beyond the action's own limit: waiting for a container, pulling its image.
const MARGIN: Duration = Duration::from_secs(60);
/// An action's time limit where none is asked for.
const DEFAULT_TIME: Duration = Duration::from_secs(60);
/// Between two looks for an activation that takes longer; the pause doubles up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// Activations in one answer, and answers at most.
const PAGE: usize = 200;
const PAGES: usize = 50;

/// A call that came back.
pub(crate) struct Called {
    answer: Answer,
    /// Whether the body is an activation's record.
    is_record: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    activation_id: String,
}

impl Called {
    /// The activation's record; `None` where OpenWhisk itself refused.
    pub(crate) fn record(&self) -> Option<Bytes> {
        self.is_record.then(|| self.answer.body.clone())
    }

    /// What was said.
    pub(crate) fn text(&self) -> String {
        format!("status {}: {}", self.answer.status, said(&self.answer.body))
    }
}

/// The begin of what an error says, without what could command a terminal.
fn said(body: &[u8]) -> String {
    String::from_utf8_lossy(body).trim().chars().filter(|letter| !letter.is_control()).take(200).collect()
}

impl OpenWhisk {
    fn action_address(&self, deployment: &Deployment, query: &str) -> String {
        self.api.address(&self.path(&format!("actions/{}?{query}", deployment.spec.name)))
    }

    pub(crate) fn read<'a>(&self, record: &'a [u8]) -> Result<Activation<'a>, PlatformError> {
        serde_json::from_slice(record)
            .map_err(|error| self.failed("reading an activation", format!("it is not what was expected: {error}")))
    }

    pub(crate) async fn call(&self, deployment: &Deployment, invocation: &Invocation) -> Result<Answer, PlatformError> {
        let called = self.activate(deployment, invocation).await?;
        match called.record() {
            Some(record) => Ok(self.read(&record)?.answer(called.answer.timings)),
            None => Ok(called.answer),
        }
    }

    /// Calls the action and waits for its record, beyond the minute that the API waits. What OpenWhisk refuses because of the
    /// event or its load is an answer.
    pub(crate) async fn activate(
        &self,
        deployment: &Deployment,
        invocation: &Invocation,
    ) -> Result<Called, PlatformError> {
        let name = &deployment.spec.name;
        let limit = deployment.spec.limits.time.unwrap_or(DEFAULT_TIME);
        let patience = invocation.patience.unwrap_or(limit + MARGIN);
        let begin = Begin::now();
        let blocking_ms = patience.min(BLOCKING).as_millis().max(1);
        let address = self.action_address(deployment, &format!("blocking=true&result=false&timeout={blocking_ms}"));
        let event = invocation.event.clone();
        let mut answer = self.api.invoke(name, &address, json_headers(), event, true, patience).await?;
        let mut is_record = false;
        match answer.status {
            202 => {
                let accepted: Accepted = self.accepted(&answer.body)?;
                answer.body = self.wait_for(name, &accepted.activation_id, begin, patience).await?;
                answer.timings.total_ns = begin.until(Instant::now());
                is_record = true;
            }
            200 | 502 => is_record = is_activation(&answer.body),
            401 | 403 => return Err(self.denied(name, &answer)),
            404 => return Err(PlatformError::NotFound { platform: PLATFORM.to_owned(), name: name.clone() }),
            _ => {}
        }
        Ok(Called { answer, is_record })
    }

    fn denied(&self, name: &str, answer: &Answer) -> PlatformError {
        PlatformError::Denied {
            platform: PLATFORM.to_owned(),
            reason: format!("calling {name}: status {}", answer.status),
            advice: format!(
                "look at the key in {}, and whether it is of the action's namespace",
                self.options.auth_variable
            ),
        }
    }

    fn accepted(&self, body: &[u8]) -> Result<Accepted, PlatformError> {
        serde_json::from_slice(body)
            .map_err(|error| self.failed("calling an action", format!("its answer names no activation: {error}")))
    }

    /// The record of an activation that is not there yet.
    async fn wait_for(&self, name: &str, id: &str, begin: Begin, patience: Duration) -> Result<Bytes, PlatformError> {
        let (mut pause, longest) = PAUSES;
        loop {
            if let Some(record) = self.record_of(id).await? {
                return Ok(record);
            }
            let left = patience.saturating_sub(begin.monotonic.elapsed());
            if left.is_zero() {
                return Err(PlatformError::NoAnswer { name: name.to_owned(), waited: patience });
            }
            sleep(pause.min(left)).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// The record of an activation; `None` while it has not ended.
    async fn record_of(&self, id: &str) -> Result<Option<Bytes>, PlatformError> {
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(PlatformError::Invalid(format!("{id:?} is not the name of an activation")));
        }
        let path = self.path(&format!("activations/{id}"));
        let response = self.api.ask(&ApiRequest::new("fetching an activation", Method::GET, path), &[404]).await?;
        Ok((response.status.as_u16() != 404).then_some(response.body))
    }

    pub(crate) async fn call_without_waiting(
        &self,
        deployment: &Deployment,
        invocation: &Invocation,
    ) -> Result<CallId, PlatformError> {
        let name = &deployment.spec.name;
        let address = self.action_address(deployment, "blocking=false");
        let event = invocation.event.clone();
        let answer = self.api.invoke(name, &address, json_headers(), event, true, BLOCKING).await?;
        match answer.status {
            200 | 202 => self.accepted(&answer.body).map(|accepted| CallId(accepted.activation_id)),
            401 | 403 => Err(self.denied(name, &answer)),
            404 => Err(PlatformError::NotFound { platform: PLATFORM.to_owned(), name: name.clone() }),
            status => {
                let said = said(&answer.body);
                Err(self.failed("calling an action without waiting", format!("status {status}: {said}")))
            }
        }
    }

    pub(crate) async fn result_of(&self, call: &CallId) -> Result<Option<Answer>, PlatformError> {
        let Some(record) = self.record_of(&call.0).await? else { return Ok(None) };
        let activation = self.read(&record)?;
        // By the platform's own clock: nobody here waited.
        let ms_to_ns = |ms: u64| ms.saturating_mul(1_000_000);
        let timings = Timings {
            start_unix_ns: ms_to_ns(activation.start),
            total_ns: ms_to_ns(activation.duration.unwrap_or(0) + activation.wait_ms().unwrap_or(0)),
            ..Timings::default()
        };
        Ok(Some(activation.answer(timings)))
    }

    pub(crate) async fn billing_of(&self, call: &CallId) -> Result<Option<Billing>, PlatformError> {
        let Some(record) = self.record_of(&call.0).await? else { return Ok(None) };
        Ok(self.read(&record)?.billing())
    }

    /// The records of a deployment's activations that began at `since_ms` or later, the newest first.
    async fn records(&self, deployment: &Deployment, since_ms: u64) -> Result<Vec<Box<RawValue>>, PlatformError> {
        let mut records = Vec::new();
        for page in 0..PAGES {
            let path = self.path(&format!(
                "activations?name={}&since={since_ms}&docs=true&limit={PAGE}&skip={}",
                deployment.spec.name,
                page * PAGE
            ));
            let request = ApiRequest::new("listing activations", Method::GET, path);
            let some: Vec<Box<RawValue>> = self.api.ask(&request, &[]).await?.json()?;
            let last = some.len() < PAGE;
            records.extend(some);
            if last {
                break;
            }
        }
        Ok(records)
    }

    pub(crate) async fn log_of(
        &self,
        deployment: &Deployment,
        since_unix_ns: u64,
    ) -> Result<Vec<LogLine>, PlatformError> {
        // A line may be written long after its activation began.
        let limit = deployment.spec.limits.time.unwrap_or(DEFAULT_TIME) + MARGIN;
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let since_ms = (since_unix_ns / 1_000_000).saturating_sub(limit_ms);
        let mut lines = Vec::new();
        for record in self.records(deployment, since_ms).await? {
            lines.extend(self.read(record.get().as_bytes())?.log_lines());
        }
        lines.retain(|line| line.unix_ns >= since_unix_ns);
        lines.sort_by_key(|line| line.unix_ns);
        Ok(lines)
    }

    /// Sums over the activations of the last hour.
    pub(crate) async fn metrics_of(&self, deployment: &Deployment) -> Result<Vec<ProviderMetric>, PlatformError> {
        let hour_ago_ms = (Begin::now().unix_ns / 1_000_000).saturating_sub(3_600_000);
        let (mut count, mut cold) = (0_u32, 0_u32);
        let (mut duration_ms, mut init_ms, mut wait_ms, mut gigabyte_seconds) = (0, 0, 0, 0.0);
        for record in self.records(deployment, hour_ago_ms).await? {
            let activation = self.read(record.get().as_bytes())?;
            count += 1;
            cold += u32::from(activation.init_ms().is_some());
            duration_ms += activation.duration.unwrap_or(0);
            init_ms += activation.init_ms().unwrap_or(0);
            wait_ms += activation.wait_ms().unwrap_or(0);
            gigabyte_seconds += activation.billing().and_then(|billing| billing.gigabyte_seconds).unwrap_or(0.0);
        }
        let metric =
            |name: &str, value: f64, unit: &str| ProviderMetric { name: name.to_owned(), value, unit: unit.to_owned() };
        Ok(vec![
            metric("activations in the last hour", count.into(), "1"),
            metric("cold activations in the last hour", cold.into(), "1"),
            metric("duration in the last hour", duration_ms as f64, "ms"),
            metric("initTime in the last hour", init_ms as f64, "ms"),
            metric("waitTime in the last hour", wait_ms as f64, "ms"),
            metric("billed in the last hour", gigabyte_seconds, "GB-s"),
        ])
    }
}

fn json_headers() -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))])
}

/// Whether a body is an activation's record, and not an error of OpenWhisk's.
fn is_activation(body: &[u8]) -> bool {
    serde_json::from_slice::<Activation<'_>>(body).is_ok()
}
