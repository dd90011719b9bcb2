//! Requests to wasmCloud's hosts over NATS.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Request, RequestErrorKind};
use futures_util::StreamExt;
use platform::PlatformError;
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep, timeout_at};

use super::messages::{HEARTBEATS, Heartbeat, WorkloadAnswer, WorkloadStatus, subject};
use super::options::WasmcloudOptions;

/// The platform's name.
pub(super) const PLATFORM: &str = "wasmcloud";
/// The longest that connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest that a host may take to answer.
const ANSWER: Duration = Duration::from_secs(20);
/// The same where it starts a workload: it pulls and compiles an image.
const START: Duration = Duration::from_secs(180);
/// How often a host that nobody answers for is asked, and the pause between.
const ATTEMPTS: u32 = 5;
/// See [`ATTEMPTS`].
const PAUSE: Duration = Duration::from_millis(500);

/// The control plane.
pub(super) struct Control {
    address: String,
    token_variable: String,
    client: OnceCell<Client>,
    /// The host that was heard last: it is asked before another one is waited for, as heartbeats are seconds apart.
    heard: Mutex<Option<String>>,
}

impl Control {
    pub(super) fn new(address: &str, options: &WasmcloudOptions) -> Control {
        Control {
            address: address.to_owned(),
            token_variable: options.token_variable.clone(),
            client: OnceCell::new(),
            heard: Mutex::default(),
        }
    }

    /// The connection, made at the first need.
    async fn client(&self) -> Result<&Client, PlatformError> {
        self.client.get_or_try_init(|| self.connect()).await
    }

    async fn connect(&self) -> Result<Client, PlatformError> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let mut options =
            ConnectOptions::new().name(concat!("faasbench/", env!("CARGO_PKG_VERSION"))).connection_timeout(CONNECT);
        if let Some(token) = variable(&self.token_variable) {
            options = options.token(token);
        } else if let (Some(user), Some(password)) = (variable("NATS_USER"), variable("NATS_PASSWORD")) {
            options = options.user_and_password(user, password);
        }
        options.connect(&self.address).await.map_err(|error| match error.kind() {
            async_nats::ConnectErrorKind::Authentication | async_nats::ConnectErrorKind::AuthorizationViolation => {
                PlatformError::Denied {
                    platform: PLATFORM.to_owned(),
                    reason: format!("NATS at {} does not let us in", self.address),
                    advice: format!("set {}, or NATS_USER and NATS_PASSWORD", self.token_variable),
                }
            }
            _ => PlatformError::Unreachable {
                platform: PLATFORM.to_owned(),
                reason: format!("no connection to NATS at {}: {error}", self.address),
                advice: "look whether it runs there, and at the target's `endpoint`".to_owned(),
            },
        })
    }

    /// A host of the group: the named one, or the first that is heard.
    pub(super) async fn host(&self, options: &WasmcloudOptions) -> Result<Heartbeat, PlatformError> {
        if let Some(host) = &options.host {
            return self.heartbeat(host).await?.ok_or_else(|| PlatformError::Unreachable {
                platform: PLATFORM.to_owned(),
                reason: format!("no host `{host}` answers"),
                advice: "look whether it runs: each start of a host gives it a new id, unless it is told one"
                    .to_owned(),
            });
        }
        let known = self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(host) = known
            && let Some(heartbeat) = self.heartbeat(&host).await?
        {
            return Ok(heartbeat);
        }
        let heard = self.client().await?.subscribe(HEARTBEATS).await;
        let mut heard = heard.map_err(|error| failed("listening for heartbeats", error.to_string()))?;
        let until = Instant::now() + Duration::from_secs(options.heartbeat_seconds);
        while let Ok(Some(message)) = timeout_at(until, heard.next()).await {
            // What is no heartbeat, or of a later kind, is none of our host.
            let Ok(heartbeat) = serde_json::from_slice::<Heartbeat>(&message.payload) else { continue };
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            let is_of_group = heartbeat.labels.get("hostgroup") == Some(&options.host_group);
            if is_of_group && !heartbeat.id.is_empty() && heartbeat.id.bytes().all(is_plain) {
                *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(heartbeat.id.clone());
                return Ok(heartbeat);
            }
        }
        Err(PlatformError::Unreachable {
            platform: PLATFORM.to_owned(),
            reason: format!(
                "no heartbeat of a host of the group `{}` within {} s at {}",
                options.host_group, options.heartbeat_seconds, self.address
            ),
            advice: "start one: `wash host --scheduler-nats-url URL --host-group GROUP`".to_owned(),
        })
    }

    /// Asks a host how it is; `None` when there is no such host.
    async fn heartbeat(&self, host: &str) -> Result<Option<Heartbeat>, PlatformError> {
        let answer = self.ask(host, "heartbeat", &Value::Object(Default::default())).await?;
        let read = answer.map(|answer| serde_json::from_slice(&answer)).transpose();
        read.map_err(|error| failed("reading a heartbeat", error.to_string()))
    }

    /// Asks a host about a workload; `None` when there is no such host.
    pub(super) async fn workload(
        &self,
        host: &str,
        verb: &str,
        body: &Value,
    ) -> Result<Option<WorkloadStatus>, PlatformError> {
        let Some(answer) = self.ask(host, verb, body).await? else { return Ok(None) };
        let answer: WorkloadAnswer = serde_json::from_slice(&answer).map_err(|error| {
            let said: String = String::from_utf8_lossy(&answer).chars().filter(|c| !c.is_control()).take(300).collect();
            failed(
                &format!("asking the host {host} for {verb}"),
                format!("its answer is not understood: {error}: {said}"),
            )
        })?;
        Ok(Some(answer.workload_status))
    }

    /// Asks; `None` when nobody listens for this host, also after some seconds.
    async fn ask(&self, host: &str, verb: &str, body: &Value) -> Result<Option<bytes::Bytes>, PlatformError> {
        let client = self.client().await?;
        let patience = if verb == "workload.start" { START } else { ANSWER };
        for attempt in 1..=ATTEMPTS {
            let request = Request::new().payload(body.to_string().into()).timeout(Some(patience));
            match client.send_request(subject(host, verb), request).await {
                Ok(message) => return Ok(Some(message.payload)),
                // It was not delivered, so nothing happens twice. A host that lost its connection is back soon.
                Err(error) if error.kind() == RequestErrorKind::NoResponders && attempt < ATTEMPTS => {
                    sleep(PAUSE).await
                }
                Err(error) if error.kind() == RequestErrorKind::NoResponders => return Ok(None),
                Err(error) => return Err(failed(&format!("asking the host {host} for {verb}"), error.to_string())),
            }
        }
        Ok(None)
    }
}

/// Something that failed there.
pub(super) fn failed(doing: &str, reason: String) -> PlatformError {
    PlatformError::Failed { platform: PLATFORM.to_owned(), doing: doing.to_owned(), reason }
}
