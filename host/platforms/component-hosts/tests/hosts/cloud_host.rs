//! A host that stands for wasmCloud's: it takes the requests of `wash host` 2.10.3 strictly, and answers as that does.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// NATS's own server, on a free port.
pub(crate) struct Nats {
    server: Child,
    pub(crate) address: String,
    _folder: TempDir,
}

impl Nats {
    /// It, or nothing where it is not installed, which is said.
    pub(crate) fn start() -> Option<Nats> {
        let folder = TempDir::new().unwrap();
        let start = |program: &str| {
            let mut command = Command::new(program);
            command.args(["-a", "127.0.0.1", "-p", "-1", "--ports_file_dir"]).arg(folder.path());
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
        };
        let Some(server) = start("nats-server").or_else(|| start("/usr/sbin/nats-server")) else {
            eprintln!("skipped: nats-server is not installed");
            return None;
        };
        let begin = Instant::now();
        let ports = folder.path().join(format!("nats-server_{}.ports", server.id()));
        let mut nats = Nats { server, address: String::new(), _folder: folder };
        while nats.address.is_empty() {
            assert!(begin.elapsed() < Duration::from_secs(20), "nats-server does not tell its port");
            let told = std::fs::read(&ports).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
            nats.address = told.and_then(|told| Some(told["nats"][0].as_str()?.to_owned())).unwrap_or_default();
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(nats)
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Start {
    workload_id: String,
    workload: Workload,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Workload {
    namespace: String,
    name: String,
    annotations: BTreeMap<String, String>,
    wit_world: WitWorld,
    volumes: Vec<Value>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WitWorld {
    components: Vec<Component>,
    host_interfaces: Vec<HostInterface>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Component {
    name: String,
    image: String,
    image_pull_policy: String,
    local_resources: LocalResources,
    pool_size: i32,
    max_invocations: i32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LocalResources {
    environment: BTreeMap<String, String>,
    config: BTreeMap<String, String>,
    allowed_hosts: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct HostInterface {
    namespace: String,
    package: String,
    interfaces: Vec<String>,
    version: String,
    config: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct About {
    workload_id: String,
}

#[derive(Default)]
struct State {
    workloads: BTreeMap<String, Start>,
    /// Stopped, and how often they are still told to be stopping.
    stopping: BTreeMap<String, u32>,
    /// How often a workload was started.
    starts: u32,
    requests: u64,
}

/// The host.
pub(crate) struct CloudHost {
    pub(crate) http: String,
    state: Arc<Mutex<State>>,
    beats: JoinHandle<()>,
    answers: JoinHandle<()>,
    ending: Arc<Notify>,
}

impl CloudHost {
    pub(crate) async fn start(nats: &Nats, id: &str) -> CloudHost {
        let state = Arc::new(Mutex::new(State::default()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let state = serving.clone();
                std::thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    while answer(&mut stream, &state).is_some() {}
                });
            }
        });
        let client = async_nats::connect(&nats.address).await.unwrap();
        let mut asked = client.subscribe(format!("runtime.host.{id}.>")).await.unwrap();
        client.flush().await.unwrap();
        let heartbeat = json!({
            "id": id, "hostname": "h1", "friendlyName": "drab-voice-3139", "version": "2.10.3", "labels": { "hostgroup": "default" },
            "systemCpuUsage": 99.9, "systemMemoryTotal": "25276502016", "imports": [], "exports": [], "httpPort": port,
        });
        let (beating, beat, subject) = (client.clone(), heartbeat.clone(), format!("runtime.operator.heartbeat.{id}"));
        let beats = tokio::spawn(async move {
            loop {
                beating.publish("runtime.operator.heartbeat.other", "no JSON".into()).await.unwrap();
                beating.publish(subject.clone(), beat.to_string().into()).await.unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let (asked_state, ending) = (state.clone(), Arc::new(Notify::new()));
        let ended = ending.clone();
        let answers = tokio::spawn(async move {
            loop {
                let message = tokio::select! {
                    message = asked.next() => message.unwrap(),
                    () = ended.notified() => break,
                };
                let verb = message.subject.as_str().splitn(4, '.').last().unwrap().to_owned();
                let answer = match verb.as_str() {
                    "heartbeat" => heartbeat.clone(),
                    verb => asked_state.lock().unwrap().asked(verb, &message.payload),
                };
                client.publish(message.reply.unwrap(), answer.to_string().into()).await.unwrap();
            }
            asked.unsubscribe().await.unwrap();
            // The server takes requests of one connection in order: after this one, nobody answers for the host.
            client.request("nobody", "".into()).await.unwrap_err();
        });
        CloudHost { http: format!("http://127.0.0.1:{port}"), state, beats, answers, ending }
    }

    /// Ends it, as a host that is killed.
    pub(crate) async fn end(self) {
        self.beats.abort();
        self.ending.notify_one();
        self.answers.await.unwrap();
    }

    pub(crate) fn workloads(&self) -> Vec<String> {
        self.state.lock().unwrap().workloads.keys().cloned().collect()
    }

    pub(crate) fn starts(&self) -> u32 {
        self.state.lock().unwrap().starts
    }

    /// Serves something that is not ours at this name.
    pub(crate) fn occupy(&self, route: &str) {
        let start = json!({ "workloadId": "theirs", "workload": { "namespace": "default", "name": "theirs", "annotations": {},
            "witWorld": { "components": [{ "name": "c", "image": "a@sha256:b", "imagePullPolicy": "IMAGE_PULL_POLICY_IF_NOT_PRESENT",
                "localResources": { "environment": {}, "config": {}, "allowedHosts": [] }, "poolSize": 0, "maxInvocations": 0 }],
            "hostInterfaces": [{ "namespace": "wasi", "package": "http", "interfaces": ["incoming-handler"], "version": "0.2.0",
                "config": { "host": route } }] }, "volumes": [] } });
        self.state.lock().unwrap().asked("workload.start", start.to_string().as_bytes());
    }
}

impl State {
    fn asked(&mut self, verb: &str, payload: &[u8]) -> Value {
        let told = |id: &str, state: &str, message: String| json!({ "workloadStatus": { "workloadId": id, "workloadState": format!("WORKLOAD_STATE_{state}"), "message": message } });
        if verb == "workload.start" {
            let start: Start = serde_json::from_slice(payload).unwrap();
            let (id, workload) = (start.workload_id.clone(), &start.workload);
            if self.workloads.contains_key(&id) || self.stopping.contains_key(&id) {
                let message = format!(
                    "Workload ID [{id}] already exists (the existing workload must be stopped to reuse the ID)"
                );
                return told(&id, "ERROR", message);
            }
            let (component, interface) = (&workload.wit_world.components[0], &workload.wit_world.host_interfaces[0]);
            assert!(component.image.contains("@sha256:"), "{}", component.image);
            assert_eq!(component.image_pull_policy, "IMAGE_PULL_POLICY_IF_NOT_PRESENT");
            assert_eq!((component.pool_size, component.max_invocations), (0, 0));
            assert!(!component.name.is_empty() && !workload.name.is_empty() && !workload.namespace.is_empty());
            assert!(component.local_resources.config.is_empty() && workload.volumes.is_empty());
            assert_eq!((interface.namespace.as_str(), interface.package.as_str()), ("wasi", "http"));
            assert_eq!(
                (interface.interfaces.as_slice(), interface.version.as_str()),
                (&["incoming-handler".to_owned()][..], "0.2.0")
            );
            if component.image.contains("broken") {
                return told(&id, "ERROR", "failed to pull image".to_owned());
            }
            self.starts += 1;
            self.workloads.insert(id.clone(), start);
            return told(&id, "RUNNING", "Workload started successfully".to_owned());
        }
        let about: About = serde_json::from_slice(payload).unwrap();
        let id = about.workload_id;
        if verb == "workload.stop" && self.workloads.remove(&id).is_some() {
            self.stopping.insert(id.clone(), 2);
            return told(&id, "STOPPING", "Workload stopped successfully".to_owned());
        }
        if let Some(left) = self.stopping.get_mut(&id) {
            *left -= 1;
            if *left == 0 {
                self.stopping.remove(&id);
            }
            return told(&id, "STOPPING", String::new());
        }
        match self.workloads.contains_key(&id) {
            true => told(&id, "RUNNING", String::new()),
            false => told(&id, "NOT_FOUND", format!("Workload not found: {id}")),
        }
    }
}

fn answer(stream: &mut TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|&bytes| bytes > 0)?;
    let (mut length, mut host) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(bytes) = line.strip_prefix("content-length:") {
            length = bytes.trim().parse().unwrap();
        }
        if let Some(name) = line.strip_prefix("host:") {
            host = name.trim().split(':').next().unwrap().to_owned();
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    let mut state = state.lock().unwrap();
    state.requests += 1;
    let number = state.requests;
    let routed =
        state.workloads.values().find(|start| start.workload.wit_world.host_interfaces[0].config["host"] == host);
    let (status, identity, said) = match routed {
        None => (404, String::new(), String::new()),
        Some(start) => {
            let component = &start.workload.wit_world.components[0];
            let said = json!({ "image": component.image, "environment": component.local_resources.environment,
                "annotations": start.workload.annotations, "allowed": component.local_resources.allowed_hosts });
            let identity = format!("x-instance-id: i{number}\r\nx-instance-seq: 0\r\nx-instance-uptime-us: 0\r\n");
            (200, identity, said.to_string())
        }
    };
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{identity}\r\n", said.len());
    stream.write_all((head + &said).as_bytes()).ok()
}
