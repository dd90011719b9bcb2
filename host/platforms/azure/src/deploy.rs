//! Making, changing and removing sites and what they need.

use std::fmt::Display;
use std::path::Path;

use platform::{
    Deployment, DeploymentSpec, Found, Ledger, PlannedRequest, PlatformError, Readiness, Resource, Scale, Status,
};
use remote_platform::{ApiRequest, ApiResponse, Begin, Method, make, shown_environment};
use serde_json::{Value, json};

use crate::arm::{failed, path};
use crate::credentials::PLATFORM;
use crate::documents::{DIGEST, MARK, Secrets};
use crate::names::{Names, Place};
use crate::platform::Azure;
use crate::publish::upload;
use crate::steps::{GROUP, Step};
use crate::{Plan, check, package};

/// What a list of our things is asked for.
pub(crate) const LISTING: &str = "listing what carries our mark";
/// Pages of a list at most.
const PAGES: usize = 100;
/// What Azure itself puts beside a component of Application Insights: the rule of failure anomalies, and whom it tells.
const OF_AZURE: [&str; 2] = ["microsoft.alertsmanagement/smartDetectorAlertRules", "microsoft.insights/actionGroups"];

impl Azure {
    fn names(&self, spec: &DeploymentSpec) -> Result<Names, PlatformError> {
        check::spec(spec, &self.options)?;
        let place = Place { subscription: &self.subscription, region: &self.region, target: &self.connection.target };
        Names::new(place, spec, &self.options)
    }

    fn locations(&self) -> ApiRequest {
        let path =
            path(&format!("/subscriptions/{}/locations", self.subscription), &self.options.api_versions.locations);
        ApiRequest::new("asking Azure for the subscription's regions", Method::GET, path)
    }

    /// Refuses a region that the subscription does not have.
    pub(crate) async fn check_region(&self) -> Result<(), PlatformError> {
        let regions: Value = self.arm.ask(&self.locations(), &[]).await?.json()?;
        let mut regions =
            regions["value"].as_array().into_iter().flatten().filter_map(|region| region["name"].as_str());
        if regions.any(|region| region == self.region) {
            return Ok(());
        }
        Err(PlatformError::Invalid(format!(
            "the subscription has no region `{}`; `az account list-locations -o table` lists those that it has",
            self.region
        )))
    }

    /// The site of a deployment; `None` where there is none.
    async fn get_site(&self, id: &str) -> Result<Option<Value>, PlatformError> {
        self.arm.get("looking for the site", id, &self.options.api_versions.web).await
    }

    pub(crate) async fn create_or_update(
        &self,
        spec: &DeploymentSpec,
        ledger: &dyn Ledger,
    ) -> Result<Deployment, PlatformError> {
        let names = self.names(spec)?;
        self.check_region().await?;
        let there = self.get_site(&names.site_id()).await?;
        if there.as_ref().is_some_and(|site| !is_of(site, spec.id.as_str())) {
            return Err(name_taken(&names.site));
        }
        if !names.owns_group {
            let version = &self.options.api_versions.resources;
            if self.arm.get("looking for the resource group", &names.group_id(), version).await?.is_none() {
                let group = &names.group;
                return Err(PlatformError::Invalid(format!(
                    "there is no resource group `{group}`; make it with `az group create`, or leave `resource-group` out"
                )));
            }
        }
        let archive = self.archive(spec).await?;
        let is_carried = self.is_carried(spec)?;
        let key = if is_carried { self.calls_key(&names).await? } else { None };
        for step in self.foundation(spec, &names) {
            self.take(&step, spec, ledger).await?;
        }
        let (secrets, application) = self.secrets(&names).await?;
        let environment = self.environment(spec, is_carried.then_some(&names), key.as_deref());
        self.take(&self.site(spec, &names, &environment, &secrets), spec, ledger).await?;
        let site = self.get_site(&names.site_id()).await?;
        let site = site.ok_or_else(|| failed("making the site", "it is not there although it was made"))?;
        if is_carried {
            self.check_host(&names, &site)?;
        }
        let (address, publisher) = self.addresses(&names.site, &site)?;
        let mut begin = Begin::now();
        self.publish(&names.site, &publisher, archive).await?;
        let id = names.site_id();
        self.act(&format!("{id}/host/default/sync"), "telling Azure of the functions").await?;
        if let Some(key) = &key {
            self.put_key(&names, key).await?;
        }
        if there.is_some() {
            // What starts from now on has the new package.
            begin = Begin::now();
            self.restart_site(&id).await?;
        }
        Ok(Deployment {
            spec: spec.clone(),
            platform: PLATFORM.to_owned(),
            target: self.connection.target.clone(),
            url: Some(format!("{address}/api/{}", spec.name)),
            details: json!({
                "site": names.site,
                "site-id": id,
                "application-id": application,
                "published-unix-ns": begin.unix_ns,
            }),
        })
    }

    /// Makes one thing, known to the ledger before.
    async fn take(&self, step: &Step, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<(), PlatformError> {
        let request = step.request();
        let making = async {
            let response: ApiResponse = self.arm.operate(&request, &[409]).await?;
            if response.status.as_u16() != 409 {
                return Ok(());
            }
            // Names of sites and of storage accounts are taken in the whole of Azure.
            let said = response.text().to_ascii_lowercase();
            let is_taken = ["already exists", "alreadytaken", "alreadyexists", "already taken"];
            match step.resource(spec, &self.connection.target) {
                Some(resource) if is_taken.iter().any(|words| said.contains(words)) => Err(name_taken(&resource.name)),
                _ => Err(response.refusal()),
            }
        };
        match step.resource(spec, &self.connection.target) {
            Some(resource) => make(ledger, &resource, making).await,
            None => making.await,
        }
    }

    /// The package, with the level that the options ask for and the deployment's name in its address.
    async fn archive(&self, spec: &DeploymentSpec) -> Result<Vec<u8>, PlatformError> {
        let path = &spec.image.path;
        let archive = tokio::fs::read(path).await.map_err(|error| unreadable(path, &error))?;
        package::published(archive, self.options.auth_level, &spec.name).map_err(|error| unreadable(path, &error))
    }

    /// The connection strings that the site needs, and the id of its Application Insights.
    async fn secrets(&self, names: &Names) -> Result<(Secrets, Option<String>), PlatformError> {
        let doing = "reading the storage account's key";
        let path = path(&format!("{}/listKeys", names.storage_id()), &self.options.api_versions.storage);
        let mut request = ApiRequest::new(doing, Method::POST, path);
        request.repeatable = true;
        let keys: Value = self.arm.ask(&request, &[]).await?.json()?;
        let key = keys["keys"][0]["value"].as_str().ok_or_else(|| failed(doing, "its answer holds none"))?;
        self.arm.hide(key);
        let storage = format!(
            "DefaultEndpointsProtocol=https;AccountName={};AccountKey={key};EndpointSuffix={}",
            names.storage, self.options.storage_suffix
        );
        if !self.options.application_insights {
            return Ok((Secrets { storage, insights: None }, None));
        }
        let doing = "reading the connection string of Application Insights";
        let version = &self.options.api_versions.insights;
        let component = self.arm.get(doing, &names.insights_id(), version).await?.unwrap_or_default();
        let properties = &component["properties"];
        let insights = properties["ConnectionString"].as_str().ok_or_else(|| failed(doing, "its answer holds none"))?;
        self.arm.hide(insights);
        let application = properties["AppId"].as_str().map(str::to_owned);
        Ok((Secrets { storage, insights: Some(insights.to_owned()) }, application))
    }

    /// The addresses of a site and of its publishing service.
    fn addresses(&self, name: &str, site: &Value) -> Result<(String, String), PlatformError> {
        let properties = &site["properties"];
        let filled = |template: &String| template.replace("{site}", name);
        let missing = || failed("making the site", "Azure does not say where it is");
        let address = match &self.options.site_endpoint {
            Some(template) => filled(template),
            None => format!("https://{}", properties["defaultHostName"].as_str().ok_or_else(missing)?),
        };
        let publisher = match &self.options.publish_endpoint {
            Some(template) => filled(template),
            None => {
                let hosts = properties["hostNameSslStates"].as_array().into_iter().flatten();
                let mut publishers = hosts.filter(|host| host["hostType"] == "Repository");
                let host = publishers.next().and_then(|host| host["name"].as_str()).ok_or_else(missing)?;
                format!("https://{host}")
            }
        };
        Ok((address, publisher))
    }

    /// A POST without a body that may be made again.
    async fn act(&self, id: &str, doing: &str) -> Result<ApiResponse, PlatformError> {
        let mut request = ApiRequest::new(doing, Method::POST, path(id, &self.options.api_versions.web));
        request.repeatable = true;
        self.arm.ask(&request, &[]).await
    }

    /// What restarts a site; it may be made again.
    fn restart_request(&self, id: &str) -> ApiRequest {
        let version = &self.options.api_versions.web;
        let path = format!("{id}/restart?softRestart=false&synchronous=true&api-version={version}");
        let mut request = ApiRequest::new("restarting the site", Method::POST, path);
        request.repeatable = true;
        request
    }

    async fn restart_site(&self, id: &str) -> Result<(), PlatformError> {
        self.arm.operate(&self.restart_request(id), &[]).await.map(|_| ())
    }

    pub(crate) fn planned(&self, spec: &DeploymentSpec) -> Result<Vec<PlannedRequest>, PlatformError> {
        let names = self.names(spec)?;
        let base = self.arm.api.base();
        let versions = &self.options.api_versions;
        let get = |doing: &str, id: String, version: &str| {
            ApiRequest::new(doing, Method::GET, path(&id, version)).planned(base, None)
        };
        let post = |doing: &str, id: String, version: &str| {
            ApiRequest::new(doing, Method::POST, path(&id, version)).planned(base, None)
        };
        let mut planned =
            vec![self.locations().planned(base, None), get("looking for the site", names.site_id(), &versions.web)];
        if !names.owns_group {
            planned.push(get("looking for the resource group", names.group_id(), &versions.resources));
        }
        let is_carried = self.is_carried(spec)?;
        if is_carried {
            planned.extend(self.planned_look_for_key());
        }
        planned.extend(self.foundation(spec, &names).iter().map(|step| step.request().planned(base, None)));
        planned.push(post(
            "reading the storage account's key",
            format!("{}/listKeys", names.storage_id()),
            &versions.storage,
        ));
        if self.options.application_insights {
            let doing = "reading the connection string of Application Insights";
            planned.push(get(doing, names.insights_id(), &versions.insights));
        }
        let key = Some("<not shown>").filter(|_| self.asks_for_key());
        let environment = self.environment(spec, is_carried.then_some(&names), key);
        let environment = shown_environment(&self.connection, &environment);
        let site = self.site(spec, &names, &environment, &Secrets::hidden(&self.options));
        planned.push(site.request().planned(base, None));
        planned.push(get("looking for the site", names.site_id(), &versions.web));
        let mut published = upload(&self.options, &names.site, Default::default()).planned(base, None);
        let template = self.options.publish_endpoint.as_deref().unwrap_or("https://<publishing host of {site}>");
        let path = published.address.split_off(base.as_str().trim_end_matches('/').len());
        published.address = format!("{}{path}", template.replace("{site}", &names.site));
        published.body = Some(format!("{} bytes of application/zip", spec.image.bytes).into());
        planned.push(published);
        let sync = format!("{}/host/default/sync", names.site_id());
        planned.push(post("telling Azure of the functions", sync, &versions.web));
        if is_carried && let Some(key) = key {
            planned.push(self.key_request(&names, key).planned(base, None));
        }
        let restart = self.restart_request(&names.site_id());
        planned.push(restart.planned(base, Some("when the site was there before")));
        Ok(planned)
    }

    /// The site of a deployment, as ARM has it.
    async fn own(&self, deployment: &Deployment) -> Result<(String, Value), PlatformError> {
        let id = site_id(deployment)?;
        match self.get_site(&id).await? {
            Some(site) if is_of(&site, deployment.spec.id.as_str()) => Ok((id, site)),
            Some(_) => Err(name_taken(&deployment.spec.name)),
            None => Err(PlatformError::NotFound { platform: PLATFORM.to_owned(), name: deployment.spec.name.clone() }),
        }
    }

    pub(crate) async fn restart(&self, deployment: &Deployment) -> Result<(), PlatformError> {
        let (id, _) = self.own(deployment).await?;
        self.restart_site(&id).await
    }

    pub(crate) async fn change_scale(&self, deployment: &Deployment, scale: &Scale) -> Result<(), PlatformError> {
        let mut wanted = deployment.spec.clone();
        wanted.scale = *scale;
        check::spec(&wanted, &self.options)?;
        let (id, site) = self.own(deployment).await?;
        let properties = match self.options.plan {
            Plan::Consumption => match scale.maximum_instances {
                None => return Ok(()),
                Some(maximum) => json!({ "siteConfig": { "functionAppScaleLimit": maximum } }),
            },
            Plan::Flex => {
                let mut configuration = site["properties"]["functionAppConfig"].clone();
                let changed = &mut configuration["scaleAndConcurrency"];
                if let Some(maximum) = scale.maximum_instances {
                    changed["maximumInstanceCount"] = maximum.into();
                }
                match scale.minimum_instances {
                    Some(0) => changed["alwaysReady"] = json!([]),
                    Some(count) => changed["alwaysReady"] = json!([{ "name": "http", "instanceCount": count }]),
                    None => {}
                }
                if let Some(concurrency) = scale.concurrency {
                    changed["triggers"] = json!({ "http": { "perInstanceConcurrency": concurrency } });
                }
                json!({ "functionAppConfig": configuration })
            }
        };
        let path = path(&id, &self.options.api_versions.web);
        let mut request = ApiRequest::new("changing the number of instances", Method::PATCH, path)
            .json(json!({ "properties": properties }));
        request.repeatable = true;
        self.arm.operate(&request, &[]).await.map(|_| ())
    }

    pub(crate) async fn status_of(&self, deployment: &Deployment) -> Result<Status, PlatformError> {
        let mut status =
            Status { readiness: Readiness::Missing, message: None, instances: None, waiting: None, image_digest: None };
        match self.own(deployment).await {
            Ok((_, site)) => {
                let state = site["properties"]["state"].as_str().unwrap_or("unknown");
                status.readiness = match state {
                    "Running" => Readiness::Ready,
                    "Stopped" => Readiness::Failed,
                    _ => Readiness::Pending,
                };
                status.message = Some(format!("the site's state is {state}"));
                status.image_digest = site["tags"][DIGEST].as_str().map(str::to_owned);
            }
            Err(PlatformError::NameTaken { .. }) => status.message = Some("its name is another's now".to_owned()),
            Err(PlatformError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(status)
    }

    pub(crate) async fn remove_one(&self, resource: &Resource) -> Result<(), PlatformError> {
        let details = &resource.details;
        let (Some(id), Some(version)) = (details["id"].as_str(), details["api-version"].as_str()) else {
            let kind = &resource.kind;
            return Err(PlatformError::Invalid(format!(
                "the ledger does not say where the {kind} {} is",
                resource.name
            )));
        };
        let doing = format!("removing the {} {}", resource.kind, resource.name);
        match self.arm.get(&doing, id, version).await? {
            // Gone, or another's since.
            None => return Ok(()),
            Some(there) if !is_of(&there, resource.deployment.as_str()) => return Ok(()),
            Some(_) => {}
        }
        if resource.kind == GROUP {
            self.check_group(id, version, resource).await?;
        }
        // The plan is in the ledger itself, and a workspace is gone at once instead of after two weeks.
        let extra = match resource.kind.as_str() {
            "site" => "&deleteEmptyServerFarm=false",
            "workspace" => "&force=true",
            _ => "",
        };
        let request = ApiRequest::new(doing, Method::DELETE, format!("{}{extra}", path(id, version)));
        self.arm.operate(&request, &[404]).await.map(|_| ())
    }

    /// Refuses a resource group that holds what is neither ours nor made by Azure itself: it would go with its group.
    async fn check_group(&self, id: &str, version: &str, resource: &Resource) -> Result<(), PlatformError> {
        let doing = format!("listing what is in the resource group {}", resource.name);
        let mut others = Vec::new();
        let first = path(&format!("{id}/resources"), version);
        self.each(&doing, &first, &mut |thing| {
            let kind = thing["type"].as_str().unwrap_or_default();
            let is_azures = OF_AZURE.iter().any(|known| known.eq_ignore_ascii_case(kind));
            if !is_azures && !is_of(thing, resource.deployment.as_str()) {
                others.push(format!("{} ({kind})", thing["name"].as_str().unwrap_or_default()));
            }
        })
        .await?;
        if others.is_empty() {
            return Ok(());
        }
        let name = &resource.name;
        Err(PlatformError::Invalid(format!(
            "the resource group {name} also holds what is not of this deployment: {}; move or remove it, then undeploy again",
            others.join(", ")
        )))
    }

    pub(crate) async fn marked(&self) -> Result<Vec<Found>, PlatformError> {
        let mut found = Vec::new();
        for list in ["resourcegroups", "resources"] {
            self.list(&self.marked_path(list), &mut found).await?;
        }
        Ok(found)
    }

    /// The path of the first page of groups, or of other resources, that carry our mark.
    pub(crate) fn marked_path(&self, list: &str) -> String {
        let version = &self.options.api_versions.resources;
        let filter = format!("%24filter=tagName%20eq%20%27{MARK}%27");
        format!("/subscriptions/{}/{list}?{filter}&api-version={version}", self.subscription)
    }

    async fn list(&self, first: &str, found: &mut Vec<Found>) -> Result<(), PlatformError> {
        self.each(LISTING, first, &mut |thing| {
            let text = |key: &str| thing[key].as_str().unwrap_or_default().to_owned();
            if let Some(deployment) = thing["tags"][MARK].as_str() {
                found.push(Found { kind: text("type"), name: text("name"), deployment: deployment.to_owned() });
            }
        })
        .await
    }

    /// Reads all pages of a list.
    pub(crate) async fn each(
        &self,
        doing: &str,
        first: &str,
        take: &mut (dyn FnMut(&Value) + Send),
    ) -> Result<(), PlatformError> {
        let mut path = first.to_owned();
        for _ in 0..PAGES {
            let page: Value = self.arm.ask(&ApiRequest::new(doing, Method::GET, path), &[]).await?.json()?;
            page["value"].as_array().into_iter().flatten().for_each(&mut *take);
            match page["nextLink"].as_str().filter(|link| !link.is_empty()) {
                None => return Ok(()),
                Some(link) => path = self.arm.below(doing, link)?,
            }
        }
        Err(failed(doing, &format!("there are more than {PAGES} pages")))
    }
}

/// That a package can't be read.
pub(crate) fn unreadable(path: &Path, error: &dyn Display) -> PlatformError {
    PlatformError::Invalid(format!("the package {} can't be read: {error}; build it again", path.display()))
}

/// Whether a thing carries a deployment's mark.
fn is_of(thing: &Value, deployment: &str) -> bool {
    thing["tags"][MARK] == deployment
}

fn name_taken(name: &str) -> PlatformError {
    PlatformError::NameTaken { platform: PLATFORM.to_owned(), name: name.to_owned() }
}

/// The site's id in ARM.
pub(crate) fn site_id(deployment: &Deployment) -> Result<String, PlatformError> {
    let id = deployment.details["site-id"].as_str().filter(|id| id.starts_with("/subscriptions/"));
    id.map(str::to_owned).ok_or_else(|| failed("looking for the site", "the deployment does not say which it is"))
}
