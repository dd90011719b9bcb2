//! A dashboard like Nuclio's 1.3.21, its local platform or, with replicas that are replaced one after another, Kubernetes: its
//! paths, statuses, headers and states. What it answers was compared with the real one.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How long a function is in the state `building`.
pub(crate) const BUILDING: Duration = Duration::from_millis(300);
/// How long the replicas from before an update stay on Kubernetes after the new ones are ready.
pub(crate) const LINGERING: Duration = Duration::from_millis(600);

type Refusal = (u16, &'static str);

struct Deployed {
    metadata: Value,
    spec: Value,
    since: Instant,
    /// The running replica: its name and its calls.
    replica: (String, u64),
    old_replica: Option<(String, u64)>,
    is_deleted: Option<Instant>,
}

#[derive(Default)]
struct State {
    projects: BTreeMap<String, Value>,
    functions: BTreeMap<String, Deployed>,
    is_kubernetes: bool,
    faults: Vec<(Method, &'static str, u16)>,
    requests: Vec<String>,
    last: u64,
    port: u16,
    /// Of custom resources: each change of anything is another.
    version: u64,
    /// How many updates of custom resources others come before.
    conflicts: u32,
}

/// A running dashboard; it ends with this. Functions' own ports are all the dashboard's.
pub(crate) struct Emulator {
    pub(crate) endpoint: String,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Emulator {
    pub(crate) async fn start(is_kubernetes: bool) -> Emulator {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut state = State { is_kubernetes, port: address.port(), ..State::default() };
        state
            .projects
            .insert("default".to_owned(), json!({ "metadata": { "name": "default", "namespace": "nuclio" } }));
        let state = Arc::new(Mutex::new(state));
        let served = state.clone();
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let state = served.clone();
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(request, &state));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Emulator { endpoint: format!("http://{address}"), state, task }
    }

    pub(crate) fn fail(&self, method: Method, path: &'static str, status: u16) {
        self.state.lock().unwrap().faults.push((method, path, status));
    }

    /// Others change an object before so many updates.
    pub(crate) fn conflict(&self, times: u32) {
        self.state.lock().unwrap().conflicts = times;
    }

    pub(crate) fn heal(&self) {
        self.state.lock().unwrap().faults.clear();
    }

    /// Something that somebody else made.
    pub(crate) fn create_function(&self, body: &Value) {
        self.state.lock().unwrap().create(body).unwrap();
    }

    pub(crate) fn function(&self, name: &str) -> Option<Value> {
        Some(self.state.lock().unwrap().functions.get(name)?.spec.clone())
    }

    pub(crate) fn functions(&self) -> Vec<String> {
        self.state.lock().unwrap().functions.keys().cloned().collect()
    }

    pub(crate) fn projects(&self) -> Vec<String> {
        self.state.lock().unwrap().projects.keys().cloned().collect()
    }

    pub(crate) fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().requests)
    }
}

impl State {
    fn replica(&mut self) -> (String, u64) {
        self.last += 1;
        (format!("replica-{}", self.last), 0)
    }

    fn create(&mut self, body: &Value) -> Result<(), Refusal> {
        let name = checked(body)?;
        if self.functions.contains_key(name) {
            return Err((409, "Cannot create two functions with the same name"));
        }
        let replica = self.replica();
        let deployed = Deployed {
            metadata: body["metadata"].clone(),
            spec: self.with_registry(&body["spec"]),
            since: Instant::now(),
            replica,
            old_replica: None,
            is_deleted: None,
        };
        self.functions.insert(name.to_owned(), deployed);
        Ok(())
    }

    fn update(&mut self, body: &Value) -> Result<(), Refusal> {
        let name = checked(body)?;
        let replica = self.replica();
        let is_kubernetes = self.is_kubernetes;
        let spec = self.with_registry(&body["spec"]);
        let function = self.functions.get_mut(name).ok_or((404, "Cannot update non existing function"))?;
        let old = std::mem::replace(&mut function.replica, replica);
        // The local platform removes the old container before it accepts.
        function.old_replica = is_kubernetes.then_some(old);
        function.metadata = body["metadata"].clone();
        function.spec = spec;
        function.since = Instant::now();
        Ok(())
    }

    /// On Kubernetes the registry that the dashboard was set up with is put before an image that is of none.
    fn with_registry(&self, spec: &Value) -> Value {
        let mut spec = spec.clone();
        let image = spec["image"].as_str().unwrap();
        let registry = spec["runRegistry"].as_str().unwrap_or("the.dashboards.own/registry");
        if self.is_kubernetes && !image.starts_with(&format!("{registry}/")) {
            spec["image"] = format!("{registry}/{image}").into();
        }
        spec
    }

    /// A call: the event comes to a replica, an old one as long as there is one.
    fn call(&mut self, name: &str) -> Result<Response<Full<Bytes>>, Refusal> {
        let function = self.functions.get_mut(name).ok_or((500, "Failed to invoke function"))?;
        let is_old = function.old_replica.is_some() && function.since.elapsed() < BUILDING + LINGERING;
        if !is_old && function.since.elapsed() < BUILDING {
            return Err((500, "Failed to invoke function"));
        }
        let replica = match &mut function.old_replica {
            Some(old) if is_old => old,
            _ => &mut function.replica,
        };
        replica.1 += 1;
        let body =
            json!({ "replica": replica.0, "image": function.spec["image"], "environment": function.spec["env"] });
        let mut response = response(200, &body);
        let headers = [
            ("x-instance-id", replica.0.clone()),
            ("x-instance-seq", (replica.1 - 1).to_string()),
            ("x-instance-uptime-us", "1".to_owned()),
        ];
        for (name, value) in headers {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_str(&value).unwrap());
        }
        Ok(response)
    }

    fn shown(&self, function: &Deployed) -> Value {
        let image = function.spec["image"].as_str().unwrap();
        let status = if function.since.elapsed() < BUILDING {
            json!({ "state": "building", "logs": [{ "level": "info", "message": "Deploying function" }] })
        } else if image.contains("broken") {
            let message = "\nError - Function wasn't ready in time. Logs:\nno such luck\n    .../platform.go:576\n";
            // As the processor does, which logs its configuration.
            let environment = function.spec["env"].to_string();
            json!({
                "state": "error",
                "message": format!("{message}{environment}\n"),
                "logs": [{ "message": "Function wasn't ready" }, { "message": environment }],
            })
        } else {
            json!({ "state": "ready", "httpPort": self.port })
        };
        json!({ "metadata": function.metadata, "spec": function.spec, "status": status })
    }
}

fn checked(body: &Value) -> Result<&str, Refusal> {
    let name = body["metadata"]["name"].as_str().filter(|name| !name.is_empty());
    let name = name.ok_or((400, "Function name must be provided in metadata"))?;
    let spec = &body["spec"];
    if spec["build"]["codeEntryType"] != "image" || spec["image"].as_str().is_none_or(str::is_empty) {
        return Err((500, "Failed to build: there is no source"));
    }
    if spec["handler"] != "fn:handler" || spec["runtime"] != "nodejs" {
        return Err((500, "Create function options validation failed"));
    }
    let is_text = |variable: &Value| variable["name"].is_string() && variable["value"].is_string();
    if !spec["env"].as_array().is_some_and(|variables| variables.iter().all(is_text)) {
        return Err((400, "Failed to parse JSON body"));
    }
    let (minimum, maximum) = (&spec["minReplicas"], &spec["maxReplicas"]);
    if minimum.as_u64() > maximum.as_u64() {
        return Err((500, "Min replicas must be less than or equal to max replicas"));
    }
    Ok(name)
}

async fn answer(request: Request<Incoming>, state: &Mutex<State>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let mut state = state.lock().unwrap();
    let path = parts.uri.path().to_owned();
    state.requests.push(format!("{} {path}", parts.method));
    let is_fault = |(method, prefix, _): &&(Method, &str, u16)| *method == parts.method && path.starts_with(prefix);
    if let Some((_, _, status)) = state.faults.iter().find(is_fault) {
        return Ok(response(*status, &json!({ "error": "it was told to fail" })));
    }
    // What was deleted goes a moment later.
    state.functions.retain(|_, function| function.is_deleted.is_none_or(|at| at.elapsed() < BUILDING));
    let answered = route(&mut state, &parts.method, &path, &parts.headers, &body);
    Ok(answered.unwrap_or_else(|(status, message)| {
        response(status, &json!({ "error": message, "errorStackTrace": format!("\nError - {message}\n") }))
    }))
}

fn route(
    state: &mut State,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response<Full<Bytes>>, Refusal> {
    let json = || serde_json::from_slice::<Value>(body).map_err(|_| (400, "Failed to parse JSON body"));
    let segments: Vec<_> = path.trim_matches('/').split('/').collect();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (method, segments.as_slice()) {
        (_, ["api", "functions", ..]) if header("x-nuclio-function-namespace") != Some("nuclio") => {
            Err((400, "Namespace must exist"))
        }
        (_, ["api", "projects", ..]) if header("x-nuclio-project-namespace") != Some("nuclio") => {
            Err((400, "Project namespace must exist"))
        }
        // A dashboard that was built by hand has no such file.
        (&Method::GET, ["api", "versions"]) => Err((500, "open /etc/nuclio/version_info.json: no such file")),
        (&Method::GET, ["api", "functions"]) => {
            let shown = |(name, function): (&String, &Deployed)| (name.clone(), state.shown(function));
            Ok(response(200, &Value::Object(state.functions.iter().map(shown).collect())))
        }
        (&Method::GET, ["api", "functions", name]) => {
            let function = state.functions.get(*name).ok_or((404, "Function not found"))?;
            Ok(response(200, &state.shown(function)))
        }
        (&Method::GET, ["api", "functions", name, "replicas"]) if state.is_kubernetes => {
            let function = state.functions.get(*name).ok_or((404, "Function not found"))?;
            Ok(response(200, &json!({ "replicas": { "names": replicas(function) } })))
        }
        (&Method::POST, ["api", "functions"]) => state.create(&json()?).map(|()| empty(202)),
        (&Method::PUT, ["api", "functions", _]) => state.update(&json()?).map(|()| empty(202)),
        (&Method::DELETE, ["api", "functions"]) => {
            let body = json()?;
            let name = body["metadata"]["name"].as_str().unwrap_or_default();
            state.functions.get_mut(name).ok_or((404, ""))?.is_deleted = Some(Instant::now());
            Ok(empty(204))
        }
        (&Method::GET, ["api", "projects"]) => Ok(response(200, &json!(state.projects))),
        (&Method::GET, ["api", "projects", name]) => {
            Ok(response(200, state.projects.get(*name).ok_or((404, "Project not found"))?))
        }
        (&Method::POST, ["api", "projects"]) => {
            let body = json()?;
            let name = body["metadata"]["name"].as_str().ok_or((400, "Project name must be provided in metadata"))?;
            state.projects.insert(name.to_owned(), body.clone());
            Ok(response(201, &body))
        }
        (&Method::DELETE, ["api", "projects"]) => {
            let body = json()?;
            let name = body["metadata"]["name"].as_str().unwrap_or_default();
            if state.functions.values().any(|function| function.metadata["labels"]["nuclio.io/project-name"] == name) {
                return Err((412, "Project contains functions"));
            }
            state.projects.remove(name).ok_or((404, "Project not found"))?;
            Ok(empty(204))
        }
        (_, ["api", "function_invocations"]) => {
            let name = header("x-nuclio-function-name").ok_or((400, "Function name must be provided"))?;
            state.call(name)
        }
        (_, ["apis", "nuclio.io", "v1beta1", "namespaces", "nuclio", rest @ ..]) if state.is_kubernetes => {
            resource(state, method, rest, body)
        }
        (&Method::GET, ["api", "v1", "namespaces", "nuclio", "pods"]) if state.is_kubernetes => {
            let pod = |name: &String| json!({ "metadata": { "name": name } });
            let pods: Vec<_> = state.functions.values().flat_map(replicas).map(|name| pod(&name)).collect();
            Ok(response(200, &json!({ "kind": "PodList", "items": pods })))
        }
        (&Method::GET, ["version"]) => Ok(response(200, &json!({ "gitVersion": "v1.31.0" }))),
        // A function's own port: the emulator has one for all, and its name is nowhere but in the test.
        (&Method::POST, [""]) => {
            let name = state.functions.keys().next().cloned().ok_or((500, "no function"))?;
            state.call(&name)
        }
        _ => Err((404, "Path not found")),
    }
}

fn replicas(function: &Deployed) -> Vec<String> {
    let mut names = vec![function.replica.0.clone()];
    let is_old = function.since.elapsed() < BUILDING + LINGERING;
    names.extend(function.old_replica.iter().filter(|_| is_old).map(|(name, _)| name.clone()));
    names
}

/// Nuclio's custom resources as a Kubernetes API server has them, and Nuclio's controller, which takes up what waits for it.
fn resource(state: &mut State, method: &Method, path: &[&str], body: &[u8]) -> Result<Response<Full<Bytes>>, Refusal> {
    let json =
        || serde_json::from_slice::<Value>(body).map_err(|_| (400, "the body of the request was in an unknown format"));
    let checked = |kind: &str| {
        let object = json()?;
        let is_right = object["apiVersion"] == "nuclio.io/v1beta1" && object["kind"] == kind;
        if !is_right || (kind == "NuclioFunction" && object["status"]["state"] != "waitingForResourceConfiguration") {
            return Err((422, "the object is not what Nuclio's controller would take up"));
        }
        Ok(object)
    };
    let versioned = |mut object: Value, version: u64| {
        object["metadata"]["resourceVersion"] = version.to_string().into();
        object
    };
    match (method, path) {
        (&Method::GET, ["nucliofunctions"]) => {
            let items: Vec<_> = state.functions.values().map(|function| state.shown(function)).collect();
            Ok(response(200, &json!({ "kind": "NuclioFunctionList", "items": items })))
        }
        (&Method::GET, ["nucliofunctions", name]) => {
            let function = state.functions.get(*name).ok_or((404, "not found"))?;
            Ok(response(200, &versioned(state.shown(function), state.version)))
        }
        (&Method::POST, ["nucliofunctions"]) => {
            state.create(&checked("NuclioFunction")?)?;
            state.version += 1;
            Ok(response(201, &json()?))
        }
        (&Method::PUT, ["nucliofunctions", _]) => {
            let object = checked("NuclioFunction")?;
            if state.conflicts > 0 {
                state.conflicts -= 1;
                state.version += 1;
            }
            if object["metadata"]["resourceVersion"] != *state.version.to_string() {
                return Err((409, "the object has been modified"));
            }
            state.update(&object)?;
            state.version += 1;
            Ok(response(200, &object))
        }
        (&Method::DELETE, ["nucliofunctions", name]) => {
            state.functions.get_mut(*name).ok_or((404, "not found"))?.is_deleted = Some(Instant::now());
            Ok(response(200, &json!({ "status": "Success" })))
        }
        (&Method::GET, ["nuclioprojects"]) => {
            let items: Vec<_> = state.projects.values().cloned().collect();
            Ok(response(200, &json!({ "kind": "NuclioProjectList", "items": items })))
        }
        (&Method::GET, ["nuclioprojects", name]) => {
            Ok(response(200, state.projects.get(*name).ok_or((404, "not found"))?))
        }
        (&Method::POST, ["nuclioprojects"]) => {
            let object = checked("NuclioProject")?;
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            if state.projects.contains_key(&name) {
                return Err((409, "already exists"));
            }
            state.projects.insert(name, object.clone());
            Ok(response(201, &object))
        }
        (&Method::DELETE, ["nuclioprojects", name]) => {
            state.projects.remove(*name).ok_or((404, "not found"))?;
            Ok(response(200, &json!({ "status": "Success" })))
        }
        _ => Err((404, "404 page not found")),
    }
}

fn empty(status: u16) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::default()).unwrap()
}

fn response(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let builder = Response::builder().status(status).header("Content-Type", "application/json");
    builder.body(Full::from(body.to_string())).unwrap()
}
