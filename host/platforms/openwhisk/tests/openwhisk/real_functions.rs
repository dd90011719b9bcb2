//! Real functions behind the deployer: the emulated invoker starts the native binary for each revision of an action, and speaks
//! `/init` and `/run` with it. Functions call each other through the emulated controller. Where `OPENWHISK_TEST_PROXY` is the address
//! of an ActionLoop proxy that has initialised nothing yet, an archive is run by that.

use std::collections::HashMap;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use emulation::{PretendedRegistry, Request, Response, Server, connection, image, spec};
use image_kind::ImageKind;
use platform::{Deployment, Invocation, MemoryLedger, Platform};
use remote_platform::header::HeaderMap;
use remote_platform::{Api, Connection};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use crate::emulator::{BASIC, variables};

/// A controller and an invoker that run binaries.
struct Invoker {
    binaries: PathBuf,
    /// In place of containers.
    proxy: Option<String>,
    actions: Mutex<HashMap<String, Value>>,
    containers: Mutex<HashMap<String, Arc<Container>>>,
}

struct Container {
    api: Api,
    _process: Option<Child>,
}

impl Invoker {
    async fn answer(self: Arc<Invoker>, request: Request) -> Response {
        let missing = || Response::json(404, &json!({ "error": "The requested resource does not exist." }));
        if request.header("authorization") != Some(BASIC) {
            return Response::json(401, &json!({ "error": "The supplied authentication is invalid" }));
        }
        let (method, path) = request.asks();
        if path == ["api", "v1", "namespaces"] {
            return Response::json(200, &json!(["guest"]));
        }
        let ["api", "v1", "namespaces", "_", "actions", name] = path[..] else { return missing() };
        match method {
            "GET" => self.actions.lock().await.get(name).map_or_else(missing, |action| Response::json(200, action)),
            "PUT" => {
                let mut actions = self.actions.lock().await;
                let action = actions.entry(name.to_owned()).or_insert_with(|| json!({ "revision": 0 }));
                for (field, value) in request.json().as_object().unwrap() {
                    action[field] = value.clone();
                }
                let revision = action["revision"].as_u64().unwrap() + 1;
                action["revision"] = json!(revision);
                action["version"] = json!(format!("0.0.{revision}"));
                action["namespace"] = json!("guest");
                // No container of an old revision serves the new one.
                self.containers.lock().await.remove(name);
                Response::json(200, action)
            }
            "DELETE" => {
                self.actions.lock().await.remove(name).map_or_else(missing, |action| Response::json(200, &action))
            }
            _ => self.activate(name, &request).await.unwrap_or_else(missing),
        }
    }

    async fn activate(&self, name: &str, request: &Request) -> Option<Response> {
        let action = self.actions.lock().await.get(name)?.clone();
        let (container, is_new) = self.container(name, &action).await;
        let body = json!({ "value": request.json(), "namespace": "guest", "action_name": format!("/guest/{name}"),
            "activation_id": "a1", "transaction_id": "t", "deadline": "4102444800000" });
        let patience = Duration::from_secs(10);
        let address = container.api.address("/run");
        let body = body.to_string().into();
        let ran = container.api.invoke(name, &address, HeaderMap::new(), body, false, patience).await.unwrap();
        let result: Value = serde_json::from_slice(&ran.body).unwrap();
        let code = match (ran.status, result.get("error")) {
            (200, None) => 0,
            (200, Some(_)) => 1,
            _ => 2,
        };
        let status = if code == 0 { 200 } else { 502 };
        if request.query.get("result").is_some_and(|only| only == "true") {
            return Some(Response::json(status, &result));
        }
        let annotations = if is_new { json!([{ "key": "initTime", "value": 3 }]) } else { json!([]) };
        let record = json!({ "activationId": "a1", "name": name, "version": action["version"], "start": 1, "duration": 5,
            "response": { "statusCode": code, "result": result }, "logs": [], "annotations": annotations });
        Some(Response::json(status, &record))
    }

    async fn container(&self, name: &str, action: &Value) -> (Arc<Container>, bool) {
        let mut containers = self.containers.lock().await;
        if let Some(container) = containers.get(name) {
            return (container.clone(), false);
        }
        let (address, process) = match &self.proxy {
            Some(address) => (address.clone(), None),
            None => self.start(name),
        };
        let api = Api::new("openwhisk", &address, None).unwrap();
        let parameters = action["parameters"].as_array().unwrap().iter();
        let mut environment: serde_json::Map<String, Value> =
            parameters.map(|one| (one["key"].as_str().unwrap().to_owned(), one["value"].clone())).collect();
        environment.insert("__OW_ACTION_NAME".to_owned(), json!(format!("/guest/{name}")));
        let mut value = json!({ "name": name, "main": "main", "binary": false, "env": environment });
        if let Some(code) = action["exec"]["code"].as_str() {
            value["code"] = json!(code);
            value["binary"] = json!(true);
        }
        let init = json!({ "value": value }).to_string();
        let patience = Duration::from_secs(5);
        // As the invoker: every 50 ms until something listens.
        let status = loop {
            let address = api.address("/init");
            match api.invoke(name, &address, HeaderMap::new(), init.clone().into(), false, patience).await {
                Ok(answer) => break answer.status,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        assert_eq!(status, 200);
        let container = Arc::new(Container { api, _process: process });
        containers.insert(name.to_owned(), container.clone());
        (container, true)
    }

    /// Starts a container, as far as it is one: the address and the process.
    fn start(&self, name: &str) -> (String, Option<Child>) {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(self.binaries.join(name))
            .env_clear()
            .env("__OW_API_HOST", "http://127.0.0.1")
            .env("FAASBENCH_LISTEN", format!("127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        (format!("http://127.0.0.1:{port}"), Some(process))
    }
}

/// The native binaries: `OPENWHISK_TEST_IMAGES`, or where `cargo build --profile image` puts them.
fn binaries() -> Option<PathBuf> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/x86_64-unknown-linux-musl/image");
    let folder = std::env::var_os("OPENWHISK_TEST_IMAGES").map_or(built, PathBuf::from);
    let is_there = ["function1", "function2"].iter().all(|name| folder.join(name).is_file());
    if !is_there {
        eprintln!("skipped: no native binaries in {}; build them as runtimes/README.md says", folder.display());
    }
    is_there.then_some(folder)
}

async fn deployed(platform: &dyn Platform, name: &str) -> Deployment {
    let mut spec = spec(name, image(ImageKind::Oci, Path::new("/nowhere"), 1));
    spec.function = name.to_owned();
    let deployment = platform.deploy(&spec, &MemoryLedger::new()).await.unwrap();
    platform.wait_until_ready(&deployment, Duration::from_secs(10)).await.unwrap();
    deployment
}

#[tokio::test]
async fn real_functions_are_cold_once_and_call_each_other_with_the_key() {
    let Some(binaries) = binaries() else { return };
    let invoker = Arc::new(Invoker { binaries, proxy: None, actions: Mutex::default(), containers: Mutex::default() });
    let own = invoker.clone();
    let server = Server::start(move |request| own.clone().answer(request)).await.unwrap();
    let connection = connection("openwhisk", &server.url(), json!({ "kind": "blackbox", "nested-calls": "api" }));
    let connection = Connection { registry: Some(Arc::new(PretendedRegistry::new("r.test/lab"))), ..connection };
    let platform = openwhisk_platform::connect_with(connection, &variables).unwrap();
    let caller = deployed(&*platform, "function1").await;
    deployed(&*platform, "function2").await;

    let event = r#"{"invoke_nested":[{"function_name":"function2","invoke_payload":{}}]}"#;
    let answer = platform.invoke(&caller, &Invocation::new(event)).await.unwrap();
    let body: Value = serde_json::from_str(answer.response().unwrap()).unwrap();
    let records = body["records"].as_object().unwrap();
    let called = records.values().find(|record| record["function_name"] == "function2").unwrap();
    assert!(records.len() == 2 && called["level"] == 1 && called["platform"] == "openwhisk", "{body}");
    assert!(called["instance_identifier"].is_string(), "{called}");

    let warm = answer.instance.unwrap();
    platform.force_cold(&caller).await.unwrap();
    let cold = platform.invoke(&caller, &Invocation::new("{}")).await.unwrap();
    assert!(cold.timings.start_instance_ns.is_some());
    let cold = cold.instance.unwrap();
    assert!(cold.is_cold() && !warm.is_cold() && cold.id != warm.id);
    let refused = platform.invoke(&caller, &Invocation::new(r#"{"sleep":"long"}"#)).await.unwrap();
    assert_eq!((refused.status, refused.response().unwrap_err().kind.name()), (400, "bad-request"));
    platform.force_cold(&caller).await.unwrap();
    assert_eq!(invoker.containers.lock().await.len(), 1, "the caller's container has ended");
}

#[tokio::test]
async fn an_archive_is_run_by_a_real_proxy() {
    let Ok(proxy) = std::env::var("OPENWHISK_TEST_PROXY") else {
        eprintln!("skipped: OPENWHISK_TEST_PROXY names no ActionLoop proxy");
        return;
    };
    let Some(binaries) = binaries() else { return };
    let mut archive = tempfile::NamedTempFile::new().unwrap();
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file("exec", zip::write::SimpleFileOptions::default().unix_permissions(0o755)).unwrap();
    writer.write_all(&std::fs::read(binaries.join("function1")).unwrap()).unwrap();
    archive.write_all(&writer.finish().unwrap().into_inner()).unwrap();

    let invoker = Invoker { binaries, proxy: Some(proxy), actions: Mutex::default(), containers: Mutex::default() };
    let invoker = Arc::new(invoker);
    let server = Server::start(move |request| invoker.clone().answer(request)).await.unwrap();
    let connection = connection("openwhisk", &server.url(), json!({ "kind": "native", "nested-calls": "api" }));
    let platform = openwhisk_platform::connect_with(connection, &variables).unwrap();
    let mut spec = spec("function1", image(ImageKind::OpenWhiskZip, archive.path(), 1));
    spec.limits.memory_bytes = Some(256 << 20);
    let deployment = platform.deploy(&spec, &MemoryLedger::new()).await.unwrap();
    platform.wait_until_ready(&deployment, Duration::from_secs(10)).await.unwrap();
    let event = r#"{"invoke_nested":[{"function_name":"nobody","invoke_payload":{}}]}"#;
    let answer = platform.invoke(&deployment, &Invocation::new(event)).await.unwrap();
    let body = answer.response().unwrap().to_owned();
    assert_eq!(answer.instance.unwrap().invocation_index, 2, "the first was to see whether it is ready");
    // The variables have reached it: its limit, and the way to others, of whom there is none with that name.
    assert!(body.contains(r#""memory_limit_bytes":268435456"#), "{body}");
    assert!(body.contains("not-found") || body.contains("does not exist"), "{body}");
    let refused = platform.invoke(&deployment, &Invocation::new(r#"{"sleep":"long"}"#)).await.unwrap();
    assert_eq!((refused.status, refused.response().unwrap_err().kind.name()), (400, "bad-request"));
}
