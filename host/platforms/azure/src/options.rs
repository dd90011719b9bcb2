//! The table `options` of a target.

use schemars::JsonSchema;
use serde::Deserialize;

/// What a site runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Plan {
    /// Flex Consumption (FC1): 512, 2048 or 4096 MiB, concurrency and instances that are always ready.
    #[default]
    Flex,
    /// Consumption on Linux (Y1): what an instance has is fixed. Azure retires it in 2028.
    Consumption,
}

/// Who may call the functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthLevel {
    /// Whoever has the function's key, which is read where a call needs it and kept nowhere.
    #[default]
    Function,
    /// Anybody.
    Anonymous,
}

impl AuthLevel {
    /// The word of `function.json`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            AuthLevel::Function => "function",
            AuthLevel::Anonymous => "anonymous",
        }
    }
}

/// The versions of Azure's APIs, each with its own date.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ApiVersions {
    /// Resource groups, lists of resources.
    pub resources: String,
    /// The subscription's regions.
    pub locations: String,
    /// `Microsoft.Storage`.
    pub storage: String,
    /// `Microsoft.Web`: sites and plans. Flex Consumption needs 2024-04-01 or later.
    pub web: String,
    /// `Microsoft.Insights/components`.
    pub insights: String,
    /// `Microsoft.OperationalInsights/workspaces`.
    pub workspaces: String,
    /// `Microsoft.Insights/metrics`.
    pub metrics: String,
}

impl Default for ApiVersions {
    fn default() -> ApiVersions {
        ApiVersions {
            resources: "2021-04-01".to_owned(),
            locations: "2022-12-01".to_owned(),
            storage: "2023-05-01".to_owned(),
            web: "2024-11-01".to_owned(),
            insights: "2020-02-02".to_owned(),
            workspaces: "2023-09-01".to_owned(),
            metrics: "2024-02-01".to_owned(),
        }
    }
}

/// The table `[targets.NAME.options]` of Azure Functions.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Options {
    /// The subscription's id; absent: the environment variable `AZURE_SUBSCRIPTION_ID`.
    pub subscription: Option<String>,
    /// The region, as in `westeurope`.
    pub region: Option<String>,
    /// A resource group that is there already; absent: each deployment has one of its own, which goes with it.
    pub resource_group: Option<String>,
    /// What sites run on.
    pub plan: Plan,
    /// Who may call.
    pub auth_level: AuthLevel,
    /// Sites are named `PREFIX-NAME`, in the whole of Azure; absent: `faasbench-DIGITS-NAME`, with digits of the subscription, the
    /// region and the target, or of the deployment where functions don't call each other.
    pub site_prefix: Option<String>,
    /// Functions can call each other, at `https://PREFIX-NAME.azurewebsites.net/api/NAME`, with a key that all sites of the target
    /// have and that allows calls and nothing else.
    pub nested_calls: bool,
    /// The domain of sites' addresses.
    pub site_suffix: String,
    /// Makes Application Insights and its workspace, which logs need.
    pub application_insights: bool,
    /// The site's address, `{site}` being its name; absent: what Azure says.
    pub site_endpoint: Option<String>,
    /// The address of its publishing service, `{site}` being its name; absent: what Azure says.
    pub publish_endpoint: Option<String>,
    /// The domain of storage accounts' endpoints.
    pub storage_suffix: String,
    /// Where Application Insights is asked.
    pub insights_endpoint: String,
    /// The resource of tokens for ARM and for publishing.
    pub arm_scope: String,
    /// The name of the environment variable with an access token of ARM. Where it is not set: a service principal in
    /// `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET`; a workload's or a machine's identity; or whoever is logged
    /// in with `az login` or `azd auth login`.
    pub access_token_variable: String,
    /// How long an operation may take, s.
    pub operation_patience_s: u64,
    /// The versions of the APIs.
    pub api_versions: ApiVersions,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            subscription: None,
            region: None,
            resource_group: None,
            plan: Plan::default(),
            auth_level: AuthLevel::default(),
            site_prefix: None,
            nested_calls: true,
            site_suffix: "azurewebsites.net".to_owned(),
            application_insights: true,
            site_endpoint: None,
            publish_endpoint: None,
            storage_suffix: "core.windows.net".to_owned(),
            insights_endpoint: "https://api.applicationinsights.io".to_owned(),
            arm_scope: "https://management.azure.com/.default".to_owned(),
            access_token_variable: "FAASBENCH_AZURE_ACCESS_TOKEN".to_owned(),
            operation_patience_s: 600,
            api_versions: ApiVersions::default(),
        }
    }
}
