//! The requests of administration: to Nuclio's dashboard, or for its custom resources to Kubernetes.

use std::collections::BTreeMap;

use platform::PlatformError;
use remote_platform::header::{HeaderName, HeaderValue};
use remote_platform::{Api, ApiRequest, Method};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::objects::{Function, PROJECT, Project};
use crate::options::Through;

/// The platform's name.
pub(crate) const PLATFORM: &str = "nuclio";
/// The group and version of Nuclio's custom resources.
const GROUP: &str = "nuclio.io/v1beta1";
/// The state in which Nuclio's controller takes a function up.
const TO_DO: &str = "waitingForResourceConfiguration";
/// How often a change of an object is tried that others change too.
const ATTEMPTS: u32 = 5;

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    Function,
    Project,
}

impl About {
    fn word(self) -> &'static str {
        match self {
            About::Function => "function",
            About::Project => "project",
        }
    }

    fn kind(self) -> &'static str {
        match self {
            About::Function => "NuclioFunction",
            About::Project => "NuclioProject",
        }
    }
}

/// Nuclio's control, for one namespace.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    pub(crate) api: Api,
    pub(crate) namespace: String,
    pub(crate) through: Through,
}

impl Control {
    /// A request about all things of a kind, or the one of that name.
    pub(crate) fn request(&self, about: About, doing: String, method: Method, name: Option<&str>) -> ApiRequest {
        let word = about.word();
        let path = match self.through {
            Through::Dashboard => format!("/api/{word}s"),
            Through::CustomResource => format!("/apis/{GROUP}/namespaces/{}/nuclio{word}s", self.namespace),
        };
        let path = match name {
            Some(name) => format!("{path}/{name}"),
            None => path,
        };
        let request = ApiRequest::new(doing, method, path);
        let header = HeaderName::try_from(format!("x-nuclio-{word}-namespace"));
        match (self.through, header, HeaderValue::from_str(&self.namespace)) {
            (Through::Dashboard, Ok(header), Ok(value)) => request.header(header, value),
            _ => request,
        }
    }

    /// The request that makes something.
    pub(crate) fn create(&self, about: About, name: &str, body: Value) -> ApiRequest {
        let doing = format!("creating the {} {name}", about.word());
        self.request(about, doing, Method::POST, None).json(self.object(about, body))
    }

    /// The request that changes a function. A custom resource is changed where it has the version that was read:
    /// `resource_version`.
    pub(crate) fn update(&self, name: &str, body: Value, resource_version: &str) -> ApiRequest {
        let mut object = self.object(About::Function, body);
        if self.through == Through::CustomResource {
            object["metadata"]["resourceVersion"] = resource_version.into();
        }
        let doing = format!("updating the function {name}");
        self.request(About::Function, doing, Method::PUT, Some(name)).json(object)
    }

    /// A body for the dashboard, or the custom resource that it would make of it: `pkg/platform/kube/deployer.go`.
    fn object(&self, about: About, mut body: Value) -> Value {
        if self.through == Through::CustomResource {
            body["apiVersion"] = GROUP.into();
            body["kind"] = about.kind().into();
            if about == About::Function {
                body["status"] = json!({ "state": TO_DO });
            }
        }
        body
    }

    /// Changes a function.
    pub(crate) async fn update_function(&self, name: &str, body: &Value) -> Result<(), PlatformError> {
        for _ in 0..ATTEMPTS {
            let version = match self.through {
                Through::Dashboard => String::new(),
                Through::CustomResource => {
                    let function = self.function(name).await?;
                    function.and_then(|function| function.metadata.resource_version).unwrap_or_default()
                }
            };
            let conflict: &[u16] = if self.through == Through::CustomResource { &[409] } else { &[] };
            let response = self.api.ask(&self.update(name, body.clone(), &version), conflict).await?;
            if response.status.as_u16() != 409 {
                return Ok(());
            }
        }
        Err(failed(
            &format!("updating the function {name}"),
            format!("it was changed by others {ATTEMPTS} times meanwhile; try again"),
        ))
    }

    /// What it is, with its version where it knows it: a dashboard that was built by hand does not.
    pub(crate) async fn version(&self) -> Result<String, PlatformError> {
        let path = match self.through {
            Through::Dashboard => "/api/versions",
            Through::CustomResource => "/version",
        };
        let request = ApiRequest::new("asking Nuclio for its version", Method::GET, path);
        let response = self.api.ask(&request, &[404, 500]).await?;
        let found: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        Ok(match self.through {
            Through::Dashboard => {
                format!("Nuclio {}", found["dashboard"]["label"].as_str().unwrap_or("of an unknown version"))
            }
            Through::CustomResource => {
                format!("Nuclio on Kubernetes {}", found["gitVersion"].as_str().unwrap_or("of an unknown version"))
            }
        })
    }

    /// The function of that name.
    pub(crate) async fn function(&self, name: &str) -> Result<Option<Function>, PlatformError> {
        self.one(About::Function, name).await
    }

    pub(crate) async fn functions(&self) -> Result<Vec<Function>, PlatformError> {
        self.all(About::Function).await
    }

    pub(crate) async fn project(&self, name: &str) -> Result<Option<Project>, PlatformError> {
        self.one(About::Project, name).await
    }

    pub(crate) async fn projects(&self) -> Result<Vec<Project>, PlatformError> {
        self.all(About::Project).await
    }

    /// Whether any function is in a project.
    pub(crate) async fn is_used(&self, project: &str) -> Result<bool, PlatformError> {
        Ok(self.functions().await?.iter().any(|function| function.metadata.label(PROJECT) == Some(project)))
    }

    async fn one<T: DeserializeOwned>(&self, about: About, name: &str) -> Result<Option<T>, PlatformError> {
        let doing = format!("asking for the {} {name}", about.word());
        let response = self.api.ask(&self.request(about, doing, Method::GET, Some(name)), &[404]).await?;
        if response.status.as_u16() == 404 { Ok(None) } else { response.json().map(Some) }
    }

    async fn all<T: DeserializeOwned>(&self, about: About) -> Result<Vec<T>, PlatformError> {
        let doing = format!("listing {}s", about.word());
        let response = self.api.ask(&self.request(about, doing, Method::GET, None), &[]).await?;
        match self.through {
            Through::Dashboard => Ok(response.json::<BTreeMap<String, T>>()?.into_values().collect()),
            Through::CustomResource => {
                #[derive(serde::Deserialize)]
                struct List<T> {
                    items: Vec<T>,
                }
                Ok(response.json::<List<T>>()?.items)
            }
        }
    }

    /// The request for a function's replicas.
    pub(crate) fn replicas_request(&self, name: &str) -> ApiRequest {
        let doing = format!("asking for the replicas of {name}");
        match self.through {
            Through::Dashboard => self.request(About::Function, doing, Method::GET, Some(&format!("{name}/replicas"))),
            Through::CustomResource => {
                let path = format!(
                    "/api/v1/namespaces/{}/pods?labelSelector=nuclio.io%2Ffunction-name%3D{name}",
                    self.namespace
                );
                ApiRequest::new(doing, Method::GET, path)
            }
        }
    }

    /// The names of a function's replicas; `None` where the dashboard does not tell, as before 1.6.
    pub(crate) async fn replicas(&self, name: &str) -> Result<Option<Vec<String>>, PlatformError> {
        let request = self.replicas_request(name);
        match self.through {
            Through::Dashboard => {
                let response = self.api.ask(&request, &[404, 405]).await?;
                if !response.status.is_success() {
                    return Ok(None);
                }
                let found: Value = response.json()?;
                let names = found["replicas"]["names"].as_array().or_else(|| found["names"].as_array());
                Ok(names.map(|names| names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()))
            }
            Through::CustomResource => {
                let found: Value = self.api.ask(&request, &[]).await?.json()?;
                let pods = found["items"].as_array().map_or(&[][..], Vec::as_slice);
                Ok(Some(pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str().map(str::to_owned)).collect()))
            }
        }
    }

    /// Deletes something; a success when it is gone already, or is a project that another has come into.
    pub(crate) async fn delete(&self, about: About, name: &str) -> Result<(), PlatformError> {
        let doing = format!("deleting the {} {name}", about.word());
        let request = match self.through {
            Through::Dashboard => {
                let body = json!({ "metadata": { "name": name, "namespace": self.namespace } });
                let header = HeaderName::from_static("x-nuclio-delete-function-ignore-state-validation");
                // Later versions refuse while a function is being built otherwise.
                self.request(about, doing, Method::DELETE, None)
                    .header(header, HeaderValue::from_static("true"))
                    .json(body)
            }
            Through::CustomResource => self.request(about, doing, Method::DELETE, Some(name)),
        };
        let others: &[u16] = if about == About::Project { &[404, 409, 412] } else { &[404] };
        self.api.ask(&request, others).await.map(|_| ())
    }
}

/// Something that failed on Nuclio.
pub(crate) fn failed(doing: &str, reason: String) -> PlatformError {
    PlatformError::Failed { platform: PLATFORM.to_owned(), doing: doing.to_owned(), reason }
}
