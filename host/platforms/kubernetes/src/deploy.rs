//! Creating and changing deployments.

use std::time::Duration;

use platform::{Deployment, DeploymentSpec, Ledger, PlatformError, Resource, ResourceEntry, Scale};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::flavours::ColdWay;
use crate::mark::{deployment_of, merged, revision_of, scale_of};
use crate::object::{Kind, Object};
use crate::plan::{Plan, Variant};
use crate::platform_on_cluster::{PlatformOnCluster, of_ledger};
use crate::remove::has_pods;
use crate::route::Route;

/// The word for an image in the ledger.
pub(crate) const IMAGE: &str = "image";
/// How long a platform may take to give a new deployment its address.
const ADDRESS: Duration = Duration::from_secs(10);
/// How long new instances may take to be the only ones.
const COLD: Duration = Duration::from_secs(300);
/// The pause between two looks.
const LOOK: Duration = Duration::from_millis(250);

impl PlatformOnCluster {
    /// Creates or updates a deployment.
    pub(crate) async fn make(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<Deployment, PlatformError> {
        let plan = self.plan(spec, Variant::default())?;
        let known = self.known(spec, ledger).await?;
        let before = self.free(spec, &plan).await?;
        let mut details = self.details();
        let resource = |kind: &str, name: &str| self.connection.resource(&spec.id, kind, name, json!(self.details()));
        let intend = async |resource: &Resource| {
            let same = known
                .iter()
                .find(|entry| (&entry.resource.kind, &entry.resource.name) == (&resource.kind, &resource.name));
            match same {
                // An update makes nothing new.
                Some(entry) => Ok(entry.id),
                None => ledger.intend(resource).await,
            }
        };
        if let Some(pushed) = &plan.pushed {
            let image = resource(IMAGE, &pushed.tagged);
            let id = intend(&image).await?;
            self.connection.registry()?.push(&spec.image, &spec.id).await?;
            ledger.created(id, &image.details).await?;
        }
        // What an update no longer has. Instances go first: they and those of the other kind would use the same names.
        let is_left = |resource: &Resource| {
            let is_it = |object: &Object| (object.kind.word, &object.name) == (resource.kind.as_str(), &resource.name);
            resource.kind != IMAGE && !plan.objects.iter().any(is_it)
        };
        let left = known.iter().filter(|entry| is_left(&entry.resource));
        let (with_instances, others): (Vec<_>, Vec<_>) = left.partition(|entry| has_pods(&entry.resource.kind));
        for entry in with_instances {
            self.take_away(&entry.resource).await?;
            ledger.removed(entry.id).await?;
        }
        for (object, before) in plan.objects.iter().zip(&before) {
            let resource = resource(object.kind.word, &object.name);
            let id = intend(&resource).await?;
            self.cluster.apply(object, &spec.id, before.as_ref()).await?;
            ledger.created(id, &resource.details).await?;
        }
        for entry in others {
            self.take_away(&entry.resource).await?;
            ledger.removed(entry.id).await?;
        }
        let deadline = Instant::now() + ADDRESS;
        while details.route.is_none() {
            details.route = self.flavour.route(&self.cluster, &spec.name).await?;
            if Instant::now() >= deadline {
                break;
            }
            if details.route.is_none() {
                sleep(LOOK).await;
            }
        }
        let kinds = self.flavour.kinds();
        let main = plan.objects.iter().find(|object| object.kind == kinds.main);
        details.image = main.and_then(|main| self.image_in(&main.body)).map(str::to_owned);
        details.repeated_requests = Some(self.cluster.repetitions());
        Ok(Deployment {
            spec: spec.clone(),
            platform: self.flavour.name().to_owned(),
            target: self.connection.target.clone(),
            url: details.route.as_ref().and_then(Route::url),
            details: json!(details),
        })
    }

    /// What was made for a deployment before.
    ///
    /// # Errors
    /// When that was elsewhere: made here too, what is there would be forgotten.
    async fn known(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<Vec<ResourceEntry>, PlatformError> {
        let mut known = ledger.resources(&spec.id).await?;
        known.retain(|entry| entry.resource.platform == self.flavour.name());
        for entry in &known {
            // Images are not in the cluster.
            if entry.resource.kind == IMAGE {
                continue;
            }
            let there = of_ledger(&entry.resource.name, &entry.resource.details)?;
            let (server, namespace) = (self.cluster.server(), self.cluster.namespace());
            if (there.server.as_str(), there.namespace.as_str()) != (server.as_str(), namespace) {
                return Err(PlatformError::Invalid(format!(
                    "`{}` was deployed to the namespace {} of the cluster at {}, and the target `{}` is the namespace {namespace} of \
                     {server} now; set `context` and `namespace` in its options to those and `faasbench undeploy {} --platform {}` \
                     there first",
                    spec.name, there.namespace, there.server, self.connection.target, spec.name, self.connection.target
                )));
            }
        }
        Ok(known)
    }

    /// What is there of each object of a plan already.
    ///
    /// # Errors
    /// [`PlatformError::NameTaken`] when one is another's.
    async fn free(&self, spec: &DeploymentSpec, plan: &Plan) -> Result<Vec<Option<Value>>, PlatformError> {
        let is_others = |found: &Value| deployment_of(found) != Some(spec.id.as_str());
        let mut there = Vec::new();
        for object in &plan.objects {
            let found = self.cluster.get(object.kind, &object.name).await?;
            if found.as_ref().is_some_and(is_others) {
                return Err(self.cluster.name_taken(&object.name));
            }
            if found.as_ref().is_some_and(|found| found["metadata"]["deletionTimestamp"].is_string()) {
                return Err(self.cluster.failed(
                    "deploying",
                    format!(
                        "the {} `{}` of before is still being deleted; try again in a moment",
                        object.kind.kind, object.name
                    ),
                ));
            }
            there.push(found);
        }
        if there.iter().all(Option::is_none) {
            for kind in self.flavour.kinds().taken {
                // One with our mark was made for what an update no longer has, and goes with it.
                if self.cluster.get(kind, &spec.name).await?.is_some_and(|found| is_others(&found)) {
                    return Err(self.cluster.name_taken(&spec.name));
                }
            }
        }
        Ok(there)
    }

    /// The main object of a deployment as it is.
    ///
    /// # Errors
    /// When there is none, or it is another's.
    pub(crate) async fn main(&self, deployment: &Deployment) -> Result<Value, PlatformError> {
        self.remembered_deployment(deployment)?;
        let kind: &'static Kind = self.flavour.kinds().main;
        let spec = &deployment.spec;
        let found = self.cluster.get(kind, &spec.name).await?;
        found.filter(|found| deployment_of(found) == Some(spec.id.as_str())).ok_or_else(|| PlatformError::NotFound {
            platform: self.flavour.name().to_owned(),
            name: spec.name.clone(),
        })
    }

    /// The image that the function's container has in a main object.
    pub(crate) fn image_in<'a>(&self, main: &'a Value) -> Option<&'a str> {
        self.flavour.containers(main)[0]["image"].as_str()
    }

    /// The spec with the scale that it has now.
    pub(crate) fn live_spec(&self, deployment: &Deployment, main: &Value) -> DeploymentSpec {
        let scale = scale_of(main).unwrap_or(deployment.spec.scale);
        DeploymentSpec { scale, ..deployment.spec.clone() }
    }

    /// Applies a spec to what is there.
    async fn reapply(&self, spec: &DeploymentSpec, variant: Variant) -> Result<(), PlatformError> {
        let plan = self.plan(spec, variant)?;
        let before = self.free(spec, &plan).await?;
        for (object, before) in plan.objects.iter().zip(&before) {
            if before.is_none() {
                // Made now, it would not be in the ledger.
                return Err(self.cluster.failed(
                    "changing the deployment",
                    format!("its {} `{}` is gone; deploy it again", object.kind.kind, object.name),
                ));
            }
            self.cluster.apply(object, &spec.id, before.as_ref()).await?;
        }
        Ok(())
    }

    /// Makes the next invocation a cold one.
    pub(crate) async fn cool(&self, deployment: &Deployment) -> Result<(), PlatformError> {
        let main = self.main(deployment).await?;
        let spec = self.live_spec(deployment, &main);
        match self.flavour.cold_way(&self.cluster, &spec).await? {
            ColdWay::Waiting => {
                let kept = spec.scale.keep_alive.unwrap_or_default();
                self.cluster.wait_until_no_pods(self.cluster.namespace(), &spec.id, COLD + kept).await
            }
            way => {
                let variant = Variant { revision: None, starts_empty: way == ColdWay::EmptyRevision };
                self.reapply(&spec, variant).await?;
                self.settled(deployment, COLD, false).await
            }
        }
    }

    /// Changes how many instances there may be. What a running instance has to know, such as its concurrency, starts new ones.
    pub(crate) async fn rescale(&self, deployment: &Deployment, scale: &Scale) -> Result<(), PlatformError> {
        if !self.flavour.capabilities().scale {
            return Err(PlatformError::Unsupported {
                platform: self.flavour.name().to_owned(),
                what: "change the number of instances",
            });
        }
        let main = self.main(deployment).await?;
        let mut spec = self.live_spec(deployment, &main);
        let before = spec.scale;
        spec.scale = merged(before, *scale);
        let revision = revision_of(self.flavour.containers(&main)).map(str::to_owned);
        let is_known_inside = spec.scale.concurrency != before.concurrency;
        self.reapply(&spec, Variant { revision: revision.filter(|_| !is_known_inside), starts_empty: false }).await?;
        self.settled(deployment, COLD, false).await
    }
}
