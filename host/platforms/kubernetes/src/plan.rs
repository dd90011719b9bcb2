//! What a deployment is made of, before any request.

use hyper::Method;
use k8s_openapi::ByteString;
use platform::{DeploymentSpec, PlannedRequest, PlatformError};
use remote_platform::{InvokeWay, PushedImage, instance_environment};
use serde_json::{Value, json};

use crate::cluster::Ask;
use crate::mark::{labels, new_revision};
use crate::object::{Object, SECRET};
use crate::options::PullPolicy;
use crate::platform_on_cluster::PlatformOnCluster;
use crate::workload::{Workload, check_variables};

/// What is to be made.
pub(crate) struct Plan {
    /// The image in the registry; `None` for images that the nodes have.
    pub(crate) pushed: Option<PushedImage>,
    /// The objects, in the order of creation.
    pub(crate) objects: Vec<Object>,
}

/// How the instances of a plan differ from another's of the same spec.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variant {
    /// The revision; a new one for `None`.
    pub(crate) revision: Option<String>,
    /// No instance is started before the first call, where the platform can do that.
    pub(crate) starts_empty: bool,
}

impl PlatformOnCluster {
    /// Checks a spec, and tells all that it means.
    ///
    /// # Errors
    /// What can't be.
    pub(crate) fn plan(&self, spec: &DeploymentSpec, variant: Variant) -> Result<Plan, PlatformError> {
        self.check(spec)?;
        let pushed = self.pushed(spec)?;
        let (image, pull_policy) = match &pushed {
            Some(pushed) => (self.pulled(&pushed.pinned), self.options.image_pull_policy),
            // Its name is one that anybody could publish something under: it is never pulled.
            None => (preloaded(spec)?, PullPolicy::Never),
        };
        let way = InvokeWay { url: self.flavour.nested_calls(self.place()), authorization: None };
        let mut variables = instance_environment(&self.connection, spec, Some(&way));
        let secrets: Vec<(String, String)> = self
            .connection
            .storage_environment
            .keys()
            .filter_map(|name| Some((name.clone(), variables.remove(name)?)))
            .collect();
        let mut objects = Vec::new();
        let secret = (!secrets.is_empty()).then(|| format!("{}-faasbench", spec.name));
        if let Some(name) = &secret {
            let data: serde_json::Map<String, Value> =
                secrets.into_iter().map(|(name, value)| (name, json!(ByteString(value.into_bytes())))).collect();
            let rest = json!({"type": "Opaque", "data": data});
            let labels = labels(self.flavour.name(), spec);
            objects.push(Object::new(&SECRET, self.cluster.namespace(), name, &labels, &Default::default(), rest));
        }
        let workload = Workload {
            image,
            pull_policy,
            pull_secret: self.options.image_pull_secret.clone(),
            variables,
            secret,
            revision: variant.revision.unwrap_or_else(new_revision),
            starts_empty: variant.starts_empty,
        };
        objects.extend(self.flavour.objects(self.place(), spec, &workload)?);
        Ok(Plan { pushed, objects })
    }

    fn check(&self, spec: &DeploymentSpec) -> Result<(), PlatformError> {
        let is_name =
            crate::cluster::is_label(&spec.name) && spec.name.starts_with(|first: char| first.is_ascii_lowercase());
        if !is_name {
            return Err(PlatformError::Invalid(format!(
                "Kubernetes takes no name {:?}: lower-case letters, digits and `-`, a letter first and no `-` last, at most 63",
                spec.name
            )));
        }
        let id = spec.id.as_str();
        if !crate::cluster::is_label(id) {
            return Err(PlatformError::Invalid(format!("the deployment's id {id:?} can't be a label")));
        }
        if !spec.image.kind.is_oci() {
            return Err(PlatformError::Invalid(format!(
                "{} takes images of the kind {}, not {}",
                self.flavour.name(),
                image_kind::ImageKind::Oci,
                spec.image.kind
            )));
        }
        if spec.scale.queue.is_some() {
            return Err(PlatformError::Invalid(format!(
                "the invocations that wait can't be bounded on {}; leave --queue out",
                self.flavour.name()
            )));
        }
        if spec.limits.log_bytes.is_some() {
            return Err(PlatformError::Invalid(format!(
                "what an invocation prints can't be bounded on {}; leave that limit out",
                self.flavour.name()
            )));
        }
        check_variables(spec)?;
        self.flavour.check(spec)
    }

    /// The image in the registry; `None` where the nodes have it already.
    fn pushed(&self, spec: &DeploymentSpec) -> Result<Option<PushedImage>, PlatformError> {
        if self.options.preloaded {
            return Ok(None);
        }
        let pushed = self.connection.registry()?.reference(&spec.image, &spec.id);
        if !pushed.pinned.contains("@sha256:") {
            return Err(PlatformError::Invalid(format!("the image `{}` is not named by its digest", pushed.pinned)));
        }
        Ok(Some(pushed))
    }

    /// An image's name as the nodes know it.
    fn pulled(&self, pinned: &str) -> String {
        match (&self.options.pull_from, pinned.split_once('/')) {
            (Some(registry), Some((_, path))) => format!("{}/{path}", registry.trim_end_matches('/')),
            _ => pinned.to_owned(),
        }
    }

    /// Every request of a deployment, in order.
    ///
    /// # Errors
    /// What can't be deployed.
    pub(crate) fn planned(&self, spec: &DeploymentSpec) -> Result<Vec<PlannedRequest>, PlatformError> {
        let plan = self.plan(spec, Variant::default())?;
        let server = self.cluster.server();
        let kinds = self.flavour.kinds();
        let mut requests = Vec::new();
        for object in &plan.objects {
            let ask = self.cluster.get_request(object.kind, &object.name);
            requests.push(ask.planned(&server, Some("to see whether the name is free")));
        }
        for kind in kinds.taken {
            let ask = self.cluster.get_request(kind, &spec.name);
            requests.push(
                ask.planned(
                    &server,
                    Some("when there is none of this deployment yet: to see whether the name is free"),
                ),
            );
        }
        if let Some(pushed) = &plan.pushed {
            requests.push(PlannedRequest {
                purpose: "pushing the image".to_owned(),
                method: "PUSH".to_owned(),
                address: pushed.tagged.clone(),
                body: None,
                condition: Some("when the registry does not have it".to_owned()),
            });
        }
        for object in &plan.objects {
            let mut ask: Ask = self.cluster.apply_request(object, &spec.id);
            debug_assert_eq!(ask.method, Method::PATCH);
            if let Some((body, _)) = ask.body.as_mut().filter(|_| object.kind == &SECRET) {
                hide(&mut body["data"]);
            }
            requests.push(ask.planned(&server, None));
        }
        Ok(requests)
    }
}

/// The name of an image in the nodes, as `docker load` and `kind load` give it.
fn preloaded(spec: &DeploymentSpec) -> Result<String, PlatformError> {
    let reference = spec.image.reference().ok_or_else(|| PlatformError::Invalid("the image has no name".to_owned()))?;
    Ok(format!("docker.io/{reference}"))
}

/// Puts words in place of secrets.
fn hide(data: &mut Value) {
    if let Value::Object(data) = data {
        for value in data.values_mut() {
            *value = json!("<a secret, not shown>");
        }
    }
}
