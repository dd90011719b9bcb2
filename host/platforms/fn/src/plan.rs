//! What is asked of Fn for a deployment.

use std::collections::BTreeMap;

use platform::{DeploymentSpec, PlannedRequest, PlatformError};
use remote_platform::{ApiRequest, InvokeWay, Method, PushedImage, instance_environment};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::check::{Sizes, completed};
use crate::fn_platform::FnPlatform;
use crate::objects::{APP, DEPLOYMENT};

/// The key of a function's configuration that is another after every update: another configuration has other instances.
pub(crate) const REVISION: &str = "FAASBENCH_REVISION";
/// The kinds of what is in the ledger.
pub(crate) const IMAGE: &str = "image";
pub(crate) const APPLICATION: &str = "app";
pub(crate) const FUNCTION: &str = "function";
pub(crate) const TRIGGER: &str = "trigger";

/// What the deployer keeps of a deployment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Details {
    pub(crate) app: String,
    pub(crate) function_id: String,
    /// The image's name as the agent knows it.
    pub(crate) image: String,
    pub(crate) invoke_url: String,
    pub(crate) trigger_url: String,
    /// When an update was accepted, Unix time, ms; `None` for a new function, of which nobody knows an old state.
    pub(crate) updated_unix_ms: Option<u64>,
}

/// An image's name for an agent. One by its digest alone is read wrongly where its registry has a port (`parseRepositoryTag` in
/// `api/agent/drivers/driver.go` takes that for a tag), one by its tag and its digest is not.
pub(crate) fn image_name(image: &PushedImage) -> String {
    match image.pinned.split_once('@') {
        Some((_, digest)) => format!("{}@{digest}", image.tagged),
        None => image.pinned.clone(),
    }
}

impl FnPlatform {
    /// The configuration of a function, which is its instances' environment.
    pub(crate) fn config(&self, spec: &DeploymentSpec, revision: &str) -> BTreeMap<String, String> {
        let way = self.nested.clone().map(|url| InvokeWay { url, authorization: None });
        let mut config = instance_environment(&self.connection, spec, way.as_ref());
        config.insert(REVISION.to_owned(), revision.to_owned());
        config
    }

    /// The request that makes the app.
    pub(crate) fn create_app(&self, spec: &DeploymentSpec) -> ApiRequest {
        let mut body = json!({ "name": self.options.app, "annotations": { APP: spec.id.as_str() } });
        // Fn's default is x86.
        let shape = match spec.image.architecture.as_str() {
            "aarch64" => Some("GENERIC_ARM"),
            several if several.contains('+') => Some("GENERIC_X86_ARM"),
            _ => None,
        };
        if let Some(shape) = shape {
            body["shape"] = shape.into();
        }
        ApiRequest::new(format!("creating the app {}", self.options.app), Method::POST, "/v2/apps").json(body)
    }

    /// What a function is, without its name and its app.
    pub(crate) fn function_body(
        &self,
        spec: &DeploymentSpec,
        sizes: &Sizes,
        image: &str,
        config: &BTreeMap<String, String>,
    ) -> Value {
        json!({
            "image": image,
            "memory": sizes.memory_mb,
            "timeout": sizes.timeout_s,
            "idle_timeout": sizes.idle_timeout_s,
            "config": config,
            "annotations": { DEPLOYMENT: spec.id.as_str() },
        })
    }

    /// The request that makes the function.
    pub(crate) fn create_function(&self, app_id: &str, spec: &DeploymentSpec, mut body: Value) -> ApiRequest {
        body["name"] = spec.name.as_str().into();
        body["app_id"] = app_id.into();
        ApiRequest::new(format!("creating the function {}", spec.name), Method::POST, "/v2/fns").json(body)
    }

    /// The request that makes the trigger with which other functions call it.
    pub(crate) fn create_trigger(&self, app_id: &str, function_id: &str, spec: &DeploymentSpec) -> ApiRequest {
        let body = json!({
            "name": spec.name,
            "app_id": app_id,
            "fn_id": function_id,
            "type": "http",
            "source": format!("/{}", spec.name),
            "annotations": { DEPLOYMENT: spec.id.as_str() },
        });
        ApiRequest::new(format!("creating the trigger {}", spec.name), Method::POST, "/v2/triggers").json(body)
    }

    /// All requests of a deployment, in their order.
    pub(crate) fn planned(&self, spec: &DeploymentSpec) -> Result<Vec<PlannedRequest>, PlatformError> {
        let (spec, sizes) = completed(spec)?;
        let reference = self.registry()?.reference(&spec.image, &spec.id);
        let mut config = self.config(&spec, "<a new one>");
        for name in self.connection.storage_environment.keys() {
            config.insert(name.clone(), "(not shown)".to_owned());
        }
        let (app, name) = (&self.options.app, &spec.name);
        let body = self.function_body(&spec, &sizes, &image_name(&reference), &config);
        let get = |doing: String, path: String| ApiRequest::new(doing, Method::GET, path);
        let (app_id, function_id) = ("<id of the app>", "<id of the function>");
        let of_app = |kind: &str| format!("/v2/{kind}?app_id={app_id}&name={name}");
        let update =
            ApiRequest::new(format!("updating the function {name}"), Method::PUT, format!("/v2/fns/{function_id}"))
                .json(body.clone());
        let missing = |what: &str| format!("when there is no such {what} yet");
        let find_app = || get(format!("looking for the app {app}"), format!("/v2/apps?name={app}"));
        let find_function = || get(format!("looking for the function {name}"), of_app("fns"));
        let delete_trigger = ApiRequest::new(
            format!("deleting the trigger {name}"),
            Method::DELETE,
            "/v2/triggers/<id of the trigger>".to_owned(),
        );
        let before_image =
            [(find_app(), None), (find_function(), Some("when there is an app of that name already".to_owned()))];
        let after_image = [
            (find_app(), None),
            (self.create_app(&spec), Some(missing("app"))),
            (find_function(), None),
            (self.create_function(app_id, &spec, body), Some(missing("function"))),
            (update, Some("when it is an update of the deployment".to_owned())),
            (get(format!("looking for the trigger {name}"), of_app("triggers")), None),
            (delete_trigger, Some("when it is an update, and its trigger is of another function or path".to_owned())),
            (self.create_trigger(app_id, function_id, &spec), Some(missing("trigger"))),
        ];
        let image = PlannedRequest {
            purpose: match &self.daemon {
                Some(daemon) => format!("loading the image into the container daemon at {}", daemon.address()),
                None => "pushing the image".to_owned(),
            },
            method: if self.daemon.is_some() { "LOAD" } else { "PUSH" }.to_owned(),
            address: reference.tagged,
            body: None,
            condition: None,
        };
        let base = self.api.api.base();
        let asked = |requests: &[(ApiRequest, Option<String>)]| -> Vec<PlannedRequest> {
            requests.iter().map(|(request, condition)| request.planned(base, condition.as_deref())).collect()
        };
        let mut planned = asked(&before_image);
        planned.push(image);
        planned.extend(asked(&after_image));
        Ok(planned)
    }
}
