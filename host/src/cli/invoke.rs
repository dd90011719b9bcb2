//! `faasbench invoke`.

use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use lab::ErrorKind;
use native::DirectoryStorage;

use super::arguments::InvokeArguments;
use super::exit::{self, Failure};
use super::{invoke_deployed, workloads};
use crate::engine::wasm::{Allocation, ArtefactCache, Configuration, Interruption};
use crate::engine::{EngineKind, Launcher, LauncherOptions, Limits, MAX_EVENT_BYTES};
use crate::workload;

/// What a guest gets beyond its time before the whole process gives up on it: enough for its own limit to act first.
const GRACE: Duration = Duration::from_millis(500);

pub(super) async fn execute(arguments: &InvokeArguments) -> Result<(), Failure> {
    match &arguments.platform {
        Some(platform) => invoke_deployed::execute(arguments, platform).await,
        None => invoke_here(arguments),
    }
}

/// Runs the function in this process, once.
fn invoke_here(arguments: &InvokeArguments) -> Result<(), Failure> {
    let function = workload::find(&arguments.function).map_err(Failure::users)?;
    let folders = workloads::folders()?;
    let event = match arguments.size {
        None => event(arguments)?,
        Some(size) => {
            let storage = arguments.storage.clone().unwrap_or_else(|| folders.objects());
            let prepared = workload::prepare(&arguments.function, size, arguments.seed, &storage);
            prepared.map_err(Failure::users)?.event.to_string()
        }
    };
    let limit =
        Duration::try_from_secs_f64(arguments.timeout).ok().filter(|limit| !limit.is_zero()).ok_or_else(|| {
            Failure::Users(anyhow!("--timeout {} is not a positive number of seconds", arguments.timeout))
        })?;
    let memory_bytes = arguments.memory_limit.saturating_mul(1 << 20);
    if !(1 << 20..=4_u64 << 30).contains(&memory_bytes) {
        return Err(Failure::Users(anyhow!("--memory-limit {} is not between 1 and 4096 MiB", arguments.memory_limit)));
    }
    let storage = arguments.storage.clone().unwrap_or_else(|| folders.objects());
    let launcher = Launcher::new(LauncherOptions {
        engine: arguments.engine,
        // A person's guest may loop for ever: this engine can interrupt it.
        configuration: Configuration {
            interruption: Interruption::Epochs,
            allocation: Allocation::OnDemand,
            memory_bytes,
        },
        cache: match arguments.engine {
            EngineKind::Wasm => Some(ArtefactCache::open(folders.components()).map_err(Failure::users)?),
            EngineKind::Native => None,
        },
        storage: Arc::new(DirectoryStorage::new(storage).map_err(Failure::users)?),
        scratch_root: folders.scratch(),
        limits: Limits { memory_bytes, time: Some(limit), ..Limits::default() },
        platform: match arguments.engine {
            EngineKind::Native => "process".to_owned(),
            EngineKind::Wasm => "wasm".to_owned(),
        },
    })
    .map_err(Failure::ours)?;

    // On a thread of its own: native code, and a guest that sleeps, can't be interrupted, only left behind.
    let (answer, answered) = mpsc::channel();
    std::thread::spawn(move || {
        let outcome = launcher.launch(function).map_err(Failure::ours).map(|(mut instance, _)| instance.invoke(&event));
        // Nobody waits any more when the time is over.
        let _ = answer.send(outcome);
    });
    let outcome = match answered.recv_timeout(limit + GRACE) {
        Ok(outcome) => outcome?,
        Err(RecvTimeoutError::Timeout) => Err(lab::Error::limit(format!(
            "{} took longer than its limit of {} s and was stopped; allow more with --timeout",
            function.name, arguments.timeout
        ))),
        Err(RecvTimeoutError::Disconnected) => Err(lab::Error::internal(format!("{} panicked", function.name))),
    };
    match outcome {
        Ok(response) => exit::print(&shown(&response, arguments.json)),
        Err(error) => {
            let users = matches!(error.kind, ErrorKind::BadRequest | ErrorKind::NotFound);
            let error = anyhow!("{}: {}: {}", function.name, error.kind.name(), error.message);
            Err(if users { Failure::Users(error) } else { Failure::Ours(error) })
        }
    }
}

/// The event that was given, or that stands on standard input.
pub(super) fn event(arguments: &InvokeArguments) -> Result<String, Failure> {
    if arguments.payload != "-" {
        return Ok(arguments.payload.clone());
    }
    // One byte more than is accepted, so that too much is noticed without reading it all.
    let mut event = Vec::new();
    std::io::stdin()
        .lock()
        .take(MAX_EVENT_BYTES as u64 + 1)
        .read_to_end(&mut event)
        .context("could not read the event from standard input")
        .map_err(Failure::users)?;
    // Looked at before the text: what was cut off may have ended within a character.
    if event.len() > MAX_EVENT_BYTES {
        return Err(Failure::Users(anyhow!(
            "the event on standard input has more than the {MAX_EVENT_BYTES} bytes that are accepted; put large data \
             into object storage and its key into the event"
        )));
    }
    String::from_utf8(event).context("the event on standard input is not UTF-8").map_err(Failure::Users)
}

/// For people indented, with `--json` as it came.
pub(super) fn shown(response: &str, as_it_came: bool) -> String {
    let indented = || {
        let value: serde_json::Value = serde_json::from_str(response).ok()?;
        serde_json::to_string_pretty(&value).ok()
    };
    let text = if as_it_came { None } else { indented() };
    format!("{}\n", text.unwrap_or_else(|| response.to_owned()))
}
