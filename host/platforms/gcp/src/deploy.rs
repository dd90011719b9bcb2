//! Making, changing and removing services.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use platform::{
    Deployment, DeploymentSpec, Found, Ledger, PlannedRequest, PlatformError, Readiness, Resource, Scale, Status,
};
use remote_platform::{ApiRequest, ApiResponse, Method, make, shown_environment};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::check;
use crate::credentials::PLATFORM;
use crate::operations::{PAUSES, next_page};
use crate::platform::CloudRun;
use crate::service::{self, Service};

/// The kind, in a ledger, of a service.
const SERVICE: &str = "service";
/// The kind, in a ledger, of an image's tag in the registry.
const IMAGE: &str = "image";
/// How often something is changed again that another changed meanwhile.
pub(crate) const ATTEMPTS: u32 = 3;
/// Pages of a list at most.
const PAGES: usize = 100;

impl CloudRun {
    /// The path of the services.
    pub(crate) fn services(&self) -> String {
        format!("/{}/projects/{}/locations/{}/services", self.options.api_version, self.project, self.region)
    }

    fn get_service(&self, name: &str) -> ApiRequest {
        ApiRequest::new(format!("looking for the service {name}"), Method::GET, format!("{}/{name}", self.services()))
    }

    fn create_service(&self, name: &str, document: Value) -> ApiRequest {
        let path = format!("{}?serviceId={name}", self.services());
        ApiRequest::new(format!("creating the service {name}"), Method::POST, path).json(document)
    }

    /// A PATCH with an `etag` does nothing twice.
    fn patch_service(&self, name: &str, mask: &str, document: Value) -> ApiRequest {
        let mask = if mask.is_empty() { String::new() } else { format!("?updateMask={mask}") };
        let path = format!("{}/{name}{mask}", self.services());
        ApiRequest::new(format!("updating the service {name}"), Method::PATCH, path).json(document)
    }

    fn name_taken(&self, name: &str) -> PlatformError {
        PlatformError::NameTaken { platform: PLATFORM.to_owned(), name: name.to_owned() }
    }

    /// The service of a name; `None` where there is none.
    pub(crate) async fn service(&self, name: &str) -> Result<Option<Service>, PlatformError> {
        let response = self.ask(self.get_service(name), &[404]).await?;
        if response.status.as_u16() == 404 { Ok(None) } else { response.json().map(Some) }
    }

    /// The service of a deployment.
    async fn own(&self, deployment: &Deployment) -> Result<Service, PlatformError> {
        let name = &deployment.spec.name;
        match self.service(name).await? {
            Some(service) if service.deployment() == Some(deployment.spec.id.as_str()) => Ok(service),
            Some(_) => Err(self.name_taken(name)),
            None => Err(PlatformError::NotFound { platform: PLATFORM.to_owned(), name: name.clone() }),
        }
    }

    pub(crate) async fn create_or_update(
        &self,
        spec: &DeploymentSpec,
        ledger: &dyn Ledger,
    ) -> Result<Deployment, PlatformError> {
        check::spec(spec, &self.options)?;
        let name = &spec.name;
        let there = self.service(name).await?;
        if there.as_ref().is_some_and(|service| service.deployment() != Some(spec.id.as_str())) {
            return Err(self.name_taken(name));
        }
        let details = json!({
            "endpoint": self.api.base().as_str(),
            "project": self.project,
            "region": self.region,
            "invokers": self.own_invokers(),
        });
        let mut former = Vec::new();
        for entry in ledger.resources(&spec.id).await? {
            let its = entry.resource;
            if (its.kind.as_str(), &its.target) != (SERVICE, &self.connection.target) {
                continue;
            }
            if let Some(other) = self.elsewhere(&its) {
                return Err(PlatformError::Invalid(format!(
                    "`{name}` was deployed to {other}; `faasbench undeploy {name} --platform {}` there first",
                    self.connection.target
                )));
            }
            let invokers = its.details["invokers"].as_array().into_iter().flatten();
            former.extend(invokers.filter_map(|member| member.as_str().map(str::to_owned)));
        }
        let registry = self.connection.registry()?;
        let reference = registry.reference(&spec.image, &spec.id);
        let resource =
            self.connection.resource(&spec.id, IMAGE, &reference.tagged, json!({ "pinned": reference.pinned }));
        let pushed = make(ledger, &resource, registry.push(&spec.image, &spec.id)).await?;
        let environment = self.environment(spec);
        let document = |etag: Option<&str>| service::document(spec, &self.options, &pushed.pinned, &environment, etag);
        let resource = self.connection.resource(&spec.id, SERVICE, name, details);
        let service = make(ledger, &resource, self.put(spec, there, &document, &former)).await?;
        Ok(Deployment {
            spec: spec.clone(),
            platform: PLATFORM.to_owned(),
            target: self.connection.target.clone(),
            url: service.uri,
            details: json!({ "image": pushed.pinned, "project": self.project, "region": self.region }),
        })
    }

    async fn put(
        &self,
        spec: &DeploymentSpec,
        there: Option<Service>,
        document: &(dyn Fn(Option<&str>) -> Value + Sync),
        former_invokers: &[String],
    ) -> Result<Service, PlatformError> {
        let name = &spec.name;
        let conflict = |response: &ApiResponse| response.status.as_u16() == 409;
        let mut there = there;
        for attempt in 1..=ATTEMPTS {
            let request = match &there {
                None => self.create_service(name, document(None)),
                Some(service) => self.patch_service(name, "", document(service.etag.as_deref())),
            };
            let response = self.operate(request, &[409]).await?;
            if !conflict(&response) {
                break;
            }
            if attempt == ATTEMPTS {
                return Err(response.refusal());
            }
            // Someone's, or ours: made by a request whose answer was lost, or changed by another command.
            there = self.service(name).await?;
            if there.as_ref().is_some_and(|service| service.deployment() != Some(spec.id.as_str())) {
                return Err(self.name_taken(name));
            }
        }
        self.allow_invokers(name, former_invokers).await?;
        let gone = || PlatformError::NotFound { platform: PLATFORM.to_owned(), name: name.clone() };
        self.service(name).await?.ok_or_else(gone)
    }

    pub(crate) fn planned(&self, spec: &DeploymentSpec) -> Result<Vec<PlannedRequest>, PlatformError> {
        check::spec(spec, &self.options)?;
        let base = self.api.base();
        let name = &spec.name;
        let reference = self.connection.registry()?.reference(&spec.image, &spec.id);
        let environment = self.environment(spec);
        let environment = shown_environment(&self.connection, &environment);
        let document = |etag| service::document(spec, &self.options, &reference.pinned, &environment, etag);
        let operation = ApiRequest::new("waiting until it is done", Method::GET, "");
        let mut operation = operation.planned(base, Some("until the operation is done"));
        operation.address = self.api.address(&format!("/{}/<name of the operation>", self.options.api_version));
        let mut planned = vec![
            self.get_service(name).planned(base, None),
            PlannedRequest {
                purpose: format!("pushing the image of {name}"),
                method: "PUSH".to_owned(),
                address: reference.tagged.clone(),
                body: None,
                condition: None,
            },
            self.create_service(name, document(None)).planned(base, Some("when there is no such service yet")),
            self.patch_service(name, "", document(Some("<etag>")))
                .planned(base, Some("when the service is this deployment's")),
            operation,
        ];
        planned.extend(self.planned_policy(name));
        planned.push(self.get_service(name).planned(base, None));
        Ok(planned)
    }

    /// Waits until the newest revision has this image and all calls.
    pub(crate) async fn wait_for_image(
        &self,
        deployment: &Deployment,
        patience: Duration,
    ) -> Result<(), PlatformError> {
        let begin = Instant::now();
        let name = &deployment.spec.name;
        let (mut pause, longest) = PAUSES;
        loop {
            let service = self.own(deployment).await?;
            let has_image = service.image() == deployment.details["image"].as_str();
            let said = service.message().unwrap_or_default();
            match service.readiness() {
                Readiness::Ready if has_image => return Ok(()),
                Readiness::Failed => {
                    let logs = self.last_lines(deployment).await;
                    return Err(PlatformError::ExitedAtStart { name: name.clone(), reason: said, logs });
                }
                _ if begin.elapsed() >= patience => {
                    return Err(PlatformError::NotReady { name: name.clone(), waited: patience, logs: said });
                }
                _ => {
                    sleep(pause.min(patience.saturating_sub(begin.elapsed()))).await;
                    pause = (pause * 2).min(longest);
                }
            }
        }
    }

    /// Changes a service, again where another changed it meanwhile.
    async fn change(
        &self,
        deployment: &Deployment,
        mask: &str,
        changed: &(dyn Fn(&Service) -> Value + Sync),
    ) -> Result<(), PlatformError> {
        for attempt in 1.. {
            let service = self.own(deployment).await?;
            let mut document = changed(&service);
            document["etag"] = json!(service.etag);
            let response = self.operate(self.patch_service(&deployment.spec.name, mask, document), &[409]).await?;
            match response.status.as_u16() {
                409 if attempt < ATTEMPTS => {}
                409 => return Err(response.refusal()),
                _ => break,
            }
        }
        Ok(())
    }

    pub(crate) async fn new_revision(&self, deployment: &Deployment) -> Result<(), PlatformError> {
        let before = self.own(deployment).await?.revision().map(str::to_owned);
        let nonce = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let nonce = u64::try_from(nonce).unwrap_or(u64::MAX);
        self.change(deployment, "template", &|service| json!({ "template": service::fresh(&service.template, nonce) }))
            .await?;
        let patience = Duration::from_secs(self.options.operation_patience_s);
        self.wait_for_image(deployment, patience).await?;
        if self.own(deployment).await?.revision().map(str::to_owned) == before {
            return Err(self.failed("forcing a cold start", "no new revision serves"));
        }
        Ok(())
    }

    pub(crate) async fn end_all_instances(&self, deployment: &Deployment) -> Result<(), PlatformError> {
        let by_hand = json!({ "scaling": { "scalingMode": "MANUAL", "manualInstanceCount": 0 } });
        let patience = Duration::from_secs(self.options.operation_patience_s);
        let ended = match self.change(deployment, "scaling", &|_| by_hand.clone()).await {
            Ok(()) => self.wait_for_image(deployment, patience).await,
            failed => failed,
        };
        // Whatever came of it, a lost answer too, the service must scale by itself again.
        let by_itself = json!({ "scaling": { "scalingMode": "AUTOMATIC" } });
        let restored = self.change(deployment, "scaling", &|_| by_itself.clone()).await;
        ended?;
        restored?;
        self.wait_for_image(deployment, patience).await
    }

    pub(crate) async fn change_scale(&self, deployment: &Deployment, scale: &Scale) -> Result<(), PlatformError> {
        check::scale(scale)?;
        self.change(deployment, "template", &|service| {
            let mut template = service::unnamed(service.template.clone());
            service::set_scale(&mut template, scale);
            json!({ "template": template })
        })
        .await
    }

    pub(crate) async fn status_of(&self, deployment: &Deployment) -> Result<Status, PlatformError> {
        let mut status =
            Status { readiness: Readiness::Missing, message: None, instances: None, waiting: None, image_digest: None };
        match self.service(&deployment.spec.name).await? {
            Some(service) if service.deployment() == Some(deployment.spec.id.as_str()) => {
                status.readiness = service.readiness();
                let revision = service.revision().unwrap_or("none");
                status.message = service.message().or_else(|| Some(format!("revision {revision}")));
                let digest = service.image().and_then(|image| image.split_once('@'));
                status.image_digest = digest.map(|(_, digest)| digest.to_owned());
            }
            Some(_) => status.message = Some("its name is another's now".to_owned()),
            None => {}
        }
        Ok(status)
    }

    pub(crate) async fn remove_one(&self, resource: &Resource) -> Result<(), PlatformError> {
        match resource.kind.as_str() {
            SERVICE => self.remove_service(resource).await,
            IMAGE => self.connection.registry()?.remove(&resource.name).await,
            kind => Err(PlatformError::Invalid(format!("Cloud Run has no `{kind}` that could be removed"))),
        }
    }

    /// Where a service is instead, when its details say that it is not here.
    fn elsewhere(&self, resource: &Resource) -> Option<String> {
        let here = [("endpoint", self.api.base().as_str()), ("project", &self.project), ("region", &self.region)];
        let differs = |(key, ours): &(&str, &str)| resource.details[key].as_str().is_some_and(|theirs| theirs != *ours);
        if !here.iter().any(differs) {
            return None;
        }
        let of = |(key, ours)| format!("the {key} {}", resource.details[key].as_str().unwrap_or(ours));
        Some(here.map(of).join(", "))
    }

    async fn remove_service(&self, resource: &Resource) -> Result<(), PlatformError> {
        let name = &resource.name;
        if let Some(other) = self.elsewhere(resource) {
            return Err(PlatformError::Invalid(format!(
                "the service {name} is in {other}, and the target `{}` is not; set it back to remove it",
                self.connection.target
            )));
        }
        match self.service(name).await? {
            // Gone, or another's since.
            None => return Ok(()),
            Some(service) if service.deployment() != Some(resource.deployment.as_str()) => return Ok(()),
            Some(_) => {}
        }
        let path = format!("{}/{name}", self.services());
        let request = ApiRequest::new(format!("removing the service {name}"), Method::DELETE, path);
        self.operate(request, &[404]).await.map(|_| ())
    }

    pub(crate) async fn marked(&self) -> Result<Vec<Found>, PlatformError> {
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES {
            let next = token.as_deref().map(query_value).unwrap_or_default();
            let path = format!("{}?pageSize=100&pageToken={next}", self.services());
            let page: Value = self.ask(ApiRequest::new("listing services", Method::GET, path), &[]).await?.json()?;
            for service in page["services"].as_array().into_iter().flatten() {
                let service: Service = serde_json::from_value(service.clone())
                    .map_err(|error| self.failed("listing services", error.to_string()))?;
                if let Some(deployment) = service.deployment() {
                    let (name, deployment) = (service.short_name().to_owned(), deployment.to_owned());
                    found.push(Found { kind: SERVICE.to_owned(), name, deployment });
                }
            }
            token = next_page(&page).map(str::to_owned);
            if token.is_none() {
                return Ok(found);
            }
        }
        Err(self.failed("listing services", format!("there are more than {PAGES} pages")))
    }
}

/// A value as it stands in a query.
pub(crate) fn query_value(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
