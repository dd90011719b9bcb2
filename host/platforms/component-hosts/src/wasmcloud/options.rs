//! The table `[targets.NAME.options]` of a target on wasmCloud.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a target on wasmCloud is set up. The target's `endpoint` is its NATS server, `nats://` or `tls://`; without it,
/// `nats://127.0.0.1:4222`. The variables `NATS_USER` and `NATS_PASSWORD`, where both are set, let in there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct WasmcloudOptions {
    /// The group of hosts to deploy to: their label `hostgroup`.
    pub host_group: String,
    /// One host, by its id. Absent: the first one of the group of which a heartbeat is heard.
    pub host: Option<String>,
    /// Where hosts serve HTTP, as in `http://127.0.0.1:8000`. Absent: the port that the host tells, at 127.0.0.1; needed
    /// where the NATS server is elsewhere.
    pub http: Option<String>,
    /// Functions are routed to by the name NAME.DOMAIN in the header `Host`.
    pub domain: String,
    /// The namespace of workloads.
    pub namespace: String,
    /// The environment variable that holds a token of NATS.
    pub token_variable: String,
    /// Where functions call each other, as in `http://{name}.functions.example:8000/`, if hosts can resolve such names.
    /// Absent: they can't.
    pub invoke_url: Option<String>,
    /// How long a heartbeat is waited for, s; hosts send one every 15 s.
    pub heartbeat_seconds: u64,
}

impl Default for WasmcloudOptions {
    fn default() -> WasmcloudOptions {
        WasmcloudOptions {
            host_group: "default".to_owned(),
            host: None,
            http: None,
            domain: "faasbench.local".to_owned(),
            namespace: "faasbench".to_owned(),
            token_variable: "NATS_TOKEN".to_owned(),
            invoke_url: None,
            heartbeat_seconds: 45,
        }
    }
}
