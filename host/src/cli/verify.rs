//! `faasbench verify`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use comfy_table::presets::NOTHING;
use comfy_table::{Table, TableComponent};
use image_build::{Built, Options};
use native::DirectoryStorage;
use platform::{Deployment, DeploymentId, DeploymentSpec, Ledger, NotRemoved, Platform, PlatformError, undeploy};

use super::arguments::VerifyArguments;
use super::exit::{self, Failure};
use super::{inputs, packages, store, target, terminal, workloads};
use crate::configuration::Target;
use crate::deployments::{Case, Expectations, Verification, cases, verify};
use crate::engine::wasm::{Allocation, Configuration, Interruption};
use crate::engine::{EngineKind, Launcher, LauncherOptions, Limits};
use crate::experiment::Progress;
use crate::paths::CacheFolders;
use crate::platforms::{Purpose, Servers, temporary_state_folder};
use crate::results::{DurableLedger, Store};
use crate::worker::remove_output;
use crate::workload::{self, Function, Size, result_digest};

/// How long a deployment may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(60);

pub(super) async fn execute(arguments: &VerifyArguments) -> Result<(), Failure> {
    let configuration = target::configuration(&arguments.configuration)?;
    let target = configuration.target(&arguments.platform).map_err(Failure::users)?;
    let functions = workloads::functions(&arguments.functions)?;
    let folders = workloads::folders()?;
    let names: Vec<&'static str> = functions.iter().map(|function| function.name).collect();
    let cases = cases(&names);
    let progress = Progress::on_standard_error((2 * functions.len() + cases.len()) as u64);
    let servers = Servers::new(arguments.results.location.clone(), configuration, folders.clone());
    let remote = servers.remote(&target, Purpose::Deploy).await.map_err(target::failure)?;
    let brought = inputs::bring(&target, &functions, &[Size::Test], arguments.seed, &progress).await;
    brought.inspect_err(|_| progress.finish())?;
    let kind = remote.as_ref().map(|remote| remote.image_kind());
    let options = Options { kind, ..Options::default() };
    let built = packages::build(&functions, target.platform, options, &folders, &progress).await;
    let built = built.inspect_err(|_| progress.finish())?;
    progress.steps(functions.len() as u64);
    progress.doing("computing on this machine");
    let expectations = expectations(&cases, arguments.seed, &target, &folders).await;
    let expectations = expectations.inspect_err(|_| progress.finish())?;
    let verified = store::writable(&arguments.results.location, async |results| {
        let work = Work { target: &target, functions: &functions, cases: &cases, expectations: &expectations };
        on_platform(&work, built, remote, &servers, results, &progress).await
    })
    .await;
    progress.finish();
    let (verification, left) = verified?;
    if arguments.json {
        exit::print_json(&verification)?;
    } else {
        exit::print(&described(&verification))?;
    }
    let failed = verification.cases.iter().filter(|case| !case.passed).count();
    match (failed, left.as_slice()) {
        (0, []) => Ok(()),
        (0, left) => Err(Failure::Ours(anyhow!(
            "{} could not be removed: {}; `faasbench undeploy --all` tries again",
            left.iter().map(|left| left.resource.name.clone()).collect::<Vec<_>>().join(", "),
            left[0].error
        ))),
        (failed, _) => Err(Failure::Ours(anyhow!(
            "{failed} of {} cases failed on {}; the table says which and why",
            verification.cases.len(),
            target.name
        ))),
    }
}

/// The events of all cases, and the digests of what they give here, natively.
async fn expectations(
    cases: &[Case],
    seed: u64,
    target: &Target,
    folders: &CacheFolders,
) -> Result<Expectations, Failure> {
    let (cases, objects, scratch) = (cases.to_vec(), target.folder_of_objects(folders), folders.scratch());
    let computing = tokio::task::spawn_blocking(move || -> Result<Expectations, Failure> {
        let launcher = Launcher::new(LauncherOptions {
            engine: EngineKind::Native,
            configuration: Configuration {
                interruption: Interruption::None,
                allocation: Allocation::OnDemand,
                memory_bytes: 1 << 30,
            },
            cache: None,
            storage: Arc::new(DirectoryStorage::new(&objects).map_err(Failure::users)?),
            scratch_root: scratch,
            limits: Limits::default(),
            platform: "local".to_owned(),
        })
        .map_err(Failure::ours)?;
        let mut expectations = Expectations::new();
        for case in cases {
            let event = match case.event {
                Some(event) => event,
                None => {
                    let prepared = workload::prepare(case.function, Size::Test, seed, &objects);
                    prepared.map_err(Failure::users)?.event.to_string()
                }
            };
            let function = workload::find(case.function).map_err(Failure::users)?;
            let (mut instance, _) = launcher.launch(function).map_err(Failure::ours)?;
            let failed = |why: String| Failure::Ours(anyhow!("{} failed on this machine: {why}", case.name));
            let response = instance.invoke(&event).map_err(|error| failed(error.to_string()))?;
            let digest = result_digest(&response).ok_or_else(|| failed("it gave no digest".to_owned()))?;
            if let Ok(storage) = DirectoryStorage::new(&objects) {
                remove_output(&storage, &response);
            }
            expectations.insert(case.name, (event, digest));
        }
        Ok(expectations)
    });
    computing.await.map_err(Failure::ours)?
}

/// What is verified.
struct Work<'a> {
    target: &'a Target,
    functions: &'a [&'static Function],
    cases: &'a [Case],
    expectations: &'a Expectations,
}

async fn on_platform(
    work: &Work<'_>,
    built: Vec<Built>,
    remote: Option<Arc<dyn Platform>>,
    servers: &Servers,
    results: &Store,
    progress: &Progress,
) -> Result<(Verification, Vec<NotRemoved>), Failure> {
    let Work { target, functions, cases, expectations } = *work;
    progress.doing(format!("reaching {}", target.name));
    let ledger = Arc::new(results.ledger());
    let state = temporary_state_folder().map_err(Failure::users)?;
    let platform: Arc<dyn Platform> = match remote {
        Some(remote) => {
            refuse_taken(target, functions, &ledger).await?;
            remote
        }
        None => servers.in_this_process(target, ledger.clone(), state.path()).map_err(target::failure)?,
    };
    let reached = platform.reach().await.map_err(target::failure)?;
    let images = built.iter().map(|built| (built.image.function.clone(), built.image.digest.clone())).collect();
    let mut deployments = BTreeMap::new();
    let mut ids = Vec::new();
    for (function, built) in functions.iter().zip(built) {
        progress.doing(format!("deploying {}", function.name));
        let spec = DeploymentSpec {
            id: DeploymentId::new(),
            function: function.name.to_owned(),
            name: function.name.to_owned(),
            image: built.image,
            scale: target.settings.scale(),
            limits: target.settings.limits(),
            environment: target.settings.environment.clone(),
        };
        ids.push(spec.id.clone());
        let deployed = deploy(&*platform, &spec, &*ledger).await.map_err(|error| error.to_string());
        deployments.insert(function.name.to_owned(), deployed);
        progress.step();
    }
    let results = verify(&*platform, &deployments, cases, expectations, |case| {
        progress.doing(case.name.clone());
        progress.step();
    })
    .await;
    let mut left = Vec::new();
    for id in ids.iter().rev() {
        left.extend(undeploy(&*platform, id, &*ledger).await.map_err(PlatformError::from).map_err(target::failure)?);
    }
    ledger.close().await;
    let verification = Verification {
        platform: target.platform.to_owned(),
        target: target.name.clone(),
        version: reached.version,
        images,
        passed: results.iter().all(|case| case.passed),
        cases: results,
    };
    Ok((verification, left))
}

/// Functions are deployed under their own names, where nested calls find them: what the user has there under these is not
/// touched.
async fn refuse_taken(target: &Target, functions: &[&'static Function], ledger: &DurableLedger) -> Result<(), Failure> {
    let known = ledger.deployments().await.map_err(store::failure)?;
    let taken: Vec<&str> = functions
        .iter()
        .map(|function| function.name)
        .filter(|name| known.iter().any(|entry| entry.target == target.name && entry.name == *name))
        .collect();
    if taken.is_empty() {
        return Ok(());
    }
    Err(Failure::Users(anyhow!(
        "{} deployed on {} already, and verify deploys under these names; `faasbench undeploy {} --platform {}` removes them first",
        taken.join(", ") + if taken.len() == 1 { " is" } else { " are" },
        target.name,
        taken.join(" "),
        target.name
    )))
}

async fn deploy(
    platform: &dyn Platform,
    spec: &DeploymentSpec,
    ledger: &dyn Ledger,
) -> Result<Deployment, PlatformError> {
    let deployment = platform.deploy(spec, ledger).await?;
    platform.wait_until_ready(&deployment, READY_WITHIN).await?;
    Ok(deployment)
}

fn described(verification: &Verification) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_style(TableComponent::HeaderLines, '─');
    table.set_header(["case", "function", "result", "took", "digest"]);
    let short = |digest: &str| digest.chars().take(19).collect::<String>();
    for case in &verification.cases {
        let took = case.timings.map(|timings| format!("{:.1} ms", timings.total_ns as f64 / 1e6)).unwrap_or_default();
        let digest = match (case.passed, &case.found) {
            (true, _) => short(&case.expected),
            (false, Some(found)) => format!("{}, expected {}", short(found), short(&case.expected)),
            (false, None) => format!("none, expected {}", short(&case.expected)),
        };
        let result = if case.passed { "pass" } else { "FAIL" };
        table.add_row([case.name.clone(), case.function.clone(), result.to_owned(), took, digest]);
    }
    let mut text = format!("{} ({})\n\n", verification.target, verification.version);
    text.push_str(&terminal::table(&table));
    for case in &verification.cases {
        if let Some(error) = &case.error {
            text.push_str(&format!("{}: {error}\n", case.name));
        }
    }
    text
}
