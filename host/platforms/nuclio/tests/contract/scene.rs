//! A server and a deployer for it.

use std::sync::Arc;
use std::time::Duration;

use emulation::PretendedRegistry;
use image_kind::{Image, ImageKind};
use nuclio_platform::connect;
use platform::{
    Answer, Deployment, DeploymentId, DeploymentSpec, Invocation, Limits, MemoryLedger, Platform, Scale, undeploy,
};
use remote_platform::{Connection, Registry};
use serde_json::{Value, json};

use crate::emulator::Emulator;

/// How long readiness may take.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// An emulated server and a deployer for it.
pub(crate) struct Scene {
    pub(crate) emulator: Emulator,
    pub(crate) platform: Arc<dyn Platform>,
    pub(crate) registry: Arc<PretendedRegistry>,
    pub(crate) ledger: MemoryLedger,
}

impl Scene {
    /// On the local platform.
    pub(crate) async fn new() -> Scene {
        Scene::with(json!({}), false).await
    }

    /// On Kubernetes.
    pub(crate) async fn on_kubernetes() -> Scene {
        Scene::with(json!({ "installation": "kubernetes" }), true).await
    }

    pub(crate) async fn with(options: Value, is_kubernetes: bool) -> Scene {
        let emulator = Emulator::start(is_kubernetes).await;
        let registry = Arc::new(PretendedRegistry::new("registry.test"));
        let platform = connect(connection(&emulator.endpoint, options, Some(registry.clone()))).unwrap();
        Scene { emulator, platform, registry, ledger: MemoryLedger::new() }
    }

    pub(crate) async fn deploy(&self, spec: &DeploymentSpec) -> Deployment {
        let deployment = self.platform.deploy(spec, &self.ledger).await.unwrap();
        self.platform.wait_until_ready(&deployment, LONG).await.unwrap();
        deployment
    }

    pub(crate) async fn undeploy(&self, spec: &DeploymentSpec) {
        let left = undeploy(&*self.platform, &spec.id, &self.ledger).await.unwrap();
        assert!(left.is_empty(), "{left:?}");
    }
}

pub(crate) fn connection(endpoint: &str, options: Value, registry: Option<Arc<PretendedRegistry>>) -> Connection {
    Connection {
        platform: "nuclio",
        target: "test".to_owned(),
        endpoint: Some(endpoint.to_owned()),
        options: options.as_object().unwrap().clone(),
        storage: None,
        storage_environment: [("AWS_SECRET_ACCESS_KEY".to_owned(), "very-secret".to_owned())].into(),
        registry: registry.map(|registry| registry as Arc<dyn Registry>),
    }
}

/// The specification of a function whose image has a digest of this digit alone.
pub(crate) fn spec(name: &str, digit: char) -> DeploymentSpec {
    DeploymentSpec {
        id: DeploymentId::new(),
        function: name.to_owned(),
        name: name.to_owned(),
        image: image(name, digit),
        scale: Scale::default(),
        limits: Limits::default(),
        environment: Default::default(),
    }
}

pub(crate) fn image(name: &str, digit: char) -> Image {
    let digest = format!("sha256:{}", digit.to_string().repeat(64));
    Image {
        function: name.to_owned(),
        kind: ImageKind::OciWithHealthCheck,
        path: "/nowhere".into(),
        code_digest: digest.clone(),
        digest,
        bytes: 1,
        code_bytes: 1,
        architecture: "x86_64".to_owned(),
    }
}

/// A call with the event `{}`.
pub(crate) async fn call(platform: &dyn Platform, deployment: &Deployment) -> Answer {
    platform.invoke(deployment, &Invocation::new("{}")).await.unwrap()
}

/// The image that answered, as the emulated functions tell it.
pub(crate) fn answered_by(answer: &Answer) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    body["image"].as_str().unwrap().to_owned()
}
