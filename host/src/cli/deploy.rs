//! `faasbench deploy`.

use std::fmt::Write as _;
use std::time::Instant;

use anyhow::anyhow;
use comfy_table::presets::NOTHING;
use comfy_table::{Table, TableComponent};
use futures_util::future::join_all;
use image_build::{Built, Options};
use platform::{DeploymentId, DeploymentSpec, Platform, PlatformError};

use super::arguments::DeployArguments;
use super::exit::{self, Failure};
use super::{packages, store, target, terminal, workloads};
use crate::configuration::{Settings, Target};
use crate::deployments::{self, DeployError, DeployedDocument, Deploying};
use crate::experiment::Progress;
use crate::platforms::{self, Purpose, Servers};
use crate::results::{DurableLedger, Store};

pub(super) async fn execute(arguments: &DeployArguments) -> Result<(), Failure> {
    let configuration = target::configuration(&arguments.configuration)?;
    let target = target::with_settings(&configuration, &arguments.platform, &arguments.settings)?;
    let functions = workloads::functions(&arguments.functions)?;
    if arguments.name.is_some() && functions.len() != 1 {
        return Err(Failure::Users(anyhow!(
            "--name names one deployment, and there are {} functions; give one function",
            functions.len()
        )));
    }
    let folders = workloads::folders()?;
    let servers = Servers::new(arguments.results.location.clone(), configuration, folders.clone());
    // What cannot be reached at all is said before anything is built; a server of this machine is started only afterwards.
    let remote = servers.remote(&target, Purpose::Deploy).await.map_err(target::failure)?;
    let kind = match &remote {
        Some(remote) => remote.image_kind(),
        None => platforms::find(target.platform).map_err(Failure::users)?.image,
    };
    let mut options = Options { kind: Some(kind), ..Options::default() };
    if !arguments.architectures.is_empty() {
        options.architectures.clone_from(&arguments.architectures);
    }
    let progress = Progress::on_standard_error(2 * functions.len() as u64);
    let built = packages::build(&functions, target.platform, options, &folders, &progress).await;
    let built = built.inspect_err(|_| progress.finish())?;
    progress.steps(functions.len() as u64);
    if arguments.dry_run {
        progress.finish();
        return plan(arguments, &target, built, remote.as_deref());
    }
    let done = store::writable(&arguments.results.location, async |results| {
        deploy_all(arguments, &target, built, &servers, results, &progress).await
    })
    .await;
    progress.finish();
    report(arguments, done?)
}

async fn deploy_all(
    arguments: &DeployArguments,
    target: &Target,
    built: Vec<Built>,
    servers: &Servers,
    results: &Store,
    progress: &Progress,
) -> Result<Vec<(DeployedDocument, bool)>, Failure> {
    progress.doing(format!("starting the server of {}", target.name));
    let ledger = results.ledger();
    let platform = servers.start(target, &ledger).await.map_err(target::failure)?;
    let how = Deploying {
        run: None,
        on_this_machine: platforms::find(target.platform).map_err(Failure::users)?.on_this_machine,
        ready_within: arguments.ready_within,
    };
    progress.doing(format!("deploying to {}", target.name));
    // All at once: most of a deployment is waiting for its first instance.
    let deploying = built.into_iter().map(async |one| {
        let spec = spec(one, arguments.name.as_deref(), &target.settings);
        let _changing = servers.change(&target.name, &spec.name).await.map_err(target::failure)?;
        let mut outcome = deploy_one(&*platform, &ledger, spec.clone(), how).await?;
        if how.on_this_machine && matches!(outcome, Outcome::Unreachable(_)) {
            // A server ends some time after its last deployment went, which may be now.
            let platform = servers.start(target, &ledger).await.map_err(target::failure)?;
            outcome = deploy_one(&*platform, &ledger, spec, how).await?;
        }
        progress.step();
        Ok::<_, Failure>(outcome.document())
    });
    let documents = join_all(deploying).await;
    if let Some(repeated @ 1..) = platform.repeated_requests() {
        eprintln!("{repeated} requests to {} had to be made again; the times have that in them", target.name);
    }
    ledger.close().await;
    documents.into_iter().collect()
}

/// Prints the requests that would be made.
fn plan(
    arguments: &DeployArguments,
    target: &Target,
    built: Vec<Built>,
    remote: Option<&dyn Platform>,
) -> Result<(), Failure> {
    let Some(platform) = remote else {
        return Err(Failure::Users(anyhow!(
            "{} is on this machine and is asked nothing; --dry-run is for platforms with an interface of their own",
            target.platform
        )));
    };
    let mut requests = Vec::new();
    for one in built {
        let spec = spec(one, arguments.name.as_deref(), &target.settings);
        requests.extend(platform.requests(&spec).map_err(target::failure)?);
    }
    if arguments.json {
        return exit::print_json(&requests);
    }
    let mut text = String::new();
    for request in &requests {
        let condition = request.condition.as_ref().map(|condition| format!(" ({condition})")).unwrap_or_default();
        // A String takes all that is written to it.
        let _ = writeln!(text, "{} {}  # {}{condition}", request.method, request.address, request.purpose);
        if let Some(body) = &request.body {
            let body = serde_json::to_string_pretty(body).map_err(Failure::ours)?;
            let _ = writeln!(text, "{body}");
        }
    }
    exit::print(&text)
}

fn spec(built: Built, name: Option<&str>, settings: &Settings) -> DeploymentSpec {
    DeploymentSpec {
        id: DeploymentId::new(),
        name: name.map_or_else(|| built.image.function.clone(), str::to_owned),
        function: built.image.function.clone(),
        image: built.image,
        scale: settings.scale(),
        limits: settings.limits(),
        environment: settings.environment.clone(),
    }
}

/// What came of one deployment.
enum Outcome {
    Done(DeployedDocument),
    /// Failed, and not for being asked for something wrong.
    Failed(DeployedDocument),
    /// A mistake in what was asked.
    Refused(DeployedDocument),
    /// Its server did not answer.
    Unreachable(DeployedDocument),
}

impl Outcome {
    /// The document, and whether a failure is the user's mistake.
    fn document(self) -> (DeployedDocument, bool) {
        match self {
            Outcome::Done(document) | Outcome::Failed(document) | Outcome::Unreachable(document) => (document, false),
            Outcome::Refused(document) => (document, true),
        }
    }
}

async fn deploy_one(
    platform: &dyn Platform,
    ledger: &DurableLedger,
    spec: DeploymentSpec,
    how: Deploying,
) -> Result<Outcome, Failure> {
    let begin = Instant::now();
    let (function, name) = (spec.function.clone(), spec.name.clone());
    let mut document =
        DeployedDocument { function, name, deployment: None, was_update: None, took_us: None, error: None };
    match deployments::deploy(platform, ledger, spec, how).await {
        Ok(deployed) => {
            let mut deployment = deployed.deployment;
            // Their values may be secrets.
            for value in deployment.spec.environment.values_mut() {
                "(not shown)".clone_into(value);
            }
            document.deployment = Some(deployment);
            document.was_update = Some(deployed.was_update);
            document.took_us = Some(u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX));
            Ok(Outcome::Done(document))
        }
        // Nothing can be deployed without the ledger.
        Err(error @ DeployError::Store(_)) => Err(target::deploy_failure(error)),
        Err(DeployError::Platform(error)) => {
            document.error = Some(error.to_string());
            Ok(match error {
                PlatformError::Unreachable { .. } => Outcome::Unreachable(document),
                error if error.is_users() => Outcome::Refused(document),
                _ => Outcome::Failed(document),
            })
        }
    }
}

fn report(arguments: &DeployArguments, done: Vec<(DeployedDocument, bool)>) -> Result<(), Failure> {
    let users = done.iter().any(|(document, users)| document.error.is_some() && *users);
    let documents: Vec<DeployedDocument> = done.into_iter().map(|(document, _)| document).collect();
    if arguments.json {
        exit::print_json(&documents)?;
    } else {
        exit::print(&table(&documents))?;
    }
    let failed: Vec<String> = documents
        .iter()
        .filter_map(|document| Some(format!("{}: {}", document.name, document.error.as_ref()?)))
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    let error = anyhow!(
        "{} of {} were not deployed: {}; `faasbench undeploy` removes what was made of them",
        failed.len(),
        documents.len(),
        failed.join("; ")
    );
    Err(if users { Failure::Users(error) } else { Failure::Ours(error) })
}

fn table(documents: &[DeployedDocument]) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_style(TableComponent::HeaderLines, '─');
    table.set_header(["name", "function", "result", "took", "address"]);
    for document in documents {
        let result = match (document.was_update, &document.error) {
            (_, Some(_)) => "failed",
            (Some(true), None) => "updated",
            _ => "deployed",
        };
        let took = document.took_us.map(|us| format!("{:.1} ms", us as f64 / 1e3)).unwrap_or_default();
        let url = document.deployment.as_ref().and_then(|deployment| deployment.url.clone());
        let name = document.name.clone();
        table.add_row([name, document.function.clone(), result.to_owned(), took, url.unwrap_or_default()]);
    }
    terminal::table(&table)
}
