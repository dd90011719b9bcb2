//! `faasbench invoke --platform`.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use lab::ErrorKind;
use platform::{Answer, Deployment, Invocation, Platform, PlatformError};

use super::arguments::InvokeArguments;
use super::exit::{self, Failure};
use super::{invoke, target, workloads};
use crate::deployments::InvocationDocument;
use crate::experiment::Progress;
use crate::platforms::Servers;
use crate::results::DeploymentEntry;
use crate::workload;

/// Between two looks whether a call without waiting has its answer; it grows to the longest.
const FIRST_LOOK: Duration = Duration::from_millis(5);
const LONGEST_BETWEEN_LOOKS: Duration = Duration::from_millis(500);
/// How long the answer of a call without waiting is fetched, where nobody says.
const ASYNCHRONOUS_PATIENCE: Duration = Duration::from_secs(600);

pub(super) async fn execute(arguments: &InvokeArguments, name: &str) -> Result<(), Failure> {
    let configuration = target::configuration(&arguments.configuration)?;
    let target = configuration.target(name).map_err(Failure::users)?;
    let folders = workloads::folders()?;
    let entry = target::find(&arguments.results.location, &arguments.function, Some(&target.name)).await?;
    let event = match arguments.size {
        None => invoke::event(arguments)?,
        Some(size) => {
            let storage = target.folder_of_objects(&folders);
            workload::prepare(&entry.function, size, arguments.seed, &storage)
                .map_err(Failure::users)?
                .event
                .to_string()
        }
    };
    let servers = Servers::new(arguments.results.location.clone(), configuration, folders);
    let platform = servers.to(&entry.platform, &entry.target).await.map_err(target::failure)?;
    let invocation = Invocation {
        traceparent: arguments.traceparent.clone(),
        patience: arguments.patience,
        ..Invocation::new(event.into_bytes())
    };
    let deployment = entry.deployment();
    let progress = Progress::on_standard_error(1);
    progress.doing(format!("invoking {}", entry.name));
    let answered = match arguments.asynchronous {
        false => platform.invoke(&deployment, &invocation).await,
        true => fetch(&*platform, &deployment, &invocation, &progress).await,
    };
    progress.finish();
    report(arguments, &entry, answered.map_err(target::failure)?)
}

/// Has the call taken, and asks for its answer until it is there.
async fn fetch(
    platform: &dyn Platform,
    deployment: &Deployment,
    invocation: &Invocation,
    progress: &Progress,
) -> Result<Answer, PlatformError> {
    let call = platform.invoke_async(deployment, invocation).await?;
    progress.line(&format!("taken as call {}", call.0));
    let patience = invocation.patience.unwrap_or(ASYNCHRONOUS_PATIENCE);
    let (begin, mut pause) = (Instant::now(), FIRST_LOOK);
    loop {
        if let Some(answer) = platform.take_result(deployment, &call).await? {
            return Ok(answer);
        }
        if begin.elapsed() > patience {
            return Err(PlatformError::NoAnswer { name: deployment.spec.name.clone(), waited: patience });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_BETWEEN_LOOKS);
    }
}

fn report(arguments: &InvokeArguments, entry: &DeploymentEntry, answer: Answer) -> Result<(), Failure> {
    let response = answer.response();
    if arguments.json {
        let text = response.as_ref().ok();
        exit::print_json(&InvocationDocument {
            name: entry.name.clone(),
            platform: entry.platform.clone(),
            target: entry.target.clone(),
            status: answer.status,
            response: text.map(|text| serde_json::from_str(text).unwrap_or_else(|_| (*text).into())),
            error: response.as_ref().err().map(|error| format!("{}: {}", error.kind.name(), error.message)),
            call: answer.call.clone(),
            is_cold: answer.instance.as_ref().map(platform::InstanceIdentity::is_cold),
            instance: answer.instance.clone(),
            timings: answer.timings,
            billing: answer.billing,
        })?;
    } else {
        eprintln!("{}", described(&answer));
        if let Ok(text) = response {
            exit::print(&invoke::shown(text, false))?;
        }
    }
    match response {
        Ok(_) => Ok(()),
        Err(error) => {
            let users = matches!(error.kind, ErrorKind::BadRequest | ErrorKind::NotFound);
            let error = anyhow!("{}: {}: {}", entry.name, error.kind.name(), error.message);
            Err(if users { Failure::Users(error) } else { Failure::Ours(error) })
        }
    }
}

/// Status, times and instance, on one line.
fn described(answer: &Answer) -> String {
    let milliseconds = |ns: u64| format!("{:.2} ms", ns as f64 / 1e6);
    let timings = &answer.timings;
    let mut parts = Vec::new();
    for (what, ns) in [
        ("waiting", timings.queue_ns),
        ("start", timings.start_instance_ns),
        ("execution", timings.execution_ns),
        ("first byte", timings.first_byte_ns),
    ] {
        parts.extend(ns.map(|ns| format!("{what} {}", milliseconds(ns))));
    }
    let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    let instance = match &answer.instance {
        None => String::new(),
        Some(instance) => {
            let heat = if instance.is_cold() { "cold" } else { "warm" };
            format!("; instance {}, {heat}, invocation {}", instance.id, instance.invocation_index)
        }
    };
    let billing = answer.billing.and_then(|billing| billing.gigabyte_seconds);
    let billing = billing.map(|cost| format!("; {cost:.6} GB-s")).unwrap_or_default();
    format!("status {} in {}{parts}{instance}{billing}", answer.status, milliseconds(timings.total_ns))
}
