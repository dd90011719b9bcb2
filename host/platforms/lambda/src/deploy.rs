//! Making and changing a deployment.

use std::fs;

use aws_sdk_lambda::types::PackageType;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use platform::{Deployment, DeploymentId, DeploymentSpec, Ledger, PlatformError, Resource, ResourceEntry, ResourceId};
use remote_platform::Begin;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use crate::clients::Clients;
use crate::failure::{PLATFORM, taken};
use crate::function::{self, Code, Making};
use crate::options::{FunctionUrl, Package};
use crate::plan::{POLICY_NAME, Plan};
use crate::platform::LambdaPlatform;
use crate::policy::{Allowed, allows};
use crate::{concurrency, logs, public_url, remove, role};

/// The kind of a role in the ledger.
pub(crate) const ROLE: &str = "role";
/// That of what a role allows.
pub(crate) const ROLE_POLICY: &str = "role-policy";
/// That of a log group.
pub(crate) const LOG_GROUP: &str = "log-group";
/// That of an image's tag in ECR.
pub(crate) const IMAGE: &str = "image";
/// That of a function.
pub(crate) const FUNCTION: &str = "function";
/// That of a function's URL.
pub(crate) const URL: &str = "function-url";
/// That of what lets everybody call the URL.
pub(crate) const PERMISSION: &str = "url-permission";
/// That of instances that are started before they are asked for.
pub(crate) const PROVISIONED: &str = "provisioned-concurrency";

/// The ledger's page of one deployment.
pub(crate) struct Page<'a> {
    ledger: &'a dyn Ledger,
    id: &'a DeploymentId,
    target: &'a str,
    known: Vec<ResourceEntry>,
    /// What is needed to find any of its things again.
    place: Value,
}

impl Page<'_> {
    /// Writes down what is about to be made; what is written down already is one entry.
    async fn intend(&self, kind: &str, name: &str) -> Result<ResourceId, PlatformError> {
        if let Some(entry) = self.known(kind, name) {
            return Ok(entry.id);
        }
        let mut details = self.place.clone();
        details["intended_unix_ms"] = json!(Begin::now().unix_ns / 1_000_000);
        let resource = Resource {
            deployment: self.id.clone(),
            platform: PLATFORM.to_owned(),
            target: self.target.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            details,
        };
        Ok(self.ledger.intend(&resource).await?)
    }

    async fn created(&self, entry: ResourceId) -> Result<(), PlatformError> {
        let mut details = self.place.clone();
        details["created"] = json!(true);
        Ok(self.ledger.created(entry, &details).await?)
    }

    fn known(&self, kind: &str, name: &str) -> Option<&ResourceEntry> {
        self.known.iter().find(|entry| entry.resource.kind == kind && entry.resource.name == name)
    }
}

impl LambdaPlatform {
    /// Makes a deployment, or changes it when there is one with its id.
    pub(crate) async fn make(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<Deployment, PlatformError> {
        let plan = self.plan(spec)?;
        let options = self.options();
        let registry = match options.package {
            Package::Zip => None,
            Package::Image => Some(self.registry(spec)?),
        };
        // Before the first request, as it may be the archive's fault.
        let zip = match options.package {
            Package::Zip => Some(read(spec).await?),
            Package::Image => None,
        };
        let clients = self.clients();
        let account = clients.account().await?;
        let known = ledger.resources(&spec.id).await?;
        self.check_place(spec, &known, &account.number)?;
        let former = function::find(clients, &plan.function, None).await?;
        if former.as_ref().is_some_and(|former| !former.is_of(&spec.id)) {
            return Err(taken(&plan.function));
        }
        let has_image = former.as_ref().and_then(|former| former.configuration.package_type.as_ref());
        if has_image.is_some_and(|kind| (*kind == PackageType::Image) != (options.package == Package::Image)) {
            return Err(PlatformError::Invalid(format!(
                "{} was deployed with another `package`, which lambda can't change; undeploy it first",
                spec.name
            )));
        }
        let page = Page {
            ledger,
            id: &spec.id,
            target: self.target_name(),
            known,
            place: json!({
                "endpoint": clients.place(),
                "region": clients.region,
                "account": account.number,
                "function": plan.function,
            }),
        };
        let role = self.make_role(&plan, spec, &page, &account.number).await?;
        let entry = page.intend(LOG_GROUP, &plan.log_group).await?;
        logs::ensure_group(clients, &plan, options.log_retention_days, &spec.id).await?;
        page.created(entry).await?;
        let (code, digest) = match (zip, registry) {
            (Some(zip), _) => (Code::Zip(zip.bytes), zip.sha256),
            (None, Some(registry)) => {
                let tagged = registry.reference(&spec.image, &spec.id).tagged;
                let entry = page.intend(IMAGE, &tagged).await?;
                let pushed = registry.push(&spec.image, &spec.id).await?;
                page.created(entry).await?;
                let digest = pushed.pinned.rsplit_once("@sha256:").map(|(_, digest)| digest.to_owned());
                (Code::Image(pushed.pinned), digest.unwrap_or_default())
            }
            (None, None) => {
                return Err(PlatformError::Invalid("there is neither an archive nor a registry".to_owned()));
            }
        };
        let entry = page.intend(FUNCTION, &plan.function).await?;
        let making = Making { plan: &plan, role: &role, tracing: options.tracing };
        let repetitions = match &former {
            None => function::create(clients, &making, &code).await?,
            Some(_) => {
                let with_image = matches!(code, Code::Image(_));
                function::configure(clients, &making, with_image).await?;
                function::set_code(clients, &plan, &code).await?;
                0
            }
        };
        page.created(entry).await?;
        let url = self.make_url(&plan, &page).await?;
        let provisioned = self.make_instances(&plan, &page, former.is_some()).await?;
        let mut filled = spec.clone();
        plan.settings.fill(&mut filled);
        Ok(Deployment {
            spec: filled,
            platform: PLATFORM.to_owned(),
            target: self.target_name().to_owned(),
            url,
            details: json!({
                "region": clients.region,
                "account": account.number,
                "function": plan.function,
                "code_sha256": digest,
                "log_group": plan.log_group,
                "role": role,
                "qualifier": provisioned.then_some(concurrency::ALIAS),
                "repetitions_until_role": repetitions,
            }),
        })
    }

    /// Refuses a deployment that is elsewhere: made here too, what is there would be forgotten.
    fn check_place(&self, spec: &DeploymentSpec, known: &[ResourceEntry], account: &str) -> Result<(), PlatformError> {
        let (endpoint, region) = (self.clients().place(), self.clients().region.as_str());
        for resource in known.iter().map(|entry| &entry.resource).filter(|resource| resource.platform == PLATFORM) {
            let there = |field: &str, here| resource.details[field].as_str().unwrap_or(here).to_owned();
            let its = [there("endpoint", endpoint), there("region", region), there("account", account)];
            if its != [endpoint, region, account] {
                let [its_endpoint, its_region, its_account] = its;
                return Err(PlatformError::Invalid(format!(
                    "{0} was deployed to {its_region} in the account {its_account} at {its_endpoint}, and the target `{1}` is \
                     {region} in the account {account} at {endpoint} now; set its `endpoint`, and `region` and `profile` in its \
                     options, to those and `faasbench undeploy {0} --platform {1}` there first",
                    spec.name,
                    self.target_name()
                )));
            }
        }
        Ok(())
    }

    /// The role's ARN: the one of the options, or one that is made.
    async fn make_role(
        &self,
        plan: &Plan,
        spec: &DeploymentSpec,
        page: &Page<'_>,
        account: &str,
    ) -> Result<String, PlatformError> {
        let options = self.options();
        if let Some(role) = &options.role {
            return Ok(role.clone());
        }
        let name = crate::plan::role_name(&spec.id);
        let clients = self.clients();
        let entry = page.intend(ROLE, &name).await?;
        let arn = role::ensure(clients, plan, &name, &spec.id, options.permissions_boundary.as_deref()).await?;
        page.created(entry).await?;
        let entry = page.intend(ROLE_POLICY, &format!("{name}/{POLICY_NAME}")).await?;
        role::allow(clients, &name, &self.policy(plan, account)).await?;
        page.created(entry).await?;
        Ok(arn)
    }

    /// What a deployment's role allows.
    pub(crate) fn policy(&self, plan: &Plan, account: &str) -> Value {
        allows(&Allowed {
            partition: self.clients().partition(),
            region: &self.clients().region,
            account,
            log_group: &plan.log_group,
            prefix: &self.options().prefix,
            tracing: self.options().tracing,
            storage: self.connection().storage.as_deref(),
        })
    }

    async fn make_url(&self, plan: &Plan, page: &Page<'_>) -> Result<Option<String>, PlatformError> {
        let clients = self.clients();
        let kind = self.options().url;
        // What a former deployment had and this one has not.
        if kind != FunctionUrl::Public {
            self.take_away(page, PERMISSION, &plan.function).await?;
        }
        if kind == FunctionUrl::None {
            self.take_away(page, URL, &plan.function).await?;
            return Ok(None);
        }
        settled(clients, plan).await?;
        let entry = page.intend(URL, &plan.function).await?;
        let url = public_url::ensure(clients, &plan.function, kind).await?;
        page.created(entry).await?;
        if kind == FunctionUrl::Public {
            let entry = page.intend(PERMISSION, &plan.function).await?;
            public_url::open(clients, &plan.function).await?;
            page.created(entry).await?;
        }
        Ok(Some(url))
    }

    /// Sets how many instances there may be. Returns whether some are started before they are asked for.
    async fn make_instances(&self, plan: &Plan, page: &Page<'_>, is_update: bool) -> Result<bool, PlatformError> {
        let clients = self.clients();
        let function = &plan.function;
        if plan.settings.maximum.is_some() || is_update {
            settled(clients, plan).await?;
            concurrency::set_maximum(clients, function, plan.settings.maximum).await?;
        }
        let minimum = plan.settings.minimum.filter(|minimum| *minimum > 0);
        match minimum {
            Some(minimum) => {
                settled(clients, plan).await?;
                let entry = page.intend(PROVISIONED, function).await?;
                concurrency::provision(clients, function, minimum).await?;
                page.created(entry).await?;
            }
            None => {
                self.take_away(page, PROVISIONED, function).await?;
                if is_update {
                    // Made by a change of scale, which is in no ledger.
                    concurrency::unprovision(clients, function).await?;
                }
            }
        }
        self.remember(function, minimum.is_some());
        Ok(minimum.is_some())
    }

    async fn take_away(&self, page: &Page<'_>, kind: &str, name: &str) -> Result<(), PlatformError> {
        let Some(entry) = page.known(kind, name) else { return Ok(()) };
        remove::remove(self.clients(), self.connection(), &entry.resource).await?;
        Ok(page.ledger.removed(entry.id).await?)
    }
}

/// Waits until a function that was just made can be changed.
async fn settled(clients: &Clients, plan: &Plan) -> Result<(), PlatformError> {
    crate::wait::until_settled(clients, &plan.function, None, std::time::Duration::from_secs(300)).await.map(|_| ())
}

/// An archive and what Lambda will say of it.
struct Zip {
    bytes: Vec<u8>,
    /// SHA-256, base64: Lambda's `CodeSha256`.
    sha256: String,
}

async fn read(spec: &DeploymentSpec) -> Result<Zip, PlatformError> {
    let path = spec.image.path.clone();
    let read = spawn_blocking(move || {
        let bytes = fs::read(&path)?;
        let digest = Sha256::digest(&bytes);
        Ok::<_, std::io::Error>((bytes, digest))
    });
    let reason = match read.await {
        Ok(Ok((bytes, digest))) => {
            let hexadecimal: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            if spec.image.digest == format!("sha256:{hexadecimal}") {
                return Ok(Zip { bytes, sha256: STANDARD.encode(digest) });
            }
            "it is not what was built".to_owned()
        }
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    Err(PlatformError::Invalid(format!(
        "the archive {} can't be used: {reason}; run `faasbench build --platform lambda {}`",
        spec.image.path.display(),
        spec.function
    )))
}
