//! The emulator's gateway: HTTP before what it keeps.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::emulator::{Edition, OpenFaas, Said};

/// `admin:sesame-4711`
const CREDENTIALS: &str = "Basic YWRtaW46c2VzYW1lLTQ3MTE=";

/// A request that was made.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

pub(crate) struct State {
    pub(crate) openfaas: Mutex<OpenFaas>,
    pub(crate) made: Mutex<Vec<Made>>,
    /// Without Prometheus the gateway's list of functions panics.
    pub(crate) has_prometheus: AtomicBool,
    /// Whether there are NATS and a queue worker.
    pub(crate) has_queue: AtomicBool,
}

/// A gateway on a port of its own; it ends with this value.
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    pub(crate) state: Arc<State>,
    task: JoinHandle<()>,
}

impl Gateway {
    pub(crate) async fn start(edition: Edition) -> Gateway {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            openfaas: Mutex::new(OpenFaas::new(edition)),
            made: Mutex::default(),
            has_prometheus: AtomicBool::new(true),
            has_queue: AtomicBool::new(true),
        });
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = shared.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(state.clone(), request));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Gateway { address, state, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests of that method and path that were made.
    pub(crate) fn made(&self, method: &str, path: &str) -> Vec<Made> {
        let made = self.state.made.lock().unwrap();
        made.iter().filter(|made| made.method == method && made.path == path).cloned().collect()
    }

    /// The last body of that method.
    pub(crate) fn last(&self, method: &str) -> Value {
        serde_json::from_str(&self.made(method, "/system/functions").last().unwrap().body).unwrap()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An error ends the connection, as a panic of the gateway does.
async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let (method, path) = (head.method.as_str().to_owned(), head.uri.path().to_owned());
    let query = head.uri.query().unwrap_or_default().to_owned();
    let text = String::from_utf8_lossy(&body).into_owned();
    let made = Made { method: method.clone(), path: path.clone(), headers: head.headers.clone(), body: text.clone() };
    state.made.lock().unwrap().push(made);
    if path.starts_with("/system/") && head.headers.get("authorization").is_none_or(|value| value != CREDENTIALS) {
        return Ok(respond(Said::new(401, "invalid credentials")));
    }
    let said = match (method.as_str(), path.as_str()) {
        ("POST", "/system/functions") => state.openfaas.lock().unwrap().deploy(&body, false),
        ("PUT", "/system/functions") => state.openfaas.lock().unwrap().deploy(&body, true),
        ("DELETE", "/system/functions") => state.openfaas.lock().unwrap().delete(&body),
        ("GET", "/system/functions") => {
            if !state.has_prometheus.load(Ordering::Relaxed) {
                return Err(std::io::Error::other("panic"));
            }
            let mut openfaas = state.openfaas.lock().unwrap();
            let names: Vec<_> = openfaas.functions.keys().cloned().collect();
            let mut all: Vec<_> = names.iter().filter_map(|name| openfaas.status(name)).collect();
            all.iter_mut().for_each(|function| function["invocationCount"] = 3.into());
            Said::new(200, Value::from(all).to_string())
        }
        ("GET", "/system/info") => {
            let (provider, orchestration) = match state.openfaas.lock().unwrap().edition {
                Edition::Faasd => ("faasd", "containerd"),
                Edition::Community => ("faas-netes-ce", "kubernetes"),
                Edition::Standard => ("faas-netes", "kubernetes"),
            };
            let version = serde_json::json!({ "release": "0.27.14", "sha": "8d803bf" });
            let provider =
                serde_json::json!({ "provider": provider, "orchestration": orchestration, "version": version });
            Said::new(
                200,
                serde_json::json!({ "provider": provider, "version": version, "arch": "x86_64" }).to_string(),
            )
        }
        ("GET", "/system/logs") => logs(&query),
        ("GET", _) if path.starts_with("/system/function/") => {
            let status = state.openfaas.lock().unwrap().status(path.trim_start_matches("/system/function/"));
            match status {
                Some(mut status) => {
                    if query.contains("usage=1") {
                        status["usage"] = serde_json::json!({ "cpu": 12.5, "totalMemoryBytes": 4_194_304 });
                    }
                    Said::new(200, status.to_string())
                }
                None => Said::new(404, ""),
            }
        }
        ("POST", _) if path.starts_with("/system/scale-function/") => {
            let name = path.trim_start_matches("/system/scale-function/");
            state.openfaas.lock().unwrap().scale(name, &body)
        }
        _ if path.starts_with("/function/") => call(&state, &head.headers, &method, &path, &text).await,
        ("POST", _) if path.starts_with("/async-function/") && state.has_queue.load(Ordering::Relaxed) => {
            tokio::spawn(work(
                state.clone(),
                head.headers.clone(),
                path.replace("/async-function/", "/function/"),
                text,
            ));
            Said::new(202, "")
        }
        _ => Said::new(404, "404 page not found"),
    };
    Ok(respond(said))
}

/// A call through the gateway.
async fn call(state: &State, headers: &HeaderMap, method: &str, path: &str, body: &str) -> Said {
    let rest = path.trim_start_matches("/function/");
    let (name, path) = rest.split_once('/').map_or((rest, "/".to_owned()), |(name, rest)| (name, format!("/{rest}")));
    let name = name.strip_suffix(".openfaas-fn").unwrap_or(name);
    state.openfaas.lock().unwrap().start_from_zero(name);
    let mut said = state.openfaas.lock().unwrap().serve(name, &path, method, body);
    // Scaling from zero: it waits until an instance is there.
    while said.status == 503 && state.openfaas.lock().unwrap().edition == Edition::Standard {
        tokio::time::sleep(Duration::from_millis(10)).await;
        said = state.openfaas.lock().unwrap().serve(name, &path, method, body);
    }
    // A name that the caller gave is not told again.
    if !headers.contains_key("x-call-id") {
        said.headers.push(("x-call-id", "785d6c52-492f-41e0-95f1-284d72666cbe".to_owned()));
    }
    said.headers.push(("x-start-time", "1795911013613888068".to_owned()));
    said.headers.push(("x-served-by", "openfaas-ce/0.27.14".to_owned()));
    said
}

/// The queue worker: calls the function, and sends its answer on.
async fn work(state: Arc<State>, headers: HeaderMap, path: String, body: String) {
    let said = call(&state, &headers, "POST", &path, &body).await;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(url) = text("x-callback-url") else { return };
    let client = remote_platform::Api::new("callback", url, None).unwrap();
    let mut sent = HeaderMap::new();
    sent.insert("x-call-id", text("x-call-id").unwrap().parse().unwrap());
    sent.insert("x-function-name", "f".parse().unwrap());
    sent.insert("x-function-status", said.status.to_string().parse().unwrap());
    sent.insert("x-duration-seconds", "0.002300".parse().unwrap());
    for (name, value) in said.headers.iter().filter(|(name, _)| name.starts_with("x-instance")) {
        sent.insert(*name, value.parse().unwrap());
    }
    client.invoke("callback", url, sent, said.body.into(), false, Duration::from_secs(5)).await.unwrap();
}

fn logs(query: &str) -> Said {
    if !query.contains("name=f") || !query.contains("since=20") {
        return Said::new(400, "name and since are needed");
    }
    let line = |instance: &str, time: &str, text: &str| {
        let line = serde_json::json!({
            "name": "f", "namespace": "openfaas-fn", "instance": instance, "timestamp": time, "text": text,
        });
        format!("{line}\n")
    };
    Said::new(200, line("b", "2026-11-28T10:00:02Z", "second") + &line("a", "2026-11-28T10:00:01Z", "first"))
}

fn respond(said: Said) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(said.status);
    for (name, value) in said.headers {
        response = response.header(name, value);
    }
    response.body(Full::new(said.body.into())).unwrap()
}
