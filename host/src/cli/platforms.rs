//! `faasbench platforms`.

use std::fmt::Write as _;

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table, TableComponent};
use platform::{Capabilities, ColdStart};

use super::arguments::PlatformsArguments;
use super::exit::{self, Failure};
use super::{store, target, terminal, workloads};
use crate::configuration::{Configuration, Target};
use crate::deployments::PlatformDocument;
use crate::experiment::Progress;
use crate::platforms::{self, Servers};
use crate::results::{DeploymentEntry, LeftResource, Store, StoreError};

/// What the ledger knows.
#[derive(Default)]
struct Known {
    deployments: Vec<DeploymentEntry>,
    resources: Vec<LeftResource>,
}

pub(super) async fn execute(arguments: &PlatformsArguments) -> Result<(), Failure> {
    let configuration = target::configuration(&arguments.configuration)?;
    let targets = targets(&configuration, &arguments.platforms)?;
    // What nobody has set up here is not looked for: somebody else's server may listen where it would.
    let is_set_up = |target: &Target| {
        let kind = platforms::find(target.platform).ok();
        !arguments.platforms.is_empty()
            || configuration.names(&target.name)
            || kind.is_some_and(|kind| kind.on_this_machine)
    };
    let (targets, others): (Vec<Target>, Vec<Target>) = targets.into_iter().partition(is_set_up);
    let servers = Servers::new(arguments.results.location.clone(), configuration, workloads::folders()?);
    let known = known(arguments).await?;
    let progress = Progress::on_standard_error(targets.len() as u64);
    let mut documents = Vec::new();
    for target in &targets {
        progress.doing(format!("reaching {}", target.name));
        documents.push(look(target, &servers, &known, arguments.audit).await);
        progress.step();
    }
    progress.finish();
    documents.extend(others.iter().map(|target| described_target(target, &known)));
    if arguments.json {
        return exit::print_json(&documents);
    }
    exit::print(&described(&documents))
}

fn targets(configuration: &Configuration, names: &[String]) -> Result<Vec<Target>, Failure> {
    if names.is_empty() {
        return Ok(configuration.targets());
    }
    names.iter().map(|name| configuration.target(name).map_err(Failure::users)).collect()
}

async fn known(arguments: &PlatformsArguments) -> Result<Known, Failure> {
    let results = match Store::open_existing(&arguments.results.location).await {
        Err(StoreError::Missing { .. }) => return Ok(Known::default()),
        opened => opened.map_err(store::failure)?,
    };
    let ledger = results.ledger();
    let deployments = ledger.deployments().await.map_err(store::failure);
    let resources = ledger.left().await.map_err(store::failure);
    ledger.close().await;
    results.close().await;
    Ok(Known { deployments: deployments?, resources: resources? })
}

/// A target that was not looked at.
fn described_target(target: &Target, known: &Known) -> PlatformDocument {
    // A name of the catalogue, as every target has it.
    let kind = platforms::find(target.platform).ok();
    PlatformDocument {
        target: target.name.clone(),
        platform: target.platform.to_owned(),
        summary: kind.map(|kind| kind.summary.to_owned()).unwrap_or_default(),
        image: kind.map_or(image_build::ImageKind::Oci, |kind| kind.image),
        reached: None,
        problem: None,
        capabilities: None,
        deployments: known.deployments.iter().filter(|entry| entry.target == target.name).count() as u64,
        unknown: None,
        audit_problem: None,
    }
}

async fn look(target: &Target, servers: &Servers, known: &Known, audit: bool) -> PlatformDocument {
    let mut document = described_target(target, known);
    let platform = match servers.look_at(target).await {
        Ok(platform) => platform,
        Err(error) => {
            document.problem = Some(error.to_string());
            return document;
        }
    };
    document.capabilities = Some(platform.capabilities());
    match platform.reach().await {
        Ok(reached) => {
            document.reached = Some(reached);
            // Of some it is known only now.
            document.capabilities = Some(platform.capabilities());
        }
        Err(error) => document.problem = Some(error.to_string()),
    }
    if audit {
        match platform.find_marked().await {
            Ok(mut found) => {
                let is_known = |deployment: &str| {
                    known.resources.iter().any(|left| left.entry.resource.deployment.as_str() == deployment)
                        || known.deployments.iter().any(|entry| entry.id.as_str() == deployment)
                };
                found.retain(|found| !is_known(&found.deployment));
                document.unknown = Some(found);
            }
            Err(error) => document.audit_problem = Some(error.to_string()),
        }
    }
    document
}

fn described(documents: &[PlatformDocument]) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_style(TableComponent::HeaderLines, '─');
    table.set_header(["target", "platform", "reached", "deployed", "can"]);
    if let Some(width) = terminal::width() {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    for document in documents {
        let reached = match (&document.reached, &document.problem) {
            (Some(reached), _) => reached.version.clone(),
            (None, Some(_)) => "no".to_owned(),
            (None, None) => "not set up".to_owned(),
        };
        let can = document.capabilities.map(|capabilities| words(&capabilities)).unwrap_or_default();
        let (target, platform) = (document.target.clone(), document.platform.clone());
        table.add_row([target, platform, reached, document.deployments.to_string(), can]);
    }
    let mut text = terminal::table(&table);
    text.push('\n');
    if documents.iter().any(|document| document.reached.is_none() && document.problem.is_none()) {
        text.push_str(
            "What is not set up gets a table [targets.NAME] in faasbench.toml: docs/platforms says how; `faasbench platforms NAME` \
             looks for it.\n\n",
        );
    }
    for document in documents {
        let name = &document.target;
        // A String takes all that is written to it.
        if let Some(problem) = &document.problem {
            let _ = writeln!(text, "{name}: {problem}");
        }
        for remark in document.reached.iter().flat_map(|reached| &reached.remarks) {
            let _ = writeln!(text, "{name}: {remark}");
        }
        if let Some(problem) = &document.audit_problem {
            let _ = writeln!(text, "{name}: what carries our mark can't be told: {problem}");
        }
        match document.unknown.as_deref() {
            Some([]) => {
                let _ = writeln!(text, "{name}: nothing carries our mark that is not in the ledger");
            }
            Some(unknown) => {
                for found in unknown {
                    let _ = writeln!(
                        text,
                        "{name}: {} {} carries our mark (deployment {}) and is not in this ledger; another results database \
                         may have it (--results), or remove it by hand",
                        found.kind, found.name, found.deployment
                    );
                }
            }
            None => {}
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn words(capabilities: &Capabilities) -> String {
    let cold = match capabilities.cold_start {
        ColdStart::Forced => "forced cold starts",
        ColdStart::ByUpdate => "cold starts by update",
        ColdStart::Always => "always cold",
        ColdStart::ByWaiting => "cold starts by waiting",
    };
    let words = [
        (true, cold),
        (capabilities.asynchronous, "asynchronous calls"),
        (capabilities.scale, "min and max"),
        (capabilities.keep_alive, "keep-alive"),
        (capabilities.concurrency, "concurrency"),
        (capabilities.memory_limit, "memory limit"),
        (capabilities.cpu_limit, "CPU limit"),
        (capabilities.nested_calls, "nested calls"),
        (capabilities.logs, "logs"),
        (capabilities.metrics, "metrics"),
        (capabilities.billing, "billing"),
        (capabilities.local_processes, "probes"),
    ];
    words.iter().filter(|(can, _)| *can).map(|(_, word)| *word).collect::<Vec<_>>().join(", ")
}
