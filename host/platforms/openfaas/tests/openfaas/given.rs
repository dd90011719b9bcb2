//! What tests begin with.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use image_kind::{Image, ImageKind};
use openfaas_platform::OpenFaas;
use platform::{DeploymentId, DeploymentSpec, Limits, PlatformError, Scale};
use remote_platform::{Connection, PushedImage, Registry};
use serde_json::{Value, json};

use crate::gateway::Gateway;

/// Long enough for all that the emulator does.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A registry that remembers.
#[derive(Default)]
pub(crate) struct Remembering {
    pub(crate) pushed: Mutex<Vec<String>>,
    pub(crate) removed: Mutex<Vec<String>>,
    pub(crate) refuses: bool,
}

#[async_trait]
impl Registry for Remembering {
    fn reference(&self, image: &Image, deployment: &DeploymentId) -> PushedImage {
        let place = format!("127.0.0.1:5000/faasbench/{}", image.function);
        PushedImage {
            tagged: format!("{place}:{deployment}-{}", image_kind::tag(&image.digest)),
            pinned: format!("{place}@{}", image.digest),
        }
    }

    async fn push(&self, image: &Image, deployment: &DeploymentId) -> Result<PushedImage, PlatformError> {
        let reference = self.reference(image, deployment);
        if self.refuses {
            return Err(PlatformError::Denied {
                platform: "the registry".to_owned(),
                reason: "status 401".to_owned(),
                advice: "log in".to_owned(),
            });
        }
        self.pushed.lock().unwrap().push(reference.tagged.clone());
        Ok(reference)
    }

    async fn remove(&self, tagged: &str) -> Result<(), PlatformError> {
        self.removed.lock().unwrap().push(tagged.to_owned());
        Ok(())
    }
}

/// The variable with the emulator's password. Set once, before any thread of a test reads it.
pub(crate) fn password() -> &'static str {
    const VARIABLE: &str = "OPENFAAS_TEST_EMULATOR_PASSWORD";
    static SET: std::sync::Once = std::sync::Once::new();
    SET.call_once(|| {
        // SAFETY: the environment is changed here alone, behind `Once`, and read through the standard library's own lock.
        unsafe { std::env::set_var(VARIABLE, "sesame-4711") }
    });
    VARIABLE
}

/// A connection with these options beside the password's variable.
pub(crate) fn connection(endpoint: &str, registry: Option<Arc<dyn Registry>>, options: Value) -> Connection {
    let mut all = json!({ "password-environment": password() });
    all.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    Connection {
        platform: "openfaas",
        target: "here".to_owned(),
        endpoint: Some(endpoint.to_owned()),
        options: all.as_object().unwrap().clone(),
        storage: Some("s3://bucket".to_owned()),
        storage_environment: BTreeMap::from([("AWS_SECRET_ACCESS_KEY".to_owned(), "storage-secret".to_owned())]),
        registry,
    }
}

pub(crate) fn platform(gateway: &Gateway, options: Value) -> OpenFaas {
    let registry: Arc<dyn Registry> = Arc::new(Remembering::default());
    OpenFaas::new(connection(&gateway.url(), Some(registry), options)).unwrap()
}

/// An image whose digest begins with this digit.
pub(crate) fn image(digit: char) -> Image {
    Image {
        function: "function1".to_owned(),
        kind: ImageKind::Oci,
        path: "/nowhere".into(),
        digest: format!("sha256:{}", digit.to_string().repeat(64)),
        code_digest: format!("sha256:{}", digit.to_string().repeat(64)),
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
        image: image('1'),
        scale: Scale::default(),
        limits: Limits::default(),
        environment: BTreeMap::from([("MINE".to_owned(), "yes".to_owned())]),
    }
}
