//! `faasbench status`.

use std::collections::BTreeMap;

use anyhow::anyhow;
use comfy_table::presets::NOTHING;
use comfy_table::{Table, TableComponent};
use platform::{PlatformError, Readiness};

use super::arguments::StatusArguments;
use super::exit::{self, Failure};
use super::{store, target, terminal, workloads};
use crate::deployments::StatusDocument;
use crate::platforms::Servers;
use crate::results::{DeploymentEntry, DeploymentStatus, Store, StoreError};

pub(super) async fn execute(arguments: &StatusArguments) -> Result<(), Failure> {
    let configuration = target::configuration(&arguments.configuration)?;
    if let Some(name) = &arguments.platform {
        configuration.target(name).map_err(Failure::users)?;
    }
    let folders = workloads::folders()?;
    let servers = Servers::new(arguments.results.location.clone(), configuration, folders);
    let documents = match Store::open_existing(&arguments.results.location).await {
        // Nothing was ever deployed.
        Err(StoreError::Missing { .. }) => Vec::new(),
        Err(error) => return Err(store::failure(error)),
        Ok(results) => {
            let documents = documents(arguments, &servers, &results).await;
            results.close().await;
            documents?
        }
    };
    for name in &arguments.names {
        if !documents.iter().any(|document| document.entry.name == *name) {
            return Err(Failure::Users(anyhow!(
                "there is no deployment `{name}`; `faasbench status` lists those that there are"
            )));
        }
    }
    if arguments.json {
        exit::print_json(&documents)?;
    } else if documents.is_empty() {
        exit::print("nothing is deployed; `faasbench deploy --platform PLATFORM` does it\n")?;
    } else {
        exit::print(&(table(&documents) + &metrics(&documents)))?;
    }
    let is_unread = |document: &&StatusDocument| {
        arguments.metrics && document.metrics.is_none() && document.entry.status == DeploymentStatus::Deployed
    };
    match documents.iter().filter(is_unread).count() {
        0 => Ok(()),
        unread => Err(Failure::Ours(anyhow!(
            "the metrics of {unread} deployments could not be read; the reasons stand above"
        ))),
    }
}

async fn documents(
    arguments: &StatusArguments,
    servers: &Servers,
    results: &Store,
) -> Result<Vec<StatusDocument>, Failure> {
    let ledger = results.ledger();
    let mut entries = ledger.deployments().await.map_err(store::failure)?;
    entries.retain(|entry| arguments.names.is_empty() || arguments.names.contains(&entry.name));
    entries.retain(|entry| arguments.platform.as_ref().is_none_or(|target| *target == entry.target));
    let mut platforms = BTreeMap::new();
    let mut documents = Vec::new();
    for entry in entries {
        let unasked = StatusDocument { entry, status: None, problem: None, metrics: None, metrics_problem: None };
        let entry = &unasked.entry;
        if !ledger.is_within_reach(entry.host.as_deref()) {
            let problem = format!("it is on the machine {}", entry.host.as_deref().unwrap_or_default());
            documents.push(StatusDocument { problem: Some(problem), ..unasked });
            continue;
        }
        let key = (entry.platform.clone(), entry.target.clone());
        if !platforms.contains_key(&key) {
            platforms.insert(
                key.clone(),
                servers.to(&entry.platform, &entry.target).await.map_err(|error| error.to_string()),
            );
        }
        // What was never made is nowhere; what there is of it, the ledger knows.
        if entry.details.is_null() && entry.status != DeploymentStatus::Deployed {
            documents.push(unasked);
            continue;
        }
        let document = match &platforms[&key] {
            Ok(platform) => {
                let deployment = entry.deployment();
                let (status, problem) = told(platform.status(&deployment).await);
                let (metrics, metrics_problem) = match arguments.metrics && status.is_some() {
                    true => told(platform.metrics(&deployment).await),
                    false => (None, None),
                };
                StatusDocument { status, problem, metrics, metrics_problem, ..unasked }
            }
            Err(error) => StatusDocument { problem: Some(error.clone()), ..unasked },
        };
        documents.push(document);
    }
    ledger.close().await;
    Ok(documents)
}

/// What was told, or why nothing was.
fn told<T>(answer: Result<T, PlatformError>) -> (Option<T>, Option<String>) {
    match answer {
        Ok(told) => (Some(told), None),
        Err(error) => (None, Some(error.to_string())),
    }
}

/// What the platforms measured, a line for each figure; nothing where they were not asked.
fn metrics(documents: &[StatusDocument]) -> String {
    let measured = |document: &StatusDocument| document.metrics.clone().unwrap_or_default();
    let mut table = Table::new();
    table.load_preset(NOTHING).set_style(TableComponent::HeaderLines, '─');
    table.set_header(["name", "measured by the platform", "value", "unit"]);
    for document in documents {
        for metric in measured(document) {
            table.add_row([document.entry.name.clone(), metric.name, metric.value.to_string(), metric.unit]);
        }
    }
    let mut text = String::new();
    if table.row_count() > 0 {
        text = format!("\n{}", terminal::table(&table));
    }
    for document in documents {
        let name = &document.entry.name;
        match (&document.metrics, &document.metrics_problem) {
            (_, Some(problem)) => text.push_str(&format!("{name}: {problem}\n")),
            (Some(metrics), _) if metrics.is_empty() => {
                text.push_str(&format!("{name}: {} has measured nothing of it yet\n", document.entry.target));
            }
            _ => {}
        }
    }
    text
}

fn table(documents: &[StatusDocument]) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_style(TableComponent::HeaderLines, '─');
    table.set_header(["name", "function", "on", "state", "instances", "active", "waiting", "since", "address"]);
    for document in documents {
        let entry = &document.entry;
        let instances = document.status.as_ref().and_then(|status| status.instances.as_ref());
        let count = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
        let active =
            instances.and_then(|instances| instances.iter().map(|instance| instance.active.map(u64::from)).sum());
        let waiting = document.status.as_ref().and_then(|status| status.waiting).map(u64::from);
        table.add_row([
            entry.name.clone(),
            entry.function.clone(),
            entry.target.clone(),
            state(document),
            count(instances.map(|instances| instances.len() as u64)),
            count(active),
            count(waiting),
            terminal::local_time(entry.changed_unix_ns),
            entry.url.clone().unwrap_or_default(),
        ]);
    }
    let mut text = terminal::table(&table);
    for document in documents {
        let status = document.status.as_ref().and_then(|status| status.message.as_ref());
        for reason in [document.entry.error.as_ref(), document.problem.as_ref(), status].into_iter().flatten() {
            text.push_str(&format!("{}: {reason}\n", document.entry.name));
        }
    }
    text
}

/// In one word: the platform's while it is deployed, else the ledger's.
fn state(document: &StatusDocument) -> String {
    let entry: &DeploymentEntry = &document.entry;
    match (entry.status, document.status.as_ref().map(|status| status.readiness)) {
        (DeploymentStatus::Deployed, Some(Readiness::Ready)) => "ready".to_owned(),
        (DeploymentStatus::Deployed, Some(Readiness::Pending)) => "pending".to_owned(),
        (DeploymentStatus::Deployed, Some(Readiness::Failed)) => "failed".to_owned(),
        (DeploymentStatus::Deployed, Some(Readiness::Missing)) => "gone".to_owned(),
        (DeploymentStatus::Deployed, None) => "unknown".to_owned(),
        (status, _) => status.name().to_owned(),
    }
}
