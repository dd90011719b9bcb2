//! Kinds of objects, and objects.

use serde_json::Value;

/// A kind of object of the API.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Our word for it in the ledger.
    pub(crate) word: &'static str,
    /// `apps/v1`.
    pub(crate) api_version: &'static str,
    /// `Deployment`.
    pub(crate) kind: &'static str,
    /// `deployments`.
    pub(crate) plural: &'static str,
    /// Whose it is, where it is not Kubernetes' own.
    pub(crate) product: Option<&'static str>,
    /// Whether pods run for it.
    pub(crate) has_pods: bool,
}

impl Kind {
    /// The path of all of a namespace; of all namespaces for `None`.
    pub(crate) fn collection(&self, namespace: Option<&str>) -> String {
        let root = if self.api_version.contains('/') { "/apis" } else { "/api" };
        match namespace {
            Some(namespace) => format!("{root}/{}/namespaces/{namespace}/{}", self.api_version, self.plural),
            None => format!("{root}/{}/{}", self.api_version, self.plural),
        }
    }

    /// The path of one.
    pub(crate) fn path(&self, namespace: &str, name: &str) -> String {
        format!("{}/{name}", self.collection(Some(namespace)))
    }
}

const fn own(word: &'static str, api_version: &'static str, kind: &'static str, plural: &'static str) -> Kind {
    Kind { word, api_version, kind, plural, product: None, has_pods: false }
}

pub(crate) const SECRET: Kind = own("secret", "v1", "Secret", "secrets");
pub(crate) const SERVICE: Kind = own("service", "v1", "Service", "services");
pub(crate) const POD: Kind = own("pod", "v1", "Pod", "pods");
pub(crate) const DEPLOYMENT: Kind =
    Kind { has_pods: true, ..own("deployment", "apps/v1", "Deployment", "deployments") };
pub(crate) const KNATIVE_SERVICE: Kind = Kind {
    product: Some("Knative Serving"),
    has_pods: true,
    ..own("knative-service", "serving.knative.dev/v1", "Service", "services")
};
pub(crate) const FISSION_FUNCTION: Kind = Kind {
    product: Some("Fission"),
    has_pods: true,
    ..own("fission-function", "fission.io/v1", "Function", "functions")
};
pub(crate) const FISSION_TRIGGER: Kind =
    Kind { product: Some("Fission"), ..own("fission-http-trigger", "fission.io/v1", "HTTPTrigger", "httptriggers") };
pub(crate) const RIFF_CORE_DEPLOYER: Kind = Kind {
    product: Some("Riff's core runtime"),
    has_pods: true,
    ..own("riff-core-deployer", "core.projectriff.io/v1alpha1", "Deployer", "deployers")
};
pub(crate) const RIFF_KNATIVE_DEPLOYER: Kind = Kind {
    product: Some("Riff's Knative runtime"),
    has_pods: true,
    ..own("riff-knative-deployer", "knative.projectriff.io/v1alpha1", "Deployer", "deployers")
};

/// An object to be there.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) kind: &'static Kind,
    pub(crate) name: String,
    /// All of it: `apiVersion`, `kind`, `metadata`, `spec`.
    pub(crate) body: Value,
}

impl Object {
    /// An object of these labels and annotations; `rest` is an object of JSON with what is beside the metadata.
    pub(crate) fn new(
        kind: &'static Kind,
        namespace: &str,
        name: &str,
        labels: &std::collections::BTreeMap<String, String>,
        annotations: &std::collections::BTreeMap<String, String>,
        rest: Value,
    ) -> Object {
        let mut body = serde_json::json!({
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
        });
        if !annotations.is_empty() {
            body["metadata"]["annotations"] = serde_json::json!(annotations);
        }
        if let (Value::Object(body), Value::Object(rest)) = (&mut body, rest) {
            body.extend(rest);
        }
        Object { kind, name: name.to_owned(), body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_api() {
        assert_eq!(SECRET.path("lab", "a"), "/api/v1/namespaces/lab/secrets/a");
        assert_eq!(DEPLOYMENT.collection(None), "/apis/apps/v1/deployments");
        assert_eq!(KNATIVE_SERVICE.path("lab", "a"), "/apis/serving.knative.dev/v1/namespaces/lab/services/a");
    }
}
