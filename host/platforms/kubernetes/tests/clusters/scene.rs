//! What the tests deploy, and where.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use image_kind::{Image, ImageKind};
use kubernetes_platform::{connect_fission, connect_knative, connect_kubernetes, connect_riff};
use platform::{
    Deployment, DeploymentId, DeploymentSpec, Invocation, Limits, MemoryLedger, Platform, PlatformError, Scale,
    undeploy,
};
use remote_platform::{Connection, PushedImage, Registry};
use serde_json::Value;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A registry that remembers what it was asked.
#[derive(Default)]
pub(crate) struct FakeRegistry {
    /// Where images are; a digest of the image is added.
    pub(crate) prefix: String,
    pub(crate) tags: Mutex<Vec<String>>,
}

#[async_trait]
impl Registry for FakeRegistry {
    fn reference(&self, image: &Image, deployment: &DeploymentId) -> PushedImage {
        let repository = format!("{}/{}", self.prefix, image.function);
        PushedImage {
            tagged: format!("{repository}:{deployment}-{}", image_kind::tag(&image.digest)),
            pinned: format!("{repository}@{}", image.digest),
        }
    }

    async fn push(&self, image: &Image, deployment: &DeploymentId) -> Result<PushedImage, PlatformError> {
        let reference = self.reference(image, deployment);
        self.tags.lock().unwrap().push(reference.tagged.clone());
        Ok(reference)
    }

    async fn remove(&self, tagged: &str) -> Result<(), PlatformError> {
        self.tags.lock().unwrap().retain(|tag| tag != tagged);
        Ok(())
    }
}

/// A digest that begins with `digit`.
pub(crate) fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

pub(crate) fn image(digest: &str) -> Image {
    Image {
        function: "function1".to_owned(),
        kind: ImageKind::Oci,
        path: "/nowhere".into(),
        digest: digest.to_owned(),
        code_digest: digest.to_owned(),
        bytes: 1,
        code_bytes: 1,
        architecture: "x86_64".to_owned(),
    }
}

pub(crate) fn spec(name: &str) -> DeploymentSpec {
    DeploymentSpec {
        id: DeploymentId::new(),
        function: "function1".to_owned(),
        name: name.to_owned(),
        image: image(&digest('a')),
        scale: Scale::default(),
        limits: Limits { memory_bytes: Some(128 << 20), cpus: Some(0.5), ..Limits::default() },
        environment: BTreeMap::from([("GREETING".to_owned(), "$(HOME) costs $5".to_owned())]),
    }
}

/// A kubeconfig of one cluster, with the given token.
pub(crate) fn kubeconfig(folder: &Path, server: &str, token: &str) -> String {
    let path = folder.join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
         clusters: [{{name: here, cluster: {{server: \"{server}\"}}}}]\n\
         users: [{{name: me, user: {{token: {token}}}}}]\n\
         contexts: [{{name: here, context: {{cluster: here, user: me, namespace: lab}}}}]\n"
    );
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

pub(crate) fn connection(platform: &'static str, options: Value, registry: &Arc<FakeRegistry>) -> Connection {
    Connection {
        platform,
        target: platform.to_owned(),
        endpoint: None,
        options: options.as_object().unwrap().clone(),
        storage: Some("http://storage.example.test/bucket".to_owned()),
        storage_environment: BTreeMap::from([("AWS_SECRET_ACCESS_KEY".to_owned(), "very$secret".to_owned())]),
        registry: Some(registry.clone() as Arc<dyn Registry>),
    }
}

pub(crate) async fn connect(connection: Connection) -> Result<Arc<dyn Platform>, PlatformError> {
    match connection.platform {
        "kubernetes" => connect_kubernetes(connection).await,
        "knative" => connect_knative(connection).await,
        "fission" => connect_fission(connection).await,
        "riff" => connect_riff(connection).await,
        other => unreachable!("{other}"),
    }
}

/// The answer's body and the instance that gave it.
pub(crate) async fn call(platform: &dyn Platform, deployment: &Deployment) -> (String, String, u64) {
    let answer = platform.invoke(deployment, &Invocation::new("{}")).await.unwrap();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let instance = answer.instance.unwrap();
    (String::from_utf8(answer.body.to_vec()).unwrap(), instance.id, instance.invocation_index)
}

/// Removes all that a deployment made; nothing may be left.
pub(crate) async fn remove(platform: &dyn Platform, spec: &DeploymentSpec, ledger: &MemoryLedger) {
    let left = undeploy(platform, &spec.id, ledger).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    let found = platform.find_marked().await.unwrap();
    assert!(found.iter().all(|found| found.deployment != spec.id.as_str()), "{found:?}");
}
