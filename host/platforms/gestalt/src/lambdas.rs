//! Lambdas in Meta or in Laser: found, made, changed, removed.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use platform::{
    Deployment, DeploymentSpec, Found, Ledger, PlannedRequest, PlatformError, Readiness, Resource, Scale, Status,
};
use remote_platform::{ApiRequest, ApiResponse, Method, instance_environment, make, shown_environment};
use serde_json::{Value, json};

use crate::platform::Gestalt;
use crate::token::PLATFORM;
use crate::{Api, check, documents};

/// The kind, in a ledger, of a lambda.
const LAMBDA: &str = "lambda";

/// A lambda as either API tells it.
pub(crate) struct Lambda {
    pub(crate) id: String,
    name: String,
    description: String,
    document: Value,
}

impl Lambda {
    fn of_meta(document: Value) -> Option<Lambda> {
        let text = |key: &str| document[key].as_str().map(str::to_owned);
        let description = text("description").unwrap_or_default();
        Some(Lambda { id: text("id")?, name: text("name").unwrap_or_default(), description, document })
    }

    fn of_laser(document: Value) -> Option<Lambda> {
        let artifact = &document["artifactDescription"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (name, description) = (text(&artifact["handler"]), text(&artifact["description"]));
        Some(Lambda { id: document["id"].as_str()?.to_owned(), name, description, document })
    }

    fn is_of(&self, deployment: &str) -> bool {
        documents::told(&self.description).is_some_and(|(told, _)| told == deployment)
    }

    fn digest(&self) -> Option<&str> {
        documents::told(&self.description).map(|(_, digest)| digest)
    }
}

impl Gestalt {
    /// Makes a request of administration.
    async fn ask(&self, request: &ApiRequest, others: &[u16]) -> Result<ApiResponse, PlatformError> {
        match &self.security {
            None => self.api.ask(request, others).await,
            Some(security) => {
                let authorization = security.authorization().await?;
                self.api.with_authorization(authorization).ask(request, others).await
            }
        }
    }

    fn list(&self) -> ApiRequest {
        let path = match self.options.api {
            Api::Meta => format!("{}?expand=true", self.environment_path()),
            Api::Laser => "/lambdas".to_owned(),
        };
        ApiRequest::new("listing lambdas", Method::GET, path)
    }

    /// Where Meta has the lambdas of the environment.
    fn environment_path(&self) -> String {
        let environment = self.options.environment.as_deref().unwrap_or_default();
        format!("/{}/environments/{environment}/lambdas", self.options.organisation)
    }

    /// The path of one lambda.
    fn path(&self, id: &str) -> String {
        match self.options.api {
            Api::Meta => format!("/{}/lambdas/{id}", self.options.organisation),
            Api::Laser => format!("/lambdas/{id}"),
        }
    }

    fn create(&self, spec: &DeploymentSpec, environment: &BTreeMap<String, String>, code: Option<&str>) -> ApiRequest {
        let doing = format!("making the lambda {}", spec.name);
        match self.options.api {
            Api::Meta => ApiRequest::new(doing, Method::POST, self.environment_path()).json(documents::meta(
                spec,
                &self.options,
                environment,
            )),
            Api::Laser => {
                ApiRequest::new(doing, Method::POST, "/lambdas").json(documents::laser(spec, &self.options, code))
            }
        }
    }

    fn update(
        &self,
        id: &str,
        spec: &DeploymentSpec,
        environment: &BTreeMap<String, String>,
        code: Option<&str>,
    ) -> ApiRequest {
        let doing = format!("updating the lambda {}", spec.name);
        match self.options.api {
            Api::Meta => ApiRequest::new(doing, Method::PATCH, self.path(id)).json(documents::meta_patch(
                spec,
                &self.options,
                environment,
            )),
            Api::Laser => {
                ApiRequest::new(doing, Method::PUT, self.path(id)).json(documents::laser(spec, &self.options, code))
            }
        }
    }

    /// Ends the executors of a lambda, which may hold an archive of before.
    fn invalidate(&self, id: &str) -> ApiRequest {
        let path = format!("/lambdas/{id}/invalidate");
        let mut request = ApiRequest::new("ending the lambda's executors", Method::POST, path);
        request.repeatable = true;
        request
    }

    pub(crate) async fn all(&self) -> Result<Vec<Lambda>, PlatformError> {
        let documents: Vec<Value> = self.ask(&self.list(), &[]).await?.json()?;
        let read = match self.options.api {
            Api::Meta => Lambda::of_meta,
            Api::Laser => Lambda::of_laser,
        };
        Ok(documents.into_iter().filter_map(read).collect())
    }

    /// The lambda that has a name, in Meta, or a deployment's id, in Laser; `None` where there is none.
    async fn find(&self, name: &str, deployment: &str) -> Result<Option<Lambda>, PlatformError> {
        match self.options.api {
            Api::Meta => Ok(self.all().await?.into_iter().find(|lambda| lambda.name == name)),
            Api::Laser => {
                let path = self.path(&documents::laser_id(deployment));
                let request = ApiRequest::new(format!("looking for the lambda {name}"), Method::GET, path);
                let response = self.ask(&request, &[404]).await?;
                if response.status.as_u16() == 404 { Ok(None) } else { Ok(Lambda::of_laser(response.json()?)) }
            }
        }
    }

    pub(crate) async fn create_or_update(
        &self,
        spec: &DeploymentSpec,
        ledger: &dyn Ledger,
    ) -> Result<Deployment, PlatformError> {
        check::spec(spec, &self.options, self.connection.storage.is_some())?;
        let (name, deployment) = (&spec.name, spec.id.as_str());
        let there = self.find(name, deployment).await?;
        if there.as_ref().is_some_and(|lambda| !lambda.is_of(deployment)) {
            return Err(self.name_taken(name));
        }
        let resource = self.resource(spec);
        for entry in ledger.resources(&spec.id).await? {
            let is_it = entry.resource.kind == LAMBDA && entry.resource.target == self.connection.target;
            if let Some(other) = self.elsewhere(&entry.resource).filter(|_| is_it) {
                return Err(PlatformError::Invalid(format!(
                    "`{name}` was deployed to {other}; `faasbench undeploy {name} --platform {}` there first",
                    self.connection.target
                )));
            }
        }
        let environment = instance_environment(&self.connection, spec, self.invoke_way().as_ref());
        let code = self.code(spec).await?;
        let making = async {
            match &there {
                None => self.ask(&self.create(spec, &environment, code.as_deref()), &[]).await?,
                Some(lambda) => self.ask(&self.update(&lambda.id, spec, &environment, code.as_deref()), &[]).await?,
            };
            let gone = || self.failed("making a lambda", "it is not there although it was made");
            self.find(name, deployment).await?.ok_or_else(gone)
        };
        let lambda = make(ledger, &resource, making).await?;
        if there.is_some() {
            self.laser.ask(&self.invalidate(&lambda.id), &[]).await?;
        }
        Ok(Deployment {
            spec: spec.clone(),
            platform: PLATFORM.to_owned(),
            target: self.connection.target.clone(),
            url: Some(self.laser.address(&format!("/lambdas/{}/invokeSync", lambda.id))),
            details: json!({ "id": lambda.id }),
        })
    }

    fn resource(&self, spec: &DeploymentSpec) -> Resource {
        self.connection.resource(&spec.id, LAMBDA, &spec.name, self.place())
    }

    /// Where lambdas are made. Laser knows neither organisations nor environments.
    fn place(&self) -> Value {
        let endpoint = self.api.base().as_str();
        match self.options.api {
            Api::Meta => json!({
                "endpoint": endpoint,
                "organisation": self.options.organisation,
                "environment": self.options.environment,
            }),
            Api::Laser => json!({ "endpoint": endpoint }),
        }
    }

    /// Where a lambda is instead, when its details say that it is not here.
    fn elsewhere(&self, resource: &Resource) -> Option<String> {
        let (there, here) = (&resource.details, self.place());
        let differs = |key: &&str| there[*key].is_string() && here[*key].is_string() && there[*key] != here[*key];
        let keys = ["endpoint", "organisation", "environment"];
        keys.iter().any(differs).then(|| {
            let named = keys.iter().filter_map(|key| Some(format!("the {key} {}", there[*key].as_str()?)));
            named.collect::<Vec<_>>().join(", ")
        })
    }

    /// The archive in base64, where it is sent along.
    async fn code(&self, spec: &DeploymentSpec) -> Result<Option<String>, PlatformError> {
        if self.options.package_url.is_some() {
            return Ok(None);
        }
        let path = &spec.image.path;
        let archive = tokio::fs::read(path).await.map_err(|error| {
            PlatformError::Invalid(format!("the archive {} can't be read: {error}; build it again", path.display()))
        })?;
        Ok(Some(STANDARD.encode(archive)))
    }

    pub(crate) fn planned(&self, spec: &DeploymentSpec) -> Result<Vec<PlannedRequest>, PlatformError> {
        check::spec(spec, &self.options, self.connection.storage.is_some())?;
        let environment = instance_environment(&self.connection, spec, self.invoke_way().as_ref());
        let environment = shown_environment(&self.connection, &environment);
        let code = format!("<{} bytes of an archive, in base64>", spec.image.bytes);
        let code = Some(code.as_str()).filter(|_| self.options.package_url.is_none());
        let id = match self.options.api {
            Api::Meta => "<id of the lambda>".to_owned(),
            Api::Laser => documents::laser_id(spec.id.as_str()),
        };
        let look = match self.options.api {
            Api::Meta => self.list(),
            Api::Laser => ApiRequest::new(format!("looking for the lambda {}", spec.name), Method::GET, self.path(&id)),
        };
        let base = self.api.base();
        let there = Some("when the lambda is this deployment's");
        Ok(vec![
            look.planned(base, None),
            self.create(spec, &environment, code).planned(base, Some("when there is no such lambda yet")),
            self.update(&id, spec, &environment, code).planned(base, there),
            look.planned(base, None),
            self.invalidate(&id).planned(self.laser.base(), there),
        ])
    }

    /// The lambda of a deployment.
    pub(crate) async fn own(&self, deployment: &Deployment) -> Result<Lambda, PlatformError> {
        let name = &deployment.spec.name;
        match self.find(name, deployment.spec.id.as_str()).await? {
            Some(lambda) if lambda.is_of(deployment.spec.id.as_str()) => Ok(lambda),
            Some(_) => Err(self.name_taken(name)),
            None => Err(PlatformError::NotFound { platform: PLATFORM.to_owned(), name: name.clone() }),
        }
    }

    pub(crate) async fn end_executors(&self, deployment: &Deployment) -> Result<(), PlatformError> {
        let lambda = self.own(deployment).await?;
        self.laser.ask(&self.invalidate(&lambda.id), &[]).await.map(|_| ())
    }

    /// Changes how many executors are started beforehand, and nothing else.
    pub(crate) async fn change_scale(&self, deployment: &Deployment, scale: &Scale) -> Result<(), PlatformError> {
        check::scale(scale)?;
        let Some(minimum) = scale.minimum_instances else { return Ok(()) };
        let mut lambda = self.own(deployment).await?;
        let doing = format!("updating the lambda {}", deployment.spec.name);
        let path = self.path(&lambda.id);
        let request = match self.options.api {
            Api::Meta => ApiRequest::new(doing, Method::PATCH, path)
                .json(json!([{ "op": "replace", "path": "/properties/pre_warm", "value": minimum }])),
            Api::Laser => {
                lambda.document["artifactDescription"]["preWarm"] = minimum.into();
                ApiRequest::new(doing, Method::PUT, path).json(lambda.document)
            }
        };
        self.ask(&request, &[]).await.map(|_| ())
    }

    pub(crate) async fn status_of(&self, deployment: &Deployment) -> Result<Status, PlatformError> {
        let mut status =
            Status { readiness: Readiness::Missing, message: None, instances: None, waiting: None, image_digest: None };
        match self.own(deployment).await {
            Ok(lambda) => {
                status.readiness = Readiness::Ready;
                status.image_digest = lambda.digest().map(str::to_owned);
            }
            Err(PlatformError::NameTaken { .. }) => status.message = Some("its name is another's now".to_owned()),
            Err(PlatformError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(status)
    }

    pub(crate) async fn remove_one(&self, resource: &Resource) -> Result<(), PlatformError> {
        if resource.kind != LAMBDA {
            let kind = &resource.kind;
            return Err(PlatformError::Invalid(format!("Gestalt has no `{kind}` that could be removed")));
        }
        if let Some(other) = self.elsewhere(resource) {
            return Err(PlatformError::Invalid(format!(
                "the lambda {} is in {other}, and the target `{}` is not; set it back to remove it",
                resource.name, self.connection.target
            )));
        }
        let deployment = resource.deployment.as_str();
        let lambda = match self.find(&resource.name, deployment).await? {
            Some(lambda) if lambda.is_of(deployment) => lambda,
            // Gone, or another's since.
            _ => return Ok(()),
        };
        let force = if self.options.api == Api::Meta { "?force=true" } else { "" };
        let path = format!("{}{force}", self.path(&lambda.id));
        let request = ApiRequest::new(format!("removing the lambda {}", resource.name), Method::DELETE, path);
        self.ask(&request, &[404]).await.map(|_| ())
    }

    pub(crate) async fn marked(&self) -> Result<Vec<Found>, PlatformError> {
        let found = |lambda: Lambda| {
            let (deployment, _) = documents::told(&lambda.description)?;
            let deployment = deployment.to_owned();
            Some(Found { kind: LAMBDA.to_owned(), name: lambda.name, deployment })
        };
        Ok(self.all().await?.into_iter().filter_map(found).collect())
    }

    fn name_taken(&self, name: &str) -> PlatformError {
        PlatformError::NameTaken { platform: PLATFORM.to_owned(), name: name.to_owned() }
    }

    /// Whether the lambda is of this deployment's image.
    pub(crate) fn has_image(&self, lambda: &Lambda, deployment: &Deployment) -> bool {
        lambda.digest() == Some(deployment.spec.image.digest.as_str())
    }
}
