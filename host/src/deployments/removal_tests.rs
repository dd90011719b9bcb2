//! What is forgotten, and what is not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use image_build::{Image, ImageKind};
use platform::{
    Answer, Capabilities, Deployment, DeploymentId, DeploymentSpec, Invocation, Ledger, Limits, Platform,
    PlatformError, Reached, Resource, Scale, Status,
};
use serde_json::json;
use tempfile::TempDir;

use super::{RemovalDocument, Selection, Way, remove_all, select};
use crate::platforms::Changing;
use crate::results::{DurableLedger, Location, NewDeployment, Store};

/// A ledger with one deployment that has a resource, or none. The folder has to outlive it.
async fn ledger(has_resource: bool) -> (DurableLedger, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&Location::File(folder.path().join("results.db"))).await.unwrap();
    let ledger = store.ledger();
    let spec = spec();
    let new = NewDeployment { run: None, spec: &spec, platform: "remote", target: "lab", is_local: false };
    ledger.intend_deployment(new).await.unwrap();
    if has_resource {
        let resource = Resource {
            deployment: spec.id.clone(),
            platform: "remote".to_owned(),
            target: "lab".to_owned(),
            kind: "service".to_owned(),
            name: "f-1".to_owned(),
            details: json!({}),
        };
        ledger.intend(&resource).await.unwrap();
    }
    (ledger, folder)
}

fn spec() -> DeploymentSpec {
    DeploymentSpec {
        id: DeploymentId::new(),
        function: "function1".to_owned(),
        name: "f".to_owned(),
        image: Image {
            function: "function1".to_owned(),
            kind: ImageKind::Binary,
            path: "/nowhere".into(),
            digest: "sha256:00".to_owned(),
            code_digest: "sha256:00".to_owned(),
            bytes: 1,
            code_bytes: 1,
            architecture: "x86_64".to_owned(),
        },
        scale: Scale::default(),
        limits: Limits::default(),
        environment: BTreeMap::new(),
    }
}

async fn forget_all(ledger: &DurableLedger, way: &dyn Way) -> RemovalDocument {
    let (here, elsewhere) = select(ledger, &Selection::default()).await.unwrap();
    assert_eq!((here.len(), elsewhere.len()), (1, 0));
    remove_all(ledger, &here, way, true, |_| ()).await.unwrap()
}

#[tokio::test]
async fn what_another_command_changes_is_not_forgotten() {
    let (ledger, _folder) = ledger(true).await;
    let document = forget_all(&ledger, &Locked).await;
    assert!(document.forgotten.is_empty() && document.removed.is_empty(), "{document:?}");
    assert!(document.left.len() == 1 && document.left[0].error.contains("another command"), "{document:?}");
    assert_eq!((ledger.deployments().await.unwrap().len(), ledger.left().await.unwrap().len()), (1, 1));
}

#[tokio::test]
async fn whatever_is_forgotten_is_named() {
    for (has_resource, kind, name) in [(true, "service", "f-1"), (false, "deployment", "f")] {
        let (ledger, _folder) = ledger(has_resource).await;
        let document = forget_all(&ledger, &Gone).await;
        assert!(document.left.is_empty() && document.removed.is_empty(), "{document:?}");
        let [forgotten] = document.forgotten.as_slice() else { panic!("{document:?}") };
        assert_eq!((forgotten.kind.as_str(), forgotten.name.as_str()), (kind, name));
        assert!(forgotten.error.contains("no route"), "{document:?}");
        assert!(ledger.deployments().await.unwrap().is_empty() && ledger.left().await.unwrap().is_empty());
    }
}

/// A platform that is out of reach.
struct Gone;

#[async_trait]
impl Way for Gone {
    async fn reach(&self, platform: &str, _: &str) -> Result<Arc<dyn Platform>, PlatformError> {
        Err(PlatformError::Unreachable {
            platform: platform.to_owned(),
            reason: "no route".to_owned(),
            advice: "look at its endpoint".to_owned(),
        })
    }

    async fn change(&self, _: &str, _: &str) -> Result<Changing, PlatformError> {
        unreachable!("it is out of reach")
    }
}

/// A platform whose deployments another command changes.
struct Locked;

#[async_trait]
impl Way for Locked {
    async fn reach(&self, _: &str, _: &str) -> Result<Arc<dyn Platform>, PlatformError> {
        Ok(Arc::new(Untouched))
    }

    async fn change(&self, target: &str, name: &str) -> Result<Changing, PlatformError> {
        Err(PlatformError::Failed {
            platform: target.to_owned(),
            doing: format!("changing {name}"),
            reason: "another command has been changing it".to_owned(),
        })
    }
}

/// A platform of which nothing may be asked.
struct Untouched;

#[async_trait]
impl Platform for Untouched {
    fn name(&self) -> &str {
        "remote"
    }

    fn target(&self) -> &str {
        "lab"
    }

    fn capabilities(&self) -> Capabilities {
        unreachable!("it is locked")
    }

    fn image_kind(&self) -> ImageKind {
        ImageKind::Binary
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        unreachable!("it is locked")
    }

    async fn deploy(&self, _: &DeploymentSpec, _: &dyn Ledger) -> Result<Deployment, PlatformError> {
        unreachable!("it is locked")
    }

    async fn wait_until_ready(&self, _: &Deployment, _: Duration) -> Result<(), PlatformError> {
        unreachable!("it is locked")
    }

    async fn invoke(&self, _: &Deployment, _: &Invocation) -> Result<Answer, PlatformError> {
        unreachable!("it is locked")
    }

    async fn status(&self, _: &Deployment) -> Result<Status, PlatformError> {
        unreachable!("it is locked")
    }

    async fn remove(&self, _: &Resource) -> Result<(), PlatformError> {
        unreachable!("it is locked")
    }
}
