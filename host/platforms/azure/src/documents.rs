//! The documents of ARM's resources.

use std::collections::BTreeMap;

use platform::DeploymentSpec;
use serde_json::{Value, json};

use crate::check::FLEX_DEFAULT_MIB;
use crate::names::{Names, PACKAGES};
use crate::{Options, Plan};

/// The tag with the deployment's id: our mark.
pub(crate) const MARK: &str = "faasbench-deployment";
/// The tag with the image's digest.
pub(crate) const DIGEST: &str = "faasbench-image";
/// The setting with the connection string of the storage account.
const STORAGE_SETTING: &str = "AzureWebJobsStorage";

/// What lets a site use the other things. Never shown, stored or logged.
pub(crate) struct Secrets {
    pub(crate) storage: String,
    pub(crate) insights: Option<String>,
}

impl Secrets {
    /// What stands for them where a plan is shown.
    pub(crate) fn hidden(options: &Options) -> Secrets {
        let hidden = || "<not shown>".to_owned();
        Secrets { storage: hidden(), insights: options.application_insights.then(hidden) }
    }
}

fn tags(spec: &DeploymentSpec) -> Value {
    json!({ MARK: spec.id.as_str() })
}

pub(crate) fn group(spec: &DeploymentSpec, region: &str) -> Value {
    json!({ "location": region, "tags": tags(spec) })
}

pub(crate) fn storage(spec: &DeploymentSpec, region: &str) -> Value {
    json!({
        "location": region,
        "tags": tags(spec),
        "kind": "StorageV2",
        "sku": { "name": "Standard_LRS" },
        "properties": {
            "minimumTlsVersion": "TLS1_2",
            "supportsHttpsTrafficOnly": true,
            "allowBlobPublicAccess": false,
            "allowSharedKeyAccess": true,
        },
    })
}

pub(crate) fn workspace(spec: &DeploymentSpec, region: &str) -> Value {
    json!({
        "location": region,
        "tags": tags(spec),
        "properties": { "sku": { "name": "PerGB2018" }, "retentionInDays": 30 },
    })
}

pub(crate) fn insights(spec: &DeploymentSpec, region: &str, names: &Names) -> Value {
    json!({
        "location": region,
        "tags": tags(spec),
        "kind": "web",
        "properties": { "Application_Type": "web", "WorkspaceResourceId": names.workspace_id() },
    })
}

pub(crate) fn plan(spec: &DeploymentSpec, region: &str, options: &Options) -> Value {
    let (name, tier) = match options.plan {
        Plan::Flex => ("FC1", "FlexConsumption"),
        Plan::Consumption => ("Y1", "Dynamic"),
    };
    json!({
        "location": region,
        "tags": tags(spec),
        "kind": "functionapp",
        "sku": { "name": name, "tier": tier },
        "properties": { "reserved": true },
    })
}

pub(crate) fn site(
    spec: &DeploymentSpec,
    region: &str,
    names: &Names,
    options: &Options,
    environment: &BTreeMap<String, String>,
    secrets: &Secrets,
) -> Value {
    let mut settings = environment.clone();
    let mut set = |name: &str, value: &str| settings.insert(name.to_owned(), value.to_owned());
    set(STORAGE_SETTING, &secrets.storage);
    if let Some(insights) = &secrets.insights {
        set("APPLICATIONINSIGHTS_CONNECTION_STRING", insights);
    }
    if let Some(time) = spec.limits.time {
        let seconds = time.as_secs();
        let text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        // It goes before `host.json`, as each of the host's settings does.
        set("AzureFunctionsJobHost__functionTimeout", &text);
    }
    if options.plan == Plan::Consumption {
        set("FUNCTIONS_EXTENSION_VERSION", "~4");
        set("FUNCTIONS_WORKER_RUNTIME", "custom");
    }
    let settings: Vec<Value> = settings.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let mut site_configuration = json!({ "appSettings": settings });
    let mut properties = json!({ "serverFarmId": names.plan_id(), "httpsOnly": true });
    match options.plan {
        Plan::Flex => properties["functionAppConfig"] = flex(spec, names, options),
        Plan::Consumption => {
            properties["reserved"] = json!(true);
            if let Some(maximum) = spec.scale.maximum_instances {
                site_configuration["functionAppScaleLimit"] = maximum.into();
            }
        }
    }
    properties["siteConfig"] = site_configuration;
    json!({
        "location": region,
        "tags": { MARK: spec.id.as_str(), DIGEST: spec.image.digest },
        "kind": "functionapp,linux",
        "properties": properties,
    })
}

fn flex(spec: &DeploymentSpec, names: &Names, options: &Options) -> Value {
    let container = format!("https://{}.blob.{}/{PACKAGES}", names.storage, options.storage_suffix);
    let memory_mib = spec.limits.memory_bytes.map_or(FLEX_DEFAULT_MIB, |bytes| bytes >> 20);
    let mut scale = json!({
        "maximumInstanceCount": spec.scale.maximum_instances.unwrap_or(100),
        "instanceMemoryMB": memory_mib,
    });
    if let Some(minimum) = spec.scale.minimum_instances.filter(|count| *count > 0) {
        scale["alwaysReady"] = json!([{ "name": "http", "instanceCount": minimum }]);
    }
    if let Some(concurrency) = spec.scale.concurrency {
        scale["triggers"] = json!({ "http": { "perInstanceConcurrency": concurrency } });
    }
    json!({
        "deployment": { "storage": {
            "type": "blobContainer",
            "value": container,
            "authentication": {
                "type": "StorageAccountConnectionString",
                "storageAccountConnectionStringName": STORAGE_SETTING,
            },
        }},
        "runtime": { "name": "custom", "version": "1.0" },
        "scaleAndConcurrency": scale,
    })
}
