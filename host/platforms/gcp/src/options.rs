//! The table `options` of a target.

use schemars::JsonSchema;
use serde::Deserialize;

/// Who may call the functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Whoever has the role `roles/run.invoker`; calls carry an ID token.
    #[default]
    Private,
    /// Anybody: `invokerIamDisabled`.
    Public,
    /// Anybody, by a policy that gives `roles/run.invoker` to `allUsers`: for projects in which `invokerIamDisabled` is not
    /// allowed.
    PublicByPolicy,
}

/// From where calls may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ingress {
    /// Everywhere.
    #[default]
    All,
    /// The project's networks.
    Internal,
    /// These, and Google's load balancer.
    InternalAndLoadBalancer,
}

impl Ingress {
    /// The API's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Ingress::All => "INGRESS_TRAFFIC_ALL",
            Ingress::Internal => "INGRESS_TRAFFIC_INTERNAL_ONLY",
            Ingress::InternalAndLoadBalancer => "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
        }
    }
}

/// What an instance runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExecutionEnvironment {
    /// gVisor: starts faster; memory from 128 MiB, processors from 0.08.
    Gen1,
    /// A virtual machine with Linux: memory from 512 MiB, processors from 1.
    #[default]
    Gen2,
}

impl ExecutionEnvironment {
    /// The API's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            ExecutionEnvironment::Gen1 => "EXECUTION_ENVIRONMENT_GEN1",
            ExecutionEnvironment::Gen2 => "EXECUTION_ENVIRONMENT_GEN2",
        }
    }
}

/// How a cold start is brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ForceCold {
    /// A new revision. Cloud Run starts an instance of it by itself before calls go to it, so the first call finds an instance
    /// that has started and served nobody.
    #[default]
    Revision,
    /// All instances are ended by scaling by hand to none and back, so the next call waits for a start.
    ManualZero,
}

/// The table `[targets.NAME.options]` of Cloud Run.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Options {
    /// The project's id; absent: the environment variable `GOOGLE_CLOUD_PROJECT`.
    pub project: Option<String>,
    /// The region, as in `europe-west1`; absent: the environment variable `GOOGLE_CLOUD_REGION`.
    pub region: Option<String>,
    /// Takes a region that this version of faasbench does not know.
    pub unlisted_region: bool,
    /// The version of the Admin API (`v2`, November 2026).
    pub api_version: String,
    /// Where logs are read.
    pub logging_endpoint: String,
    /// The version of the Logging API (`v2`, November 2026).
    pub logging_version: String,
    /// Where metrics are read.
    pub monitoring_endpoint: String,
    /// The version of the Monitoring API (`v3`, November 2026).
    pub monitoring_version: String,
    /// Who may call.
    pub access: Access,
    /// Who gets `roles/run.invoker` on a private service, as in `user:me@example.com`, beside those who have it in the project.
    pub invokers: Vec<String>,
    /// From where calls may come.
    pub ingress: Ingress,
    /// What an instance runs in.
    pub execution_environment: ExecutionEnvironment,
    /// More processors while an instance starts.
    pub startup_cpu_boost: bool,
    /// Processors are there between calls too; billed for an instance's whole life.
    pub cpu_always: bool,
    /// The account that instances run as; absent: the project's default one. Where calls need a token, each service lets this one
    /// call it, so that functions can call each other; it needs no role of its own.
    pub service_account: Option<String>,
    /// How a cold start is brought about.
    pub force_cold: ForceCold,
    /// Functions can call each other: with a token of `service-account`, or at `invoke-url`.
    pub nested_calls: bool,
    /// Where functions call each other instead of at their services' own addresses, with `{name}`: a plain `http://` address
    /// that instances reach, such as an internal load balancer's.
    pub invoke_url: Option<String>,
    /// The name of the environment variable with the header `Authorization` of nested calls at `invoke-url`.
    pub invoke_authorization_variable: Option<String>,
    /// The name of the environment variable with an access token; where it is not set, Application Default Credentials make one.
    pub access_token_variable: String,
    /// The name of the environment variable with an ID token for calls; where it is not set, Application Default Credentials
    /// make one.
    pub id_token_variable: String,
    /// How long an operation may take, s.
    pub operation_patience_s: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            project: None,
            region: None,
            unlisted_region: false,
            api_version: "v2".to_owned(),
            logging_endpoint: "https://logging.googleapis.com".to_owned(),
            logging_version: "v2".to_owned(),
            monitoring_endpoint: "https://monitoring.googleapis.com".to_owned(),
            monitoring_version: "v3".to_owned(),
            access: Access::default(),
            invokers: Vec::new(),
            ingress: Ingress::default(),
            execution_environment: ExecutionEnvironment::default(),
            startup_cpu_boost: false,
            cpu_always: false,
            service_account: None,
            force_cold: ForceCold::default(),
            nested_calls: true,
            invoke_url: None,
            invoke_authorization_variable: None,
            access_token_variable: "CLOUDSDK_AUTH_ACCESS_TOKEN".to_owned(),
            id_token_variable: "FAASBENCH_GCP_ID_TOKEN".to_owned(),
            operation_patience_s: 300,
        }
    }
}
