//! Finding a server in the background, or starting one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use platform::{DeploymentId, Ledger, Resource};
use process_identity::ProcessIdentity;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::error::DaemonError;
use super::record::{Folder, Record};
use super::{MARK, SERVER};
use crate::{Endpoint, Token};

/// How often a server that is starting is looked for.
const LOOK: Duration = Duration::from_millis(5);

/// How a server in the background is started.
#[derive(Debug, Clone)]
pub struct DaemonOptions {
    /// The program.
    pub program: PathBuf,
    /// Its arguments, with which it calls [`super::Background::begin`] with the same folder.
    pub arguments: Vec<OsString>,
    /// Variables of its environment beside this process's.
    pub environment: Vec<(OsString, OsString)>,
    /// Its folder, one for each target: record, log and locks.
    pub folder: PathBuf,
    /// The platform's name, for the ledger.
    pub platform: String,
    /// The named installation, for the ledger.
    pub target: String,
    /// How long it may take until it serves.
    pub patience: Duration,
}

/// A server in the background.
#[derive(Debug, Clone)]
pub struct Daemon {
    /// Where it serves.
    pub endpoint: Endpoint,
    /// What its clients must know.
    pub token: Token,
    /// The version of faasbench that it is.
    pub version: String,
    pub(super) name: String,
    pub(super) folder: Folder,
    pub(super) process: ProcessIdentity,
}

impl Daemon {
    /// The server that has `folder`, if one is there.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn find(folder: &Path) -> Result<Option<Daemon>, DaemonError> {
        let folder = Folder::new(folder);
        let Some(record) = folder.read()?.filter(|record| record.process.is_there()) else { return Ok(None) };
        Ok(Daemon::new(folder, record))
    }

    fn new(folder: Folder, record: Record) -> Option<Daemon> {
        Some(Daemon {
            endpoint: record.address.parse().ok()?,
            token: Token::new(&record.token).ok()?,
            version: record.version,
            name: record.name,
            process: record.process,
            folder,
        })
    }

    /// Its process.
    pub fn process_id(&self) -> u32 {
        self.process.process_id
    }

    /// The file that it logs to.
    pub fn log(&self) -> PathBuf {
        self.folder.log()
    }

    /// Finds the server of a folder, or starts it. It is in the ledger before it is there.
    ///
    /// # Errors
    /// When it can't be started, ends at once, or does not serve in time.
    pub async fn start(options: &DaemonOptions, ledger: &dyn Ledger) -> Result<Daemon, DaemonError> {
        let folder = Folder::new(&options.folder);
        folder.create()?;
        let begin = Instant::now();
        // Two commands at once start one server.
        let _lock = loop {
            if let Some(lock) = folder.lock("start")? {
                break lock;
            }
            if begin.elapsed() > options.patience {
                return Err(DaemonError::Busy { folder: options.folder.clone(), waited: begin.elapsed() });
            }
            sleep(LOOK).await;
        };
        if let Some(found) = Daemon::find(&options.folder)? {
            return Ok(found);
        }
        let resource = resource(options);
        let id = ledger.intend(&resource).await?;
        match launch(options, &folder, &resource.name).await {
            Ok(daemon) => {
                let mut details = resource.details;
                details["address"] = daemon.endpoint.to_string().into();
                details["process_id"] = daemon.process.process_id.into();
                details["start_ticks"] = daemon.process.start_ticks.into();
                details["boot_id"] = daemon.process.boot_id.clone().into();
                ledger.created(id, &details).await?;
                Ok(daemon)
            }
            Err(error) => {
                // It was ended, or ended by itself.
                ledger.removed(id).await?;
                Err(error)
            }
        }
    }
}

fn resource(options: &DaemonOptions) -> Resource {
    let deployment = DeploymentId::new();
    let name = format!("faasbench-server-{deployment}");
    Resource {
        deployment,
        platform: options.platform.clone(),
        target: options.target.clone(),
        kind: SERVER.to_owned(),
        name,
        details: serde_json::json!({ "folder": options.folder }),
    }
}

async fn launch(options: &DaemonOptions, folder: &Folder, name: &str) -> Result<Daemon, DaemonError> {
    let output = folder.open_log()?;
    let failed = |reason| DaemonError::Folder { path: folder.log(), reason };
    let begin_of_log = output.metadata().map_err(failed)?.len();
    let errors = output.try_clone().map_err(failed)?;
    let mut child = Command::new(&options.program)
        .args(&options.arguments)
        .envs(options.environment.iter().cloned())
        .env(MARK, name)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .spawn()
        .map_err(|reason| DaemonError::Start { program: options.program.clone(), reason })?;
    match wait_until_it_serves(&mut child, options.patience, folder, name, begin_of_log).await {
        Ok(daemon) => Ok(daemon),
        Err(error) => {
            // It may have ended already.
            let _ = child.kill().await;
            Err(error)
        }
    }
}

async fn wait_until_it_serves(
    child: &mut Child,
    patience: Duration,
    folder: &Folder,
    name: &str,
    begin_of_log: u64,
) -> Result<Daemon, DaemonError> {
    let begin = Instant::now();
    loop {
        if let Some(record) = folder.read()?.filter(|record| record.name == name)
            && let Some(daemon) = Daemon::new(folder.clone(), record)
        {
            return Ok(daemon);
        }
        let (log, last) = (folder.log(), || folder.last_of_log(begin_of_log));
        let ended = child.try_wait().map_err(|reason| DaemonError::Folder { path: log.clone(), reason })?;
        if let Some(status) = ended {
            return Err(DaemonError::Ended { status: status.to_string(), log, last: last() });
        }
        if begin.elapsed() > patience {
            return Err(DaemonError::NotReady { waited: patience, log, last: last() });
        }
        sleep(LOOK).await;
    }
}
