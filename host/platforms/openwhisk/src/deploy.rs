//! Making, changing and removing actions.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use platform::{
    Deployment, DeploymentSpec, Found, Invocation, Ledger, PlannedRequest, PlatformError, Readiness, Resource, Status,
};
use remote_platform::{ApiRequest, Method, instance_environment, make, shown_environment};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::Kind;
use crate::action::{self, Action, Code, DIGEST, MARK};
use crate::activation::{Activation, Outcome};
use crate::credentials::PLATFORM;
use crate::platform::OpenWhisk;

/// The kind, in a ledger, of an action.
pub(crate) const ACTION: &str = "action";
/// The kind, in a ledger, of an image's tag in the registry.
const IMAGE: &str = "image";
/// Actions in one answer.
const PAGE: usize = 200;
/// Between two calls of an action that is not ready.
const PAUSE: Duration = Duration::from_millis(500);

impl OpenWhisk {
    fn get_action(&self, name: &str) -> ApiRequest {
        let path = self.path(&format!("actions/{name}?code=false"));
        ApiRequest::new(format!("looking for the action {name}"), Method::GET, path)
    }

    fn put_action(&self, name: &str, overwrite: bool, document: Value) -> ApiRequest {
        let doing = if overwrite { "updating" } else { "creating" };
        let path = self.path(&format!("actions/{name}?overwrite={overwrite}"));
        ApiRequest::new(format!("{doing} the action {name}"), Method::PUT, path).json(document)
    }

    /// The action of a name; `None` where there is none.
    async fn action(&self, name: &str) -> Result<Option<Action>, PlatformError> {
        let response = self.api.ask(&self.get_action(name), &[404]).await?;
        if response.status.as_u16() == 404 { Ok(None) } else { response.json().map(Some) }
    }

    pub(crate) async fn create_or_update(
        &self,
        spec: &DeploymentSpec,
        ledger: &dyn Ledger,
    ) -> Result<Deployment, PlatformError> {
        action::check(spec, &self.options)?;
        let spec = &action::with_all_limits(spec, &self.options);
        let there = self.action(&spec.name).await?;
        if there.as_ref().is_some_and(|action| action.annotation(MARK) != Some(spec.id.as_str())) {
            return Err(self.name_taken(&spec.name));
        }
        let place = self.place().await?;
        self.must_stay(spec, ledger, &place).await?;
        let environment = instance_environment(&self.connection, spec, self.invoke_way.as_ref());
        let code = match self.options.kind {
            Kind::Blackbox => self.push(spec, ledger).await?,
            Kind::Native => archive(spec).await?,
        };
        let code = match self.options.kind {
            Kind::Blackbox => Code::Image(&code),
            Kind::Native => Code::Archive(&code),
        };
        let document = action::document(spec, &self.options, code, &environment)?;
        let details = json!({ "endpoint": place.endpoint, "namespace": place.namespace });
        let resource = self.connection.resource(&spec.id, ACTION, &spec.name, details);
        let made = make(ledger, &resource, self.put(spec, there.is_some(), document)).await?;
        let namespace = &made.namespace;
        let address = match self.options.web {
            true => format!("/api/{}/web/{namespace}/default/{}.json", self.options.api_version, spec.name),
            false => format!("/api/{}/namespaces/{namespace}/actions/{}", self.options.api_version, spec.name),
        };
        Ok(Deployment {
            spec: spec.clone(),
            platform: PLATFORM.to_owned(),
            target: self.connection.target.clone(),
            url: Some(self.api.address(&address)),
            details: json!({ "namespace": namespace, "version": made.version }),
        })
    }

    /// Creates the action, or updates it. That another may create one meanwhile is no reason to overwrite it.
    async fn put(&self, spec: &DeploymentSpec, is_there: bool, document: Value) -> Result<Action, PlatformError> {
        let request = self.put_action(&spec.name, is_there, document.clone());
        let response = self.api.ask(&request, &[409]).await?;
        if response.status.as_u16() != 409 {
            return response.json();
        }
        if is_there {
            return Err(response.refusal());
        }
        // Someone's, or ours: made by a request whose answer was lost.
        match self.action(&spec.name).await? {
            Some(action) if action.annotation(MARK) == Some(spec.id.as_str()) => {
                self.api.ask(&self.put_action(&spec.name, true, document), &[]).await?.json()
            }
            _ => Err(self.name_taken(&spec.name)),
        }
    }

    fn name_taken(&self, name: &str) -> PlatformError {
        PlatformError::NameTaken { platform: PLATFORM.to_owned(), name: name.to_owned() }
    }

    /// Pushes the image and returns its tag.
    async fn push(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<String, PlatformError> {
        let registry = self.connection.registry()?;
        let reference = registry.reference(&spec.image, &spec.id);
        let resource =
            self.connection.resource(&spec.id, IMAGE, &reference.tagged, json!({ "pinned": reference.pinned }));
        let pushed = make(ledger, &resource, registry.push(&spec.image, &spec.id)).await?;
        Ok(pushed.tagged)
    }

    pub(crate) fn planned(&self, spec: &DeploymentSpec) -> Result<Vec<PlannedRequest>, PlatformError> {
        action::check(spec, &self.options)?;
        let spec = &action::with_all_limits(spec, &self.options);
        let base = self.api.base();
        let mut planned = vec![self.get_action(&spec.name).planned(base, None)];
        if self.namespace_is_the_keys() {
            planned.push(self.get_namespaces().planned(base, None));
        }
        let code = match self.options.kind {
            Kind::Blackbox => {
                let reference = self.connection.registry()?.reference(&spec.image, &spec.id);
                planned.push(PlannedRequest {
                    purpose: format!("pushing the image of {}", spec.name),
                    method: "PUSH".to_owned(),
                    address: reference.tagged.clone(),
                    body: None,
                    condition: None,
                });
                reference.tagged
            }
            Kind::Native => format!("<{} bytes of an archive, in base64>", spec.image.bytes),
        };
        let code = match self.options.kind {
            Kind::Blackbox => Code::Image(&code),
            Kind::Native => Code::Archive(&code),
        };
        let environment = instance_environment(&self.connection, spec, self.invoke_way.as_ref());
        let environment = shown_environment(&self.connection, &environment);
        let document = action::document(spec, &self.options, code, &environment)?;
        let created = self.put_action(&spec.name, false, document.clone());
        planned.push(created.planned(base, Some("when there is no such action yet")));
        let updated = self.put_action(&spec.name, true, document);
        planned.push(updated.planned(base, Some("when the action is this deployment's")));
        Ok(planned)
    }

    /// Calls the action until an activation of its revision has run in a container: there is none before.
    pub(crate) async fn wait_for_revision(
        &self,
        deployment: &Deployment,
        patience: Duration,
    ) -> Result<(), PlatformError> {
        let begin = Instant::now();
        let name = &deployment.spec.name;
        let wanted = deployment.details["version"].as_str().and_then(action::revision);
        let mut said = String::new();
        loop {
            let left = patience.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return Err(PlatformError::NotReady { name: name.clone(), waited: patience, logs: said });
            }
            let invocation = Invocation { patience: Some(left), ..Invocation::new("{}") };
            match self.activate(deployment, &invocation).await {
                Ok(called) => {
                    let Some(record) = called.record() else {
                        said = called.text();
                        sleep(PAUSE.min(left)).await;
                        continue;
                    };
                    let activation = self.read(&record)?;
                    let ran = activation.version.as_deref().and_then(action::revision);
                    match activation.outcome() {
                        // An old revision's activation: the controllers don't all know the new one yet.
                        _ if ran < wanted => said = format!("an activation ran revision {:?}", activation.version),
                        Outcome::Success | Outcome::ApplicationError => return Ok(()),
                        Outcome::DeveloperError => return Err(exited(name, &activation)),
                        Outcome::InternalError => said = activation.error(),
                    }
                }
                Err(PlatformError::NoAnswer { .. }) => {}
                Err(error) => return Err(error),
            }
            sleep(PAUSE.min(left)).await;
        }
    }

    pub(crate) async fn new_revision(&self, deployment: &Deployment) -> Result<(), PlatformError> {
        let name = &deployment.spec.name;
        let action = self.own(deployment).await?;
        let nonce = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let document = action::fresh(&action, u64::try_from(nonce).unwrap_or(u64::MAX));
        let updated: Action = self.api.ask(&self.put_action(name, true, document), &[]).await?.json()?;
        if action::revision(&updated.version) > action::revision(&action.version) {
            return Ok(());
        }
        Err(self.failed("forcing a cold start", format!("the action {name} stayed at revision {}", updated.version)))
    }

    /// The action of a deployment.
    async fn own(&self, deployment: &Deployment) -> Result<Action, PlatformError> {
        let name = &deployment.spec.name;
        match self.action(name).await? {
            Some(action) if action.annotation(MARK) == Some(deployment.spec.id.as_str()) => Ok(action),
            Some(_) => Err(self.name_taken(name)),
            None => Err(PlatformError::NotFound { platform: PLATFORM.to_owned(), name: name.clone() }),
        }
    }

    pub(crate) async fn status_of(&self, deployment: &Deployment) -> Result<Status, PlatformError> {
        let mut status =
            Status { readiness: Readiness::Missing, message: None, instances: None, waiting: None, image_digest: None };
        match self.action(&deployment.spec.name).await? {
            Some(action) if action.annotation(MARK) == Some(deployment.spec.id.as_str()) => {
                status.readiness = Readiness::Ready;
                status.message = Some(format!("revision {}", action.version));
                status.image_digest = action.annotation(DIGEST).map(str::to_owned);
            }
            Some(_) => status.message = Some("its name is another's now".to_owned()),
            None => {}
        }
        Ok(status)
    }

    pub(crate) async fn remove_one(&self, resource: &Resource) -> Result<(), PlatformError> {
        match resource.kind.as_str() {
            ACTION => self.remove_action(resource).await,
            IMAGE => self.connection.registry()?.remove(&resource.name).await,
            kind => Err(PlatformError::Invalid(format!("OpenWhisk has no `{kind}` that could be removed"))),
        }
    }

    async fn remove_action(&self, resource: &Resource) -> Result<(), PlatformError> {
        let name = &resource.name;
        self.must_be_here(resource, &self.place().await?)?;
        match self.action(name).await? {
            // Gone, or another's since.
            None => return Ok(()),
            Some(action) if action.annotation(MARK) != Some(resource.deployment.as_str()) => return Ok(()),
            Some(_) => {}
        }
        let path = self.path(&format!("actions/{name}"));
        let request = ApiRequest::new(format!("removing the action {name}"), Method::DELETE, path);
        self.api.ask(&request, &[404]).await.map(|_| ())
    }

    pub(crate) async fn marked(&self) -> Result<Vec<Found>, PlatformError> {
        let mut found = Vec::new();
        let mut skip = 0;
        loop {
            let path = self.path(&format!("actions?limit={PAGE}&skip={skip}"));
            let page: Vec<Action> =
                self.api.ask(&ApiRequest::new("listing actions", Method::GET, path), &[]).await?.json()?;
            for action in &page {
                if let Some(deployment) = action.annotation(MARK) {
                    let (name, deployment) = (action.name.clone(), deployment.to_owned());
                    found.push(Found { kind: ACTION.to_owned(), name, deployment });
                }
            }
            if page.len() < PAGE {
                return Ok(found);
            }
            skip += PAGE;
        }
    }
}

/// The archive in base64.
async fn archive(spec: &DeploymentSpec) -> Result<String, PlatformError> {
    let path = &spec.image.path;
    let bytes = tokio::fs::read(path).await.map_err(|error| {
        PlatformError::Invalid(format!("the archive {} can't be read: {error}; build it again", path.display()))
    })?;
    Ok(STANDARD.encode(bytes))
}

fn exited(name: &str, activation: &Activation<'_>) -> PlatformError {
    let lines: Vec<String> = activation.log_lines().into_iter().map(|line| line.text).collect();
    PlatformError::ExitedAtStart { name: name.to_owned(), reason: activation.error(), logs: lines.join("\n") }
}
