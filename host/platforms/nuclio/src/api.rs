//! The requests of administration.

use std::collections::BTreeMap;

use platform::PlatformError;
use remote_platform::header::{HeaderName, HeaderValue};
use remote_platform::{Api, ApiRequest, Method};
use serde_json::{Value, json};

use crate::objects::{Function, PROJECT, Project};

/// The platform's name.
pub(crate) const PLATFORM: &str = "nuclio";

/// The dashboard's API, for one namespace.
#[derive(Debug, Clone)]
pub(crate) struct Dashboard {
    pub(crate) api: Api,
    pub(crate) namespace: String,
}

impl Dashboard {
    /// A request about functions.
    pub(crate) fn about_functions(&self, doing: String, method: Method, path: &str) -> ApiRequest {
        self.about("function", doing, method, path)
    }

    /// A request about projects.
    pub(crate) fn about_projects(&self, doing: String, method: Method, path: &str) -> ApiRequest {
        self.about("project", doing, method, path)
    }

    fn about(&self, kind: &str, doing: String, method: Method, path: &str) -> ApiRequest {
        let mut request = ApiRequest::new(doing, method, path);
        let name = HeaderName::try_from(format!("x-nuclio-{kind}-namespace"));
        // A namespace is letters, digits and dashes.
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&self.namespace)) {
            request = request.header(name, value);
        }
        request
    }

    /// What it is, with its version where it knows it: one that was built by hand does not.
    pub(crate) async fn version(&self) -> Result<String, PlatformError> {
        let request = ApiRequest::new("asking Nuclio for its version", Method::GET, "/api/versions");
        let response = self.api.ask(&request, &[404, 500]).await?;
        let found: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let label = found["dashboard"]["label"].as_str().unwrap_or("of an unknown version");
        Ok(format!("Nuclio {label}"))
    }

    /// The function of that name.
    pub(crate) async fn function(&self, name: &str) -> Result<Option<Function>, PlatformError> {
        let path = format!("/api/functions/{name}");
        let request = self.about_functions(format!("asking for the function {name}"), Method::GET, &path);
        let response = self.api.ask(&request, &[404]).await?;
        if response.status.as_u16() == 404 { Ok(None) } else { response.json().map(Some) }
    }

    pub(crate) async fn functions(&self) -> Result<Vec<Function>, PlatformError> {
        let request = self.about_functions("listing functions".to_owned(), Method::GET, "/api/functions");
        let found: BTreeMap<String, Function> = self.api.ask(&request, &[]).await?.json()?;
        Ok(found.into_values().collect())
    }

    /// Whether any function is in a project.
    pub(crate) async fn is_used(&self, project: &str) -> Result<bool, PlatformError> {
        Ok(self.functions().await?.iter().any(|function| function.metadata.label(PROJECT) == Some(project)))
    }

    pub(crate) async fn project(&self, name: &str) -> Result<Option<Project>, PlatformError> {
        let path = format!("/api/projects/{name}");
        let request = self.about_projects(format!("asking for the project {name}"), Method::GET, &path);
        let response = self.api.ask(&request, &[404]).await?;
        if response.status.as_u16() == 404 { Ok(None) } else { response.json().map(Some) }
    }

    pub(crate) async fn projects(&self) -> Result<Vec<Project>, PlatformError> {
        let request = self.about_projects("listing projects".to_owned(), Method::GET, "/api/projects");
        let found: BTreeMap<String, Project> = self.api.ask(&request, &[]).await?.json()?;
        Ok(found.into_values().collect())
    }

    /// The names of a function's replicas; `None` where the dashboard does not tell, as before 1.6.
    pub(crate) async fn replicas(&self, name: &str) -> Result<Option<Vec<String>>, PlatformError> {
        let path = format!("/api/functions/{name}/replicas");
        let request = self.about_functions(format!("asking for the replicas of {name}"), Method::GET, &path);
        let response = self.api.ask(&request, &[404, 405]).await?;
        if !response.status.is_success() {
            return Ok(None);
        }
        let found: Value = response.json()?;
        let names = found["replicas"]["names"].as_array().or_else(|| found["names"].as_array());
        Ok(names.map(|names| names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()))
    }

    /// Deletes a function; a success when it is gone already.
    pub(crate) async fn delete_function(&self, name: &str) -> Result<(), PlatformError> {
        let body = json!({ "metadata": { "name": name, "namespace": self.namespace } });
        let request = self
            .about_functions(format!("deleting the function {name}"), Method::DELETE, "/api/functions")
            .header(
                // Later versions refuse while it is being built otherwise.
                HeaderName::from_static("x-nuclio-delete-function-ignore-state-validation"),
                HeaderValue::from_static("true"),
            )
            .json(body);
        self.api.ask(&request, &[404]).await.map(|_| ())
    }

    /// Deletes a project when nothing is in it; a success when it is gone already, or used.
    pub(crate) async fn delete_project(&self, name: &str) -> Result<(), PlatformError> {
        let body = json!({ "metadata": { "name": name, "namespace": self.namespace } });
        let request =
            self.about_projects(format!("deleting the project {name}"), Method::DELETE, "/api/projects").json(body);
        // 412 and 409: another deployment has come into it meanwhile.
        self.api.ask(&request, &[404, 409, 412]).await.map(|_| ())
    }
}

/// Something that failed on Nuclio.
pub(crate) fn failed(doing: &str, reason: String) -> PlatformError {
    PlatformError::Failed { platform: PLATFORM.to_owned(), doing: doing.to_owned(), reason }
}
