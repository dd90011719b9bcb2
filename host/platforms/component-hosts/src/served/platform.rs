//! The platforms wasmtime serve and Spin.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use image_kind::ImageKind;
use platform::{
    Answer, Capabilities, ColdStart, Deployment, DeploymentId, DeploymentSpec, Found, InstanceStatus, Invocation,
    Ledger, LogLine, PlannedRequest, Platform, PlatformError, Reached, Readiness, Resource, Status,
};
use process_identity::{ProcessIdentity, end_all, marked};
use remote_platform::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use remote_platform::{Api, Connection, InvokeWay, instance_environment, shown_environment};
use rustix::process::Signal;
use serde_json::json;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use super::folder::{Folder, Record, Root};
use super::launch::{Launch, MARK};
use super::log;
use super::options::ServedOptions;
use super::program::{Program, Variables};

/// The kind, in the ledger, of a program that serves a deployment.
const PROCESS: &str = "process";
/// How long a program may take to finish what it serves, and again to end when told. wasmtime also waits for connections that
/// its callers keep without a request, as ours does, so it is short.
const ENDING: Duration = Duration::from_secs(1);
/// How long another command may work in a deployment's folder.
const BUSY: Duration = Duration::from_secs(150);
/// How often something is looked at again.
const LOOK: Duration = Duration::from_millis(10);
/// How long a program may take to tell its version.
const VERSION: Duration = Duration::from_secs(20);
/// What a call may take above its time limit, or without one.
const CALL: Duration = Duration::from_secs(60);
/// The longest call of a deployment without a time limit.
const UNLIMITED: Duration = Duration::from_secs(900);
/// Where it listens when it may choose the port.
const ANY_PORT: &str = "127.0.0.1:0";

/// Components served by `wasmtime serve`, each by a process of its own on this machine.
///
/// # Errors
/// When the target's options can't be used.
pub fn connect_wasmtime_serve(connection: Connection) -> Result<Arc<dyn Platform>, PlatformError> {
    connect(connection, Program::WasmtimeServe)
}

/// Applications served by `spin up`, each by a process of its own on this machine.
///
/// # Errors
/// When the target's options can't be used.
pub fn connect_spin(connection: Connection) -> Result<Arc<dyn Platform>, PlatformError> {
    connect(connection, Program::Spin)
}

fn connect(connection: Connection, program: Program) -> Result<Arc<dyn Platform>, PlatformError> {
    let options: ServedOptions = connection.options()?;
    let target = &connection.target;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if target.is_empty() || !target.bytes().all(is_plain) {
        return Err(PlatformError::Invalid(format!(
            "the target's name {target:?} is part of a folder's name here: give one of letters, digits, '-' or '_'"
        )));
    }
    if connection.endpoint.is_some() {
        return Err(PlatformError::Invalid(format!(
            "{} is started on this machine, so the target `{target}` can't have an `endpoint`; leave it out",
            program.platform()
        )));
    }
    if let Some(url) = &options.invoke_url
        && !(url.starts_with("http://") && url.contains("{name}"))
    {
        return Err(PlatformError::Invalid(format!(
            "`{url}` can't be the option `invoke-url`: write an address of plain HTTP with `{{name}}` in it"
        )));
    }
    let api = Api::new(program.platform(), "http://127.0.0.1", None)?;
    let root = Root::new(options.folder.as_deref(), program.platform(), target);
    Ok(Arc::new(Served { connection, options, program, root, api }))
}

struct Served {
    connection: Connection,
    options: ServedOptions,
    program: Program,
    root: Root,
    api: Api,
}

impl Served {
    fn failed(&self, doing: impl Into<String>, reason: impl ToString) -> PlatformError {
        PlatformError::Failed { platform: self.name().to_owned(), doing: doing.into(), reason: reason.to_string() }
    }

    fn mark(&self, deployment: &str) -> String {
        format!("{}/{}/{deployment}", self.program.platform(), self.connection.target)
    }

    fn variables(&self, spec: &DeploymentSpec) -> Variables {
        let way = self.options.invoke_url.as_ref().map(|url| InvokeWay { url: url.clone(), authorization: None });
        let all = instance_environment(&self.connection, spec, way.as_ref());
        Variables { all, secret: self.connection.storage_environment.keys().cloned().collect() }
    }

    fn program(&self) -> PathBuf {
        self.program.path(self.options.program.as_deref())
    }

    async fn lock(&self, folder: &Folder, name: &str) -> Result<File, PlatformError> {
        let begin = Instant::now();
        loop {
            let lock = folder.lock().map_err(|error| self.failed(format!("locking the folder of {name}"), error))?;
            if let Some(lock) = lock {
                return Ok(lock);
            }
            if begin.elapsed() > BUSY {
                return Err(self.failed(
                    format!("locking the folder of {name}"),
                    format!("another command has been working there for {} s; try again", BUSY.as_secs()),
                ));
            }
            sleep(LOOK).await;
        }
    }

    /// Ends every process of a deployment: those with its mark, and the one that is written down.
    async fn end(&self, mark: String, known: Option<ProcessIdentity>) -> Result<(), PlatformError> {
        let end = move || -> io::Result<()> {
            let mut processes: Vec<_> =
                marked(MARK, |value| value == mark)?.into_iter().map(|(process, _)| process).collect();
            processes.extend(known.filter(ProcessIdentity::is_there));
            // Wasmtime finishes what it serves after an interrupt, and Spin after a request to end.
            end_all(&processes, &[Signal::INT, Signal::TERM], ENDING)
        };
        let ended = spawn_blocking(end).await.unwrap_or_else(|error| Err(io::Error::other(error)));
        ended.map_err(|error| self.failed("ending the process of a deployment", error))
    }

    /// Starts the program anew, with what is in the image or, for the same, what was copied of it.
    async fn restart(&self, spec: &DeploymentSpec, folder: &Folder, anew: bool) -> Result<Record, PlatformError> {
        let id = spec.id.as_str();
        let unusable = |error: io::Error| self.failed(format!("using the folder {}", folder.path().display()), error);
        folder.create().map_err(unusable)?;
        let _lock = self.lock(folder, &spec.name).await?;
        let known = folder.read().map_err(unusable)?;
        // What was served, at the address at which it was: callers keep that.
        let before = known.as_ref().filter(|_| !anew).and_then(|record| record.port);
        self.end(self.mark(id), known.map(|record| record.process)).await?;
        let variables = self.variables(spec);
        let served = self.program.prepare(folder, spec, &variables)?;
        let served = served.to_str().ok_or_else(|| self.failed("starting", "its folder's name is not UTF-8"))?;
        let listen = match before {
            Some(port) => format!("127.0.0.1:{port}"),
            None if self.program == Program::WasmtimeServe => ANY_PORT.to_owned(),
            None => free_port().map_err(|error| self.failed("looking for a free port", error))?,
        };
        let launch = Launch {
            platform: self.program.platform(),
            program: self.program(),
            arguments: self.program.arguments(spec, &variables, &listen, served),
            variables: self.program.own_variables(&variables),
            mark: self.mark(id),
            folder,
            spec,
        };
        let started = launch.start().await;
        if started.is_err() {
            // The program may have started others, as Spin does.
            self.end(self.mark(id), None).await?;
        }
        started
    }

    /// The processes of a deployment: its program, and those that it started.
    async fn processes(&self, deployment: &str) -> Result<Vec<u32>, PlatformError> {
        let mark = self.mark(deployment);
        let found = spawn_blocking(move || marked(MARK, |value| value == mark)).await;
        let found = found.unwrap_or_else(|error| Err(io::Error::other(error)));
        let found = found.map_err(|error| self.failed("looking for the processes of a deployment", error))?;
        Ok(found.into_iter().map(|(process, _)| process.process_id).collect())
    }

    fn folder_of(&self, deployment: &DeploymentId) -> Result<Folder, PlatformError> {
        let id = deployment.as_str();
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(PlatformError::Invalid(format!("{id:?} is no identifier of a deployment")));
        }
        Ok(self.root.of(id))
    }

    fn record(&self, deployment: &Deployment) -> Result<Option<Record>, PlatformError> {
        let folder = self.folder_of(&deployment.spec.id)?;
        folder.read().map_err(|error| self.failed(format!("reading the record of {}", deployment.spec.name), error))
    }

    fn missing(&self, deployment: &Deployment) -> PlatformError {
        PlatformError::NotFound { platform: self.name().to_owned(), name: deployment.spec.name.clone() }
    }

    /// Why a process that should be there is not.
    fn ended(&self, deployment: &Deployment, record: &Record) -> PlatformError {
        let logs = self.root.of(&record.deployment).log();
        PlatformError::ExitedAtStart {
            name: deployment.spec.name.clone(),
            reason: format!("its process {} is gone; deploy it again", record.process.process_id),
            logs: log::last(&logs, record.log_begin),
        }
    }

    fn resource(&self, spec: &DeploymentSpec, folder: &Folder) -> Resource {
        let details = json!({ "folder": folder.path() });
        self.connection.resource(&spec.id, PROCESS, &name_of(spec.id.as_str()), details)
    }
}

#[async_trait]
impl Platform for Served {
    fn name(&self) -> &str {
        self.program.platform()
    }

    fn target(&self) -> &str {
        &self.connection.target
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            asynchronous: false,
            cold_start: ColdStart::Always,
            scale: false,
            keep_alive: false,
            memory_limit: self.program.has_limits(),
            cpu_limit: false,
            concurrency: false,
            logs: true,
            metrics: false,
            billing: false,
            nested_calls: self.options.invoke_url.is_some(),
            local_processes: true,
        }
    }

    fn image_kind(&self) -> ImageKind {
        self.program.image_kind()
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        let program = self.program();
        let unreachable = |reason: String| PlatformError::Unreachable {
            platform: self.name().to_owned(),
            reason: format!("`{} --version`: {reason}", program.display()),
            advice: self.program.advice().to_owned(),
        };
        let mut command = tokio::process::Command::new(&program);
        command.arg("--version").stdin(std::process::Stdio::null()).kill_on_drop(true);
        let output = timeout(VERSION, command.output()).await;
        let output = output.map_err(|_| unreachable(format!("no answer within {} s", VERSION.as_secs())))?;
        let output = output.map_err(|error| unreachable(error.to_string()))?;
        if !output.status.success() {
            return Err(unreachable(output.status.to_string()));
        }
        let said = String::from_utf8_lossy(&output.stdout);
        let version = said.lines().next().unwrap_or_default().chars().filter(|letter| !letter.is_control()).collect();
        let mut remarks =
            vec!["each request has an instance of its own; a forced cold start is a new process".to_owned()];
        if self.program.has_limits() {
            remarks.push("a memory limit is one of each linear memory; a component has about five".to_owned());
        } else {
            remarks.push("it keeps no limits of memory and time".to_owned());
        }
        if self.options.invoke_url.is_none() {
            remarks.push("functions can't call each other: each has a port of its own (see `invoke-url`)".to_owned());
        }
        Ok(Reached { version, remarks })
    }

    async fn deploy(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<Deployment, PlatformError> {
        self.program.check(spec)?;
        self.program.check_image(spec)?;
        let folder = self.folder_of(&spec.id)?;
        let resource = self.resource(spec, &folder);
        let known = ledger.resources(&spec.id).await?;
        let known = known.into_iter().find(|entry| {
            let its = &entry.resource;
            (&its.platform, &its.target, &its.kind, &its.name)
                == (&resource.platform, &resource.target, &resource.kind, &resource.name)
        });
        let entry = match known {
            Some(entry) => entry.id,
            None => ledger.intend(&resource).await?,
        };
        let record = self.restart(spec, &folder, true).await?;
        let mut details = resource.details;
        details["process"] = serde_json::to_value(&record.process).unwrap_or_default();
        ledger.created(entry, &details).await?;
        let port = record.port.ok_or_else(|| self.failed("starting", "its port is not known"))?;
        Ok(Deployment {
            spec: spec.clone(),
            platform: self.name().to_owned(),
            target: self.connection.target.clone(),
            url: Some(format!("http://127.0.0.1:{port}/")),
            details,
        })
    }

    fn requests(&self, spec: &DeploymentSpec) -> Result<Vec<PlannedRequest>, PlatformError> {
        self.program.check(spec)?;
        self.program.check_image(spec)?;
        let folder = self.folder_of(&spec.id)?;
        let mut variables = self.variables(spec);
        variables.all = shown_environment(&self.connection, &variables.all);
        let served = match self.program {
            Program::WasmtimeServe => "<copy of the component>",
            Program::Spin => "<manifest with the environment>",
        };
        let listen = "127.0.0.1:<a free port>";
        Ok(vec![PlannedRequest {
            purpose: format!("starting a process that serves {}", spec.name),
            method: "START".to_owned(),
            address: format!("http://{listen}/"),
            body: Some(json!({
                "program": self.program(),
                "arguments": self.program.arguments(spec, &variables, listen, served),
                "environment": variables.all,
                "folder": folder.path(),
            })),
            condition: None,
        }])
    }

    async fn wait_until_ready(&self, deployment: &Deployment, patience: Duration) -> Result<(), PlatformError> {
        let begin = Instant::now();
        loop {
            let record = self.record(deployment)?.ok_or_else(|| self.missing(deployment))?;
            if !record.process.is_there() {
                return Err(self.ended(deployment, &record));
            }
            // The process has served this image, and no other, since it began.
            if let Some(port) = record.port.filter(|_| record.image_digest == deployment.spec.image.digest) {
                let address = format!("http://127.0.0.1:{port}/{}", self.program.health());
                let left = patience.saturating_sub(begin.elapsed()).max(LOOK);
                let probe = self.api.probe(&deployment.spec.name, &address, HeaderMap::new(), left).await;
                if probe.is_ok_and(|probe| probe.status == 200) {
                    return Ok(());
                }
            }
            if begin.elapsed() > patience {
                let logs = log::last(&self.root.of(&record.deployment).log(), record.log_begin);
                return Err(PlatformError::NotReady { name: deployment.spec.name.clone(), waited: patience, logs });
            }
            sleep(LOOK).await;
        }
    }

    async fn invoke(&self, deployment: &Deployment, invocation: &Invocation) -> Result<Answer, PlatformError> {
        let url = deployment.url.as_deref().ok_or_else(|| self.missing(deployment))?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let trace = [("traceparent", &invocation.traceparent), ("tracestate", &invocation.tracestate)];
        for (name, value) in trace {
            if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        let limit = deployment.spec.limits.time.map_or(UNLIMITED, |limit| limit + CALL);
        let patience = invocation.patience.unwrap_or(limit);
        let name = &deployment.spec.name;
        let answer = self.api.invoke(name, url, headers, invocation.event.clone(), false, patience).await;
        match answer {
            // What nobody serves any more is told as what it is.
            Err(PlatformError::Unreachable { .. }) => match self.record(deployment)? {
                None => Err(self.missing(deployment)),
                Some(record) if !record.process.is_there() => Err(self.ended(deployment, &record)),
                Some(_) => answer,
            },
            _ => answer,
        }
    }

    /// Every invocation has a new instance; this makes the program new too, with what it keeps between them.
    async fn force_cold(&self, deployment: &Deployment) -> Result<(), PlatformError> {
        if self.record(deployment)?.is_none() {
            return Err(self.missing(deployment));
        }
        let folder = self.folder_of(&deployment.spec.id)?;
        self.restart(&deployment.spec, &folder, false).await.map(|_| ())
    }

    async fn status(&self, deployment: &Deployment) -> Result<Status, PlatformError> {
        let none =
            |readiness, message| Status { readiness, message, instances: None, waiting: None, image_digest: None };
        let Some(record) = self.record(deployment)? else {
            return Ok(none(Readiness::Missing, None));
        };
        if !record.process.is_there() {
            return Ok(none(Readiness::Failed, Some(self.ended(deployment, &record).to_string())));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ns = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let process = InstanceStatus {
            id: format!("process {}", record.process.process_id),
            age_us: now_ns.saturating_sub(record.started_unix_ns) / 1000,
            invocations: None,
            active: None,
            processes: self.processes(&record.deployment).await?,
            cgroup: None,
        };
        Ok(Status {
            readiness: if record.port.is_some() { Readiness::Ready } else { Readiness::Pending },
            message: None,
            instances: Some(vec![process]),
            waiting: None,
            image_digest: Some(record.image_digest),
        })
    }

    /// What the process wrote. The programs write no times: see [`LogLine::unix_ns`] of the log's last change.
    async fn logs(&self, deployment: &Deployment, since_unix_ns: u64) -> Result<Vec<LogLine>, PlatformError> {
        let path = self.folder_of(&deployment.spec.id)?.log();
        log::lines(&path, since_unix_ns)
            .map_err(|error| self.failed(format!("reading the log of {}", deployment.spec.name), error))
    }

    async fn remove(&self, resource: &Resource) -> Result<(), PlatformError> {
        let id = resource.deployment.as_str();
        if resource.kind != PROCESS || resource.name != name_of(id) {
            return Err(PlatformError::Invalid(format!(
                "{} `{}` is nothing that {} makes; remove it yourself",
                resource.kind,
                resource.name,
                self.name()
            )));
        }
        let mut folder = self.folder_of(&resource.deployment)?;
        // It may have been made with another option `folder`.
        let noted = resource.details.get("folder").and_then(|folder| folder.as_str()).map(Path::new);
        if let Some(noted) = noted.filter(|noted| noted.is_absolute() && noted.file_name() == Some(id.as_ref())) {
            folder = Folder::at(noted);
        }
        let unusable =
            |error: io::Error| self.failed(format!("removing the folder {}", folder.path().display()), error);
        let record = folder.read().map_err(unusable)?;
        let noted = serde_json::from_value(resource.details.get("process").cloned().unwrap_or_default()).ok();
        self.end(self.mark(id), noted).await?;
        let recorded = record.as_ref().map(|record| record.process.clone());
        self.end(self.mark(id), recorded).await?;
        if record.is_none_or(|record| record.deployment == id) { folder.remove().map_err(unusable) } else { Ok(()) }
    }

    async fn find_marked(&self) -> Result<Vec<Found>, PlatformError> {
        let doing = "looking for what carries our mark";
        let mut ids: Vec<String> = self
            .root
            .records()
            .map_err(|error| self.failed(doing, error))?
            .into_iter()
            .map(|record| record.deployment)
            .collect();
        let begin = self.mark("");
        let marked = spawn_blocking(move || marked(MARK, |value| value.starts_with(&begin))).await;
        let marked = marked.unwrap_or_else(|error| Err(io::Error::other(error)));
        let marked = marked.map_err(|error| self.failed(doing, error))?;
        ids.extend(marked.into_iter().filter_map(|(_, value)| Some(value.rsplit_once('/')?.1.to_owned())));
        ids.sort();
        ids.dedup();
        let found = |id: String| Found { kind: PROCESS.to_owned(), name: name_of(&id), deployment: id };
        Ok(ids.into_iter().map(found).collect())
    }
}

/// The name in the ledger of the process of a deployment.
fn name_of(deployment: &str) -> String {
    format!("faasbench-{deployment}")
}

/// An address whose port nobody has.
fn free_port() -> io::Result<String> {
    let listener = std::net::TcpListener::bind(ANY_PORT)?;
    Ok(listener.local_addr()?.to_string())
}
