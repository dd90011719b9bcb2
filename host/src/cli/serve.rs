//! `faasbench serve`.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use gateway::{Background, LogFormat, Running, ServeError, ServeOptions, Token, serve, start_log};
use image_build::{Built, Options};
use local_platform::LocalPlatform;
use platform::{DeploymentId, DeploymentSpec};

use super::arguments::ServeArguments;
use super::exit::{self, Failure};
use super::{packages, store, target, workloads};
use crate::configuration::Target;
use crate::experiment::Progress;
use crate::paths::CacheFolders;
use crate::platforms::{self, LabImages, Servers, temporary_state_folder};
use crate::results::DurableLedger;

pub(super) async fn execute(arguments: &ServeArguments) -> Result<(), Failure> {
    let configuration = target::configuration(&arguments.configuration)?;
    let target = target::with_settings(&configuration, &arguments.platform, &arguments.settings)?;
    if !platforms::find(target.platform).map_err(Failure::users)?.on_this_machine {
        return Err(Failure::Users(anyhow!(
            "{} is not a platform of this machine, and serves by itself; `faasbench deploy --platform {}` deploys there",
            target.platform,
            target.name
        )));
    }
    let folders = workloads::folders()?;
    let servers = Servers::new(arguments.results.location.clone(), configuration, folders.clone());
    match &arguments.background {
        Some(folder) => in_background(arguments, &target, &servers, folders, folder).await,
        None => in_foreground(arguments, &target, &servers, folders).await,
    }
}

/// As the server behind `deploy`.
async fn in_background(
    arguments: &ServeArguments,
    target: &Target,
    servers: &Servers,
    folders: CacheFolders,
    folder: &Path,
) -> Result<(), Failure> {
    // First of all: it takes the lock of the folder, and leaves the session of whoever started it.
    let background = Background::begin(folder).map_err(Failure::ours)?;
    let _log = start_log(LogFormat::Json).map_err(Failure::ours)?;
    let mut options = ServeOptions { images: Arc::new(LabImages::new(folders)), ..ServeOptions::new() };
    background.adapt(&mut options);
    store::writable(&arguments.results.location, async |results| {
        let ledger = Arc::new(results.ledger());
        let state = folder.join("platform");
        let platform = servers.in_this_process(target, ledger.clone(), &state).map_err(target::failure)?;
        let running = start(platform, options, ledger.clone()).await?;
        background.ready(&running.addresses).map_err(Failure::ours)?;
        let outcome = until_the_end(running).await;
        ledger.close().await;
        outcome
    })
    .await
}

async fn in_foreground(
    arguments: &ServeArguments,
    target: &Target,
    servers: &Servers,
    folders: CacheFolders,
) -> Result<(), Failure> {
    let token = token(arguments)?;
    let deployments = specs(arguments, target).await?;
    let format = if std::io::stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json };
    let _log = start_log(format).map_err(Failure::ours)?;
    let options = ServeOptions {
        listen: arguments.listen.clone(),
        token,
        images: Arc::new(LabImages::new(folders)),
        deployments,
        grace: arguments.grace,
        log_requests: arguments.log_requests,
        signals: true,
        ..ServeOptions::new()
    };
    let state = temporary_state_folder().map_err(Failure::users)?;
    store::writable(&arguments.results.location, async |results| {
        let ledger = Arc::new(results.ledger());
        let platform = servers.in_this_process(target, ledger.clone(), state.path()).map_err(target::failure)?;
        let running = start(platform, options, ledger.clone()).await?;
        for address in &running.addresses {
            exit::print(&format!("{} at {address}\n", target.name))?;
        }
        let outcome = until_the_end(running).await;
        ledger.close().await;
        outcome
    })
    .await
}

fn token(arguments: &ServeArguments) -> Result<Option<Token>, Failure> {
    match &arguments.token_file {
        Some(path) => Token::from_file(path).map(Some).map_err(Failure::users),
        None => Token::from_environment().map_err(Failure::users),
    }
}

/// What is deployed before it listens.
async fn specs(arguments: &ServeArguments, target: &Target) -> Result<Vec<DeploymentSpec>, Failure> {
    let functions = workloads::functions(&arguments.functions)?;
    let folders = workloads::folders()?;
    let progress = Progress::on_standard_error(functions.len() as u64);
    let built = packages::build(&functions, target.platform, Options::default(), &folders, &progress).await;
    progress.finish();
    let spec = |built: Built| DeploymentSpec {
        id: DeploymentId::new(),
        function: built.image.function.clone(),
        name: built.image.function.clone(),
        image: built.image,
        scale: target.settings.scale(),
        limits: target.settings.limits(),
        environment: target.settings.environment.clone(),
    };
    Ok(built?.into_iter().map(spec).collect())
}

async fn start(
    platform: Arc<LocalPlatform>,
    mut options: ServeOptions,
    ledger: Arc<DurableLedger>,
) -> Result<Running, Failure> {
    options.ledger = ledger;
    let ending = platform.clone();
    // The server has waited for the grace: what still runs then is ended, or its removal would wait for it again.
    options.end_platform = Some(Box::new(move || {
        Box::pin(async move {
            ending.shut_down(Duration::ZERO).await;
        })
    }));
    serve(platform, options).await.map_err(|error| match error {
        ServeError::Deploy(error) => target::failure(error),
        error @ ServeError::Start(_) => Failure::ours(error),
        error => Failure::users(error),
    })
}

async fn until_the_end(running: Running) -> Result<(), Failure> {
    let ended = running.ended().await;
    match (ended.all_finished, ended.left.as_slice()) {
        (true, []) => Ok(()),
        (false, []) => {
            Err(Failure::Ours(anyhow!("the server ended before all that it took was finished; --grace allows more")))
        }
        (_, left) => Err(Failure::Ours(anyhow!(
            "the server ended and could not remove: {}; `faasbench undeploy --all` tries again",
            left.join("; ")
        ))),
    }
}
