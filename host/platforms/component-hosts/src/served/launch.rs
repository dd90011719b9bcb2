//! Starting a program, and waiting until it serves.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use platform::{DeploymentSpec, PlatformError};
use process_identity::ProcessIdentity;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::folder::{Folder, Record};
use super::log;

/// How often it is looked whether a program serves.
const LOOK: Duration = Duration::from_millis(5);
/// The variable that marks a process from its first moment. Components don't see it: they are given theirs by name.
pub(super) const MARK: &str = "FAASBENCH_COMPONENT_HOST";
/// How long it may take until it serves: large components are compiled first.
const START: Duration = Duration::from_secs(120);
/// The variables of this process that a program is given; whatever else there is may be secret.
const PASSED: [&str; 8] =
    ["PATH", "HOME", "USER", "LANG", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"];

/// A program to be started.
pub(super) struct Launch<'a> {
    pub(super) platform: &'static str,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) variables: Vec<(String, String)>,
    /// The value of the mark.
    pub(super) mark: String,
    pub(super) folder: &'a Folder,
    pub(super) spec: &'a DeploymentSpec,
}

impl Launch<'_> {
    /// Starts it in a session of its own, and returns when it serves. One that does not is ended again.
    pub(super) async fn start(self) -> Result<Record, PlatformError> {
        let failed = |reason: io::Error| PlatformError::Failed {
            platform: self.platform.to_owned(),
            doing: format!("starting {} for {}", self.program.display(), self.spec.name),
            reason: reason.to_string(),
        };
        let (output, log_begin) = self.folder.open_log().map_err(failed)?;
        let errors = output.try_clone().map_err(failed)?;
        let mut command = Command::new(&self.program);
        let passed = PASSED.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        command
            .args(&self.arguments)
            .env_clear()
            .envs(passed)
            .envs(self.variables.iter().cloned())
            .env(MARK, &self.mark)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        // SAFETY: setsid is a single system call, which may be made between fork and exec.
        unsafe {
            command.pre_exec(|| Ok(rustix::process::setsid().map(|_| ())?));
        }
        let mut child = command.spawn().map_err(failed)?;
        match self.serving(&mut child, log_begin).await {
            Ok(record) => Ok(record),
            Err(error) => {
                // It may have ended already.
                let _ = child.kill().await;
                Err(error)
            }
        }
    }

    async fn serving(&self, child: &mut Child, log_begin: u64) -> Result<Record, PlatformError> {
        let begin = Instant::now();
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let log = self.folder.log();
        let name = || self.spec.name.clone();
        let failed = |reason: io::Error| PlatformError::Failed {
            platform: self.platform.to_owned(),
            doing: format!("waiting until {} is served", self.spec.name),
            reason: reason.to_string(),
        };
        let mut record = None;
        loop {
            if let Some(status) = child.try_wait().map_err(failed)? {
                let logs = log::last(&log, log_begin);
                return Err(PlatformError::ExitedAtStart { name: name(), reason: status.to_string(), logs });
            }
            if record.is_none() {
                let process = child.id().map(ProcessIdentity::of).transpose().map_err(failed)?;
                // Written down at once: it is found by this also when whoever started it is killed now.
                if let Some(process) = process {
                    let made = Record {
                        deployment: self.spec.id.to_string(),
                        name: name(),
                        image_digest: self.spec.image.digest.clone(),
                        port: None,
                        started_unix_ns: u64::try_from(started.as_nanos()).unwrap_or(u64::MAX),
                        log_begin,
                        process,
                    };
                    self.folder.remember(&made).map_err(failed)?;
                    record = Some(made);
                }
            }
            if let Some(record) = &mut record
                && let Some(port) = log::serving_port(&log, log_begin).map_err(failed)?
            {
                record.port = Some(port);
                self.folder.remember(record).map_err(failed)?;
                return Ok(record.clone());
            }
            if begin.elapsed() > START {
                let logs = log::last(&log, log_begin);
                return Err(PlatformError::NotReady { name: name(), waited: begin.elapsed(), logs });
            }
            sleep(LOOK).await;
        }
    }
}
