//! Reading, applying and deleting objects.

use std::time::Duration;

use hyper::Method;
use platform::{DeploymentId, PlatformError};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Ask, Cluster};
use crate::mark::deployment_of;
use crate::object::{Kind, Object};

/// How many objects one page of a list has.
const PAGE: u32 = 250;
/// The pause between two looks at something that is going away.
const LOOK: Duration = Duration::from_millis(250);

/// What is at a path.
pub(crate) enum Look {
    /// This object.
    There(Value),
    /// None of this name.
    Missing,
    /// The cluster does not have the kind at all.
    KindMissing,
}

/// One page of a list.
#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageMetadata,
    #[serde(default)]
    items: Vec<Value>,
}

#[derive(Deserialize, Default)]
struct PageMetadata {
    #[serde(default, rename = "continue")]
    next: String,
}

impl Cluster {
    /// The request that reads an object of our namespace.
    pub(crate) fn get_request(&self, kind: &'static Kind, name: &str) -> Ask {
        let doing = format!("reading the {} `{name}`", kind.kind);
        Ask::new(doing, Method::GET, kind.path(&self.namespace, name)).of(kind)
    }

    /// An object of our namespace; `None` when there is none.
    pub(crate) async fn get(&self, kind: &'static Kind, name: &str) -> Result<Option<Value>, PlatformError> {
        self.read(&self.get_request(kind, name)).await
    }

    /// The same of another namespace; `None` also where the kind is missing.
    pub(crate) async fn get_in(
        &self,
        namespace: &str,
        kind: &'static Kind,
        name: &str,
    ) -> Result<Option<Value>, PlatformError> {
        match self.look(namespace, kind, name).await? {
            Look::There(there) => Ok(Some(there)),
            Look::Missing | Look::KindMissing => Ok(None),
        }
    }

    /// An object of any namespace.
    pub(crate) async fn look(&self, namespace: &str, kind: &'static Kind, name: &str) -> Result<Look, PlatformError> {
        let doing = format!("reading the {} `{name}` of {namespace}", kind.kind);
        let ask = Ask::new(doing, Method::GET, kind.path(namespace, name)).of(kind);
        let reply = self.call(&ask).await?;
        match reply.status {
            404 if reply.names_what_is_missing() => Ok(Look::Missing),
            404 => Ok(Look::KindMissing),
            _ if reply.is_success() => serde_json::from_slice(&reply.body)
                .map(Look::There)
                .map_err(|error| self.failed(&ask.doing, format!("its answer is no object: {error}"))),
            _ => Err(self.refusal(&ask, &reply)),
        }
    }

    /// The request that makes an object as it should be: server-side apply, whose fields are a deployment's own. So an object of
    /// somebody else's is a conflict, also when it is made at the same time.
    pub(crate) fn apply_request(&self, object: &Object, deployment: &DeploymentId) -> Ask {
        let path = format!(
            "{}?fieldManager=faasbench-{deployment}&force=false",
            object.kind.path(&self.namespace, &object.name)
        );
        Ask::new(format!("applying the {} `{}`", object.kind.kind, object.name), Method::PATCH, path)
            .of(object.kind)
            .body(object.body.clone(), "application/apply-patch+yaml")
    }

    /// Makes an object as it should be, and returns what it became. `before` is what was there.
    ///
    /// # Errors
    /// [`PlatformError::NameTaken`] when it is another's.
    pub(crate) async fn apply(
        &self,
        object: &Object,
        deployment: &DeploymentId,
        before: Option<&Value>,
    ) -> Result<Value, PlatformError> {
        let mut ask = self.apply_request(object, deployment);
        if let Some(before) = before {
            // It is ours: what others changed in it meanwhile, such as `kubectl scale`, is put back. But only in this very object.
            ask.path = ask.path.replace("force=false", "force=true");
            if let Some((body, _)) = &mut ask.body {
                body["metadata"]["uid"] = before["metadata"]["uid"].clone();
            }
        }
        let reply = self.call(&ask).await?;
        if reply.status == 409 {
            if before.is_none() {
                return Err(self.name_taken(&object.name));
            }
            return Err(self.failed(&ask.doing, format!("it changed meanwhile, try again: {}", reply.text(300))));
        }
        if !reply.is_success() {
            return Err(self.refusal(&ask, &reply));
        }
        serde_json::from_slice(&reply.body)
            .map_err(|error| self.failed(&ask.doing, format!("its answer is no object: {error}")))
    }

    /// The objects with these labels: of our namespace, or of all.
    pub(crate) async fn list(
        &self,
        kind: &'static Kind,
        namespace: Option<&str>,
        labels: &str,
    ) -> Result<Vec<Value>, PlatformError> {
        let path = kind.collection(namespace);
        let labels: String = labels.replace('/', "%2F").replace('=', "%3D").replace(',', "%2C");
        let mut items = Vec::new();
        let mut next = String::new();
        loop {
            let path = format!("{path}?labelSelector={labels}&limit={PAGE}&continue={next}");
            let ask = Ask::new(format!("listing {}", kind.plural), Method::GET, path).of(kind);
            let Some(page) = self.read::<Page>(&ask).await? else { break };
            items.extend(page.items);
            if page.metadata.next.is_empty() {
                break;
            }
            next = page.metadata.next;
        }
        Ok(items)
    }

    /// Deletes an object of a deployment and waits until it is gone. What is gone already, or is another's, is left as it is;
    /// returns false for another's.
    ///
    /// # Errors
    /// When it is, or may be, still there.
    pub(crate) async fn delete(
        &self,
        namespace: &str,
        kind: &'static Kind,
        name: &str,
        deployment: &DeploymentId,
        patience: Duration,
    ) -> Result<bool, PlatformError> {
        let deadline = Instant::now() + patience;
        let mut uid = Value::Null;
        loop {
            let there = match self.look(namespace, kind, name).await? {
                Look::There(there) if deployment_of(&there) == Some(deployment.as_str()) => there,
                // With their kind, its objects went.
                Look::Missing | Look::KindMissing => return Ok(true),
                Look::There(_) => return Ok(false),
            };
            if there["metadata"]["uid"] != uid {
                uid = there["metadata"]["uid"].clone();
                let doing = format!("deleting the {} `{name}`", kind.kind);
                let options = json!({
                    "apiVersion": "v1",
                    "kind": "DeleteOptions",
                    "preconditions": {"uid": uid},
                    "propagationPolicy": "Background",
                });
                let ask = Ask::new(doing, Method::DELETE, kind.path(namespace, name))
                    .of(kind)
                    .body(options, "application/json");
                let reply = self.call(&ask).await?;
                // 409: it is another one by now, which the next look tells.
                if !reply.is_success() && !matches!(reply.status, 404 | 409) {
                    return Err(self.refusal(&ask, &reply));
                }
                continue;
            }
            if Instant::now() >= deadline {
                let holding = there["metadata"]["finalizers"].to_string();
                return Err(self.failed(
                    &format!("deleting the {} `{name}`", kind.kind),
                    format!("it is still there after {} s; what holds it: {holding}", patience.as_secs()),
                ));
            }
            sleep(LOOK).await;
        }
    }

    /// The name is another's.
    pub(crate) fn name_taken(&self, name: &str) -> PlatformError {
        PlatformError::NameTaken { platform: self.platform.to_owned(), name: name.to_owned() }
    }
}
