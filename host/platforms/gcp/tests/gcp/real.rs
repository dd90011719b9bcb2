//! Against the real Cloud Run: `GCP_PROJECT`, `GCP_REGION` and `GCP_IMAGE`, an image in a registry of the project, pinned by its
//! digest; and Application Default Credentials.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use emulation::{connection, image, spec};
use image_kind::{Image, ImageKind};
use platform::{DeploymentId, Invocation, MemoryLedger, PlatformError, undeploy};
use remote_platform::{Connection, PushedImage, Registry};
use serde_json::json;

/// Where the image is already.
struct There(String);

#[async_trait]
impl Registry for There {
    fn reference(&self, _: &Image, _: &DeploymentId) -> PushedImage {
        PushedImage { tagged: self.0.clone(), pinned: self.0.clone() }
    }

    async fn push(&self, image: &Image, deployment: &DeploymentId) -> Result<PushedImage, PlatformError> {
        Ok(self.reference(image, deployment))
    }

    async fn remove(&self, _: &str) -> Result<(), PlatformError> {
        Ok(())
    }
}

#[tokio::test]
async fn the_whole_life_of_a_service() {
    let variable = |name| std::env::var(name).ok();
    let (Some(project), Some(region), Some(reference)) =
        (variable("GCP_PROJECT"), variable("GCP_REGION"), variable("GCP_IMAGE"))
    else {
        eprintln!("skipped: GCP_PROJECT, GCP_REGION and GCP_IMAGE name no real Cloud Run");
        return;
    };
    let endpoint = variable("GCP_ENDPOINT").unwrap_or_else(|| "https://run.googleapis.com".to_owned());
    let options = json!({ "project": project, "region": region });
    let connection = Connection { registry: Some(Arc::new(There(reference))), ..connection("gcp", &endpoint, options) };
    let platform = gcp_platform::connect(connection).unwrap();
    platform.reach().await.unwrap();
    let ledger = MemoryLedger::new();
    let spec = spec("faasbench-test", image(ImageKind::Oci, Path::new("/nowhere"), 1));
    let lived = async {
        let deployment = platform.deploy(&spec, &ledger).await?;
        platform.wait_until_ready(&deployment, Duration::from_secs(120)).await?;
        platform.force_cold(&deployment).await?;
        platform.invoke(&deployment, &Invocation::new("{}")).await
    };
    let answer = lived.await;
    assert!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().is_empty());
    assert!(answer.unwrap().instance.unwrap().is_cold());
}
