//! A server like Fn's: its paths, its statuses, what it drops and what it keeps too long.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::agent::{Agent, Called};
use crate::store::{Refusal, Store};

/// What a test makes the server do instead.
#[derive(Clone)]
pub(crate) struct Fault {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) status: u16,
}

struct State {
    store: Store,
    agent: Agent,
    faults: Vec<Fault>,
    /// Method and path of every request.
    requests: Vec<String>,
    /// What was sent as `Authorization`.
    authorizations: Vec<String>,
}

/// A running server; it ends with this.
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
    pub(crate) async fn start(stale: Duration) -> Emulator {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            store: Store::default(),
            agent: Agent::new(stale),
            faults: Vec::new(),
            requests: Vec::new(),
            authorizations: Vec::new(),
        }));
        let (served, base) = (state.clone(), endpoint.clone());
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (state, base) = (served.clone(), base.clone());
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(request, &state, &base));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Emulator { endpoint, state, task }
    }

    /// The server fails from now on where it is said.
    pub(crate) fn fail(&self, method: Method, path: &'static str, status: u16) {
        self.state.lock().unwrap().faults.push(Fault { method, path, status });
    }

    pub(crate) fn heal(&self) {
        self.state.lock().unwrap().faults.clear();
    }

    /// Something that somebody else made.
    pub(crate) fn create(&self, kind: &str, body: &Value) -> Value {
        self.state.lock().unwrap().store.create(kind, body).unwrap()
    }

    /// All names of a kind.
    pub(crate) fn names(&self, kind: &str) -> Vec<String> {
        let all = self.state.lock().unwrap().store.all(kind);
        all.iter().map(|thing| thing["name"].as_str().unwrap().to_owned()).collect()
    }

    /// The requests since the last time.
    pub(crate) fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().requests)
    }

    pub(crate) fn authorizations(&self) -> Vec<String> {
        self.state.lock().unwrap().authorizations.clone()
    }
}

async fn answer(
    request: Request<Incoming>,
    state: &Mutex<State>,
    base: &str,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let mut state = state.lock().unwrap();
    let path = parts.uri.path().to_owned();
    state.requests.push(format!("{} {}", parts.method, parts.uri));
    if let Some(value) = parts.headers.get("authorization") {
        state.authorizations.push(value.to_str().unwrap().to_owned());
    }
    let fault = |fault: &&Fault| fault.method == parts.method && path.starts_with(fault.path);
    if let Some(status) = state.faults.iter().find(fault).map(|fault| fault.status) {
        return Ok(response(status, &json!({ "message": "internal server error" })));
    }
    let segments: Vec<_> = path.trim_matches('/').split('/').collect();
    let query = query(parts.uri.query().unwrap_or_default());
    let state = &mut *state;
    let answered = match (&parts.method, segments.as_slice()) {
        (&Method::GET, ["version"]) => Ok(response(200, &json!({ "version": "0.3.753" }))),
        (&Method::GET, ["metrics"]) => Ok(Response::new(Full::from(state.agent.metrics()))),
        (&Method::POST, ["invoke", id]) => invoke(state, id, &parts.headers, &body),
        (_, ["t", app, source @ ..]) => trigger(state, app, &format!("/{}", source.join("/")), &body),
        (method, ["v2", kind @ ("apps" | "fns" | "triggers"), rest @ ..]) => {
            administer(&mut state.store, (method, *kind, rest), &query, &body, base)
        }
        _ => Err((404, "Path not found")),
    };
    Ok(answered.unwrap_or_else(|(status, message)| response(status, &json!({ "message": message }))))
}

fn administer(
    store: &mut Store,
    (method, kind, rest): (&Method, &str, &[&str]),
    query: &BTreeMap<String, String>,
    body: &[u8],
    base: &str,
) -> Result<Response<Full<Bytes>>, Refusal> {
    let json = || serde_json::from_slice::<Value>(body).map_err(|_| (400, "Invalid JSON"));
    let found = match (method, rest) {
        (&Method::GET, []) => {
            let mut page = store.page(kind, query)?;
            for thing in page["items"].as_array_mut().into_iter().flatten() {
                annotate(kind, thing, store, base);
            }
            page
        }
        (&Method::POST, []) => {
            let mut thing = store.create(kind, &json()?)?;
            annotate(kind, &mut thing, store, base);
            thing
        }
        (&Method::GET, [id]) => {
            let mut thing = store.get(kind, id).cloned().ok_or((404, "not found"))?;
            annotate(kind, &mut thing, store, base);
            thing
        }
        // What an update answers does not say where it is invoked.
        (&Method::PUT, [id]) => store.update(kind, id, &json()?)?,
        (&Method::DELETE, [id]) => {
            store.delete(kind, id)?;
            return Ok(Response::builder().status(204).body(Full::default()).unwrap());
        }
        _ => return Err((405, "Method not allowed")),
    };
    Ok(response(200, &found))
}

fn annotate(kind: &str, thing: &mut Value, store: &Store, base: &str) {
    let id = thing["id"].as_str().unwrap().to_owned();
    let (name, value) = match kind {
        "fns" => ("fnproject.io/fn/invokeEndpoint", format!("{base}/invoke/{id}")),
        "triggers" => {
            let app = store.get("apps", thing["app_id"].as_str().unwrap()).unwrap();
            let address = format!("{base}/t/{}{}", app["name"].as_str().unwrap(), thing["source"].as_str().unwrap());
            ("fnproject.io/trigger/httpEndpoint", address)
        }
        _ => return,
    };
    if !thing["annotations"].is_object() {
        thing["annotations"] = json!({});
    }
    thing["annotations"][name] = value.into();
}

fn invoke(
    state: &mut State,
    id: &str,
    headers: &hyper::HeaderMap,
    body: &[u8],
) -> Result<Response<Full<Bytes>>, Refusal> {
    let Called { headers: own, body } = state.agent.call(&state.store, id, &String::from_utf8_lossy(body))?;
    if headers.get("fn-invoke-type").is_some_and(|kind| kind == "detached") {
        return Ok(Response::builder().status(202).header("Fn-Call-Id", CALL).body(Full::default()).unwrap());
    }
    Ok(function_response(own, body))
}

/// The name of every call.
const CALL: &str = "01TESTCALL0000000000000000";

/// A trigger: only headers with the prefix pass, without it.
fn trigger(state: &mut State, app: &str, source: &str, body: &[u8]) -> Result<Response<Full<Bytes>>, Refusal> {
    let all = |kind: &str| state.store.all(kind);
    let app = all("apps").into_iter().find(|found| found["name"] == app).ok_or((404, "App not found"))?;
    let is_it = |found: &Value| found["app_id"] == app["id"] && found["source"] == source;
    let trigger = all("triggers").into_iter().find(is_it).ok_or((404, "Trigger not found"))?;
    let function = trigger["fn_id"].as_str().unwrap();
    let called = state.agent.call(&state.store, function, &String::from_utf8_lossy(body))?;
    let passed = called.headers.into_iter().filter(|(name, _)| name.starts_with("Fn-Http-H-")).collect();
    Ok(function_response(passed, called.body))
}

fn function_response(headers: Vec<(String, String)>, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::builder()
        .header("Content-Type", "application/json")
        .header("Fn-Call-Id", CALL)
        .body(Full::from(body))
        .unwrap();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        response.headers_mut().insert(name, HeaderValue::from_str(&value).unwrap());
    }
    response
}

fn response(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let builder = Response::builder().status(status).header("Content-Type", "application/json; charset=utf-8");
    builder.body(Full::from(body.to_string())).unwrap()
}

fn query(text: &str) -> BTreeMap<String, String> {
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    text.split('&').filter_map(pair).collect()
}
