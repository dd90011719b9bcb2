//! `faasbench undeploy`.

use std::fmt::Write as _;

use anyhow::anyhow;

use super::arguments::UndeployArguments;
use super::exit::{self, Failure};
use super::{store, target, workloads};
use crate::deployments::{RemovalDocument, RemovedDocument, Selection, remove_all, select};
use crate::experiment::Progress;
use crate::platforms::Servers;
use crate::results::{Store, StoreError};

pub(super) async fn execute(arguments: &UndeployArguments) -> Result<(), Failure> {
    if arguments.names.is_empty() && !arguments.all {
        return Err(Failure::Users(anyhow!(
            "say which deployments by their names, or --all; `faasbench status` lists them"
        )));
    }
    let configuration = target::configuration(&arguments.configuration)?;
    if let Some(name) = &arguments.platform {
        configuration.target(name).map_err(Failure::users)?;
    }
    let servers = Servers::new(arguments.results.location.clone(), configuration, workloads::folders()?);
    let document = match Store::open_existing(&arguments.results.location).await {
        // Nothing was ever deployed.
        Err(StoreError::Missing { .. }) if arguments.all => RemovalDocument::default(),
        Err(StoreError::Missing { location }) => return Err(target::nothing_deployed(&location)),
        Err(error) => return Err(store::failure(error)),
        Ok(results) => {
            let document = undeploy(arguments, &servers, &results).await;
            results.close().await;
            document?
        }
    };
    if arguments.json {
        exit::print_json(&document)?;
    } else {
        exit::print(&described(&document))?;
    }
    match document.left.len() {
        0 => Ok(()),
        n => Err(Failure::Ours(anyhow!(
            "{n} things may still be there; they stay in the ledger, and `faasbench undeploy` tries again (--forget takes them out \
             of it, where the platform is gone for good)"
        ))),
    }
}

async fn undeploy(
    arguments: &UndeployArguments,
    servers: &Servers,
    results: &Store,
) -> Result<RemovalDocument, Failure> {
    let ledger = results.ledger();
    let selection =
        Selection { names: arguments.names.clone(), target: arguments.platform.clone(), host: arguments.host.clone() };
    let (here, elsewhere) = select(&ledger, &selection).await.map_err(store::failure)?;
    for name in &arguments.names {
        let is_it =
            |removal: &&crate::deployments::Removal| removal.entry.as_ref().is_some_and(|entry| entry.name == *name);
        if here.iter().chain(&elsewhere).find(is_it).is_none() {
            return Err(Failure::Users(anyhow!(
                "there is no deployment `{name}`; `faasbench status` lists those that there are"
            )));
        }
    }
    let progress = Progress::on_standard_error(here.len() as u64);
    let removed = remove_all(&ledger, &here, servers, arguments.forget, |removal| {
        progress.doing(removal.entry.as_ref().map_or_else(|| removal.id.to_string(), |entry| entry.name.clone()));
        progress.step();
    })
    .await;
    progress.finish();
    ledger.close().await;
    let mut document = removed.map_err(target::deploy_failure)?;
    document.elsewhere = elsewhere.iter().map(crate::deployments::Removal::document).collect();
    Ok(document)
}

fn described(document: &RemovalDocument) -> String {
    let name = |removed: &RemovedDocument| match (&removed.name, removed.kind.as_deref()) {
        (Some(name), _) => name.clone(),
        (None, Some(gateway::SERVER)) => "the server in the background".to_owned(),
        (None, kind) => format!("{} of deployment {}", kind.unwrap_or("what was left"), removed.id),
    };
    let mut text = String::new();
    // A String takes all that is written to it.
    for removed in &document.removed {
        let _ = writeln!(text, "removed {} from {}", name(removed), removed.target);
    }
    for left in &document.left {
        let _ = writeln!(text, "NOT removed: {} {} on {}: {}", left.kind, left.name, left.target, left.error);
    }
    for left in &document.forgotten {
        let _ = writeln!(
            text,
            "forgotten, and may still be there: {} {} on {}: {}",
            left.kind, left.name, left.target, left.error
        );
    }
    for removed in &document.elsewhere {
        let _ = writeln!(
            text,
            "not touched: {} on {} of the machine {}; undeploy it there, or say --host if this machine was called so",
            name(removed),
            removed.target,
            removed.host.as_deref().unwrap_or("?")
        );
    }
    if text.is_empty() {
        text.push_str("nothing is deployed\n");
    }
    text
}
