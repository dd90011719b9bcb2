//! Whether a deployment is as asked for, and how it is.

use std::time::Duration;

use jiff::Timestamp;
use platform::{Deployment, PlatformError, Readiness, Status};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::flavours::Progress;
use crate::mark::{deployment_of, revision_of};
use crate::platform_on_cluster::PlatformOnCluster;
use crate::pods::Instance;

/// The pauses between two looks: at first, and at most.
const LOOK: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(1));
/// How long a failure must last to be one: controllers also tell of what they are about to mend.
const LASTING: Duration = Duration::from_secs(3);

/// What one look saw.
enum Seen {
    Ready,
    Pending(String),
    Failed(PlatformError),
}

impl PlatformOnCluster {
    /// Waits until a deployment is as its main object says, and nothing of before is left; with `is_called`, until it answers.
    ///
    /// # Errors
    /// When it fails, or is not ready within `patience`.
    pub(crate) async fn settled(
        &self,
        deployment: &Deployment,
        patience: Duration,
        is_called: bool,
    ) -> Result<(), PlatformError> {
        let begin = Instant::now();
        let mut pause = LOOK.0;
        let mut failing_since: Option<Instant> = None;
        loop {
            let pending = match self.seen(deployment, is_called).await? {
                Seen::Ready => return Ok(()),
                Seen::Failed(error) => {
                    let since = *failing_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= LASTING.min(patience) {
                        return Err(error);
                    }
                    error.to_string()
                }
                Seen::Pending(text) => {
                    failing_since = None;
                    text
                }
            };
            if begin.elapsed() >= patience {
                return Err(PlatformError::NotReady {
                    name: deployment.spec.name.clone(),
                    waited: patience,
                    logs: pending,
                });
            }
            sleep(pause.min(patience.saturating_sub(begin.elapsed()).max(Duration::from_millis(1)))).await;
            pause = (pause * 2).min(LOOK.1);
        }
    }

    async fn seen(&self, deployment: &Deployment, is_called: bool) -> Result<Seen, PlatformError> {
        let spec = &deployment.spec;
        let main = self.main(deployment).await?;
        let wanted_image = self.remembered_deployment(deployment)?.image;
        let image = self.image_in(&main);
        if wanted_image.is_some() && image != wanted_image.as_deref() {
            return Ok(Seen::Failed(self.cluster.failed(
                &format!("deploying {}", spec.name),
                format!("somebody else changed its image to {}", image.unwrap_or("none")),
            )));
        }
        let wanted = revision_of(self.flavour.containers(&main));
        let instances = self.cluster.instances(self.cluster.namespace(), &spec.id).await?;
        let (new, old): (Vec<&Instance>, Vec<&Instance>) =
            instances.iter().partition(|instance| instance.revision.as_deref() == wanted);
        if let Some((instance, trouble)) = new
            .iter()
            .find_map(|instance| Some((instance, instance.trouble.as_ref()?)))
            .filter(|(_, trouble)| trouble.is_hopeless())
        {
            if trouble.has_ended {
                let logs = self.cluster.last_words(&instance.name, &instance.container).await;
                return Ok(Seen::Failed(PlatformError::ExitedAtStart {
                    name: spec.name.clone(),
                    reason: trouble.text(),
                    logs,
                }));
            }
            let doing = format!("starting {} in the pod {}", spec.name, instance.name);
            return Ok(Seen::Failed(self.cluster.failed(&doing, trouble.text())));
        }
        match self.flavour.progress(&self.cluster, &spec.id, &main).await? {
            Progress::Ready => {}
            // The room that it waits for may be that of the old instances.
            Progress::Failed(text) if new.iter().any(|instance| instance.is_without_room()) => {
                return Ok(Seen::Pending(text));
            }
            Progress::Failed(text) => {
                return Ok(Seen::Failed(self.cluster.failed(&format!("starting {}", spec.name), text)));
            }
            Progress::Pending(text) => {
                let trouble = new.iter().find_map(|instance| instance.trouble.as_ref());
                let text = trouble.map_or_else(|| text.clone(), |trouble| format!("{text}; {}", trouble.text()));
                return Ok(Seen::Pending(text));
            }
        }
        if !old.is_empty() {
            let names: Vec<&str> = old.iter().map(|instance| instance.name.as_str()).collect();
            return Ok(Seen::Pending(format!("instances of before are still there: {}", names.join(", "))));
        }
        let serves = new.iter().any(|instance| instance.is_ready && !instance.is_ending);
        if !serves && !self.flavour.may_be_empty(&self.live_spec(deployment, &main)) {
            return Ok(Seen::Pending("no instance of it is ready yet".to_owned()));
        }
        if is_called {
            let route = self.route_to(deployment).await?;
            if !self.flavour.is_answering(&self.cluster, &route).await? {
                return Ok(Seen::Pending("it does not answer yet".to_owned()));
            }
        }
        Ok(Seen::Ready)
    }

    /// How a deployment is.
    pub(crate) async fn look_at(&self, deployment: &Deployment) -> Result<Status, PlatformError> {
        let spec = &deployment.spec;
        self.remembered_deployment(deployment)?;
        let missing = |message: Option<String>| Status {
            readiness: Readiness::Missing,
            message,
            instances: None,
            waiting: None,
            image_digest: None,
        };
        let main = match self.cluster.get(self.flavour.kinds().main, &spec.name).await? {
            Some(main) if deployment_of(&main) == Some(spec.id.as_str()) => main,
            Some(_) => return Ok(missing(Some(format!("`{}` there is somebody else's", spec.name)))),
            None => return Ok(missing(None)),
        };
        let instances = self.cluster.instances(self.cluster.namespace(), &spec.id).await?;
        let trouble = instances.iter().find_map(|instance| {
            Some((instance.trouble.as_ref()?, format!("{}: {}", instance.name, instance.trouble.as_ref()?.text())))
        });
        let (readiness, message) = match (self.flavour.progress(&self.cluster, &spec.id, &main).await?, trouble) {
            (Progress::Failed(text), None) => (Readiness::Failed, Some(text)),
            (Progress::Failed(text), Some((_, trouble))) => (Readiness::Failed, Some(format!("{text}; {trouble}"))),
            (_, Some((trouble, text))) if trouble.is_hopeless() => (Readiness::Failed, Some(text)),
            (Progress::Ready, trouble) => (Readiness::Ready, trouble.map(|(_, text)| text)),
            (Progress::Pending(text), None) => (Readiness::Pending, Some(text)),
            (Progress::Pending(text), Some((_, trouble))) => (Readiness::Pending, Some(format!("{text}; {trouble}"))),
        };
        let now_unix_us = Timestamp::now().as_microsecond();
        let running = instances.iter().filter(|instance| instance.is_running());
        Ok(Status {
            readiness,
            message,
            instances: Some(running.map(|instance| instance.status(now_unix_us)).collect()),
            waiting: None,
            image_digest: self.image_in(&main).and_then(digest),
        })
    }
}

/// The digest in an image's name.
fn digest(image: &str) -> Option<String> {
    image.split_once('@').map(|(_, digest)| digest.to_owned())
}

/// The name of an object, for messages.
pub(crate) fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}
