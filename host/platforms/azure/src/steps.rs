//! The things that a deployment is made of, in the order of their making.

use std::collections::BTreeMap;

use platform::{DeploymentSpec, Resource};
use remote_platform::{ApiRequest, Method};
use serde_json::{Value, json};

use crate::arm::path;
use crate::credentials::PLATFORM;
use crate::documents::{self, Secrets};
use crate::names::Names;
use crate::platform::Azure;

/// The kind, in a ledger, of a resource group.
pub(crate) const GROUP: &str = "resource-group";

/// One thing that ARM makes.
pub(crate) struct Step {
    /// What it is, in a ledger; `None` for what goes with another thing.
    kind: Option<&'static str>,
    name: String,
    id: String,
    version: String,
    what: &'static str,
    document: Value,
}

impl Step {
    /// The request that makes or updates it.
    pub(crate) fn request(&self) -> ApiRequest {
        let doing = format!("making the {} {}", self.what, self.name);
        ApiRequest::new(doing, Method::PUT, path(&self.id, &self.version)).json(self.document.clone())
    }

    /// What the ledger knows of it.
    pub(crate) fn resource(&self, spec: &DeploymentSpec, target: &str) -> Option<Resource> {
        Some(Resource {
            deployment: spec.id.clone(),
            platform: PLATFORM.to_owned(),
            target: target.to_owned(),
            kind: self.kind?.to_owned(),
            name: self.name.clone(),
            details: json!({ "id": self.id, "api-version": self.version }),
        })
    }
}

impl Azure {
    /// What a site needs.
    pub(crate) fn foundation(&self, spec: &DeploymentSpec, names: &Names) -> Vec<Step> {
        let (region, options) = (&self.region, &self.options);
        let versions = &options.api_versions;
        let step = |kind, name: &str, id: String, version: &str, what, document| Step {
            kind,
            name: name.to_owned(),
            id,
            version: version.to_owned(),
            what,
            document,
        };
        let mut steps = Vec::new();
        if names.owns_group {
            let document = documents::group(spec, region);
            let what = "resource group";
            steps.push(step(Some(GROUP), &names.group, names.group_id(), &versions.resources, what, document));
        }
        let document = documents::storage(spec, region);
        let what = "storage account";
        steps.push(step(
            Some("storage-account"),
            &names.storage,
            names.storage_id(),
            &versions.storage,
            what,
            document,
        ));
        if options.plan == crate::Plan::Flex {
            // It goes with its account.
            let (document, what) = (json!({ "properties": {} }), "blob container");
            let (name, id) = (crate::names::PACKAGES, names.container_id());
            steps.push(step(None, name, id, &versions.storage, what, document));
        }
        if options.application_insights {
            let document = documents::workspace(spec, region);
            let (id, what) = (names.workspace_id(), "workspace of logs");
            steps.push(step(Some("workspace"), &names.common, id, &versions.workspaces, what, document));
            let document = documents::insights(spec, region, names);
            let (id, what) = (names.insights_id(), "component of Application Insights");
            steps.push(step(Some("application-insights"), &names.common, id, &versions.insights, what, document));
        }
        let document = documents::plan(spec, region, options);
        steps.push(step(Some("plan"), &names.common, names.plan_id(), &versions.web, "plan", document));
        steps
    }

    /// The site itself.
    pub(crate) fn site(
        &self,
        spec: &DeploymentSpec,
        names: &Names,
        environment: &BTreeMap<String, String>,
        secrets: &Secrets,
    ) -> Step {
        Step {
            kind: Some("site"),
            name: names.site.clone(),
            id: names.site_id(),
            version: self.options.api_versions.web.clone(),
            what: "site",
            document: documents::site(spec, &self.region, names, &self.options, environment, secrets),
        }
    }
}
