//! A strict API server: it knows the requests that are made of it, and refuses all others. Beside it an ingress and a router.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::world::{START, World};

/// The kinds that it may have, and which product brings them.
const KINDS: [(&str, &str, &str); 9] = [
    ("v1/secrets", "Secret", ""),
    ("v1/services", "Service", ""),
    ("apps/v1/deployments", "Deployment", ""),
    ("serving.knative.dev/v1/services", "Service", "knative"),
    ("fission.io/v1/functions", "Function", "fission"),
    ("fission.io/v1/httptriggers", "HTTPTrigger", "fission"),
    ("core.projectriff.io/v1alpha1/deployers", "Deployer", "riff"),
    ("knative.projectriff.io/v1alpha1/deployers", "Deployer", "riff"),
    ("v1/configmaps", "ConfigMap", ""),
];

/// How it misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Fault {
    #[default]
    None,
    Silent,
    Forbidden,
    Html,
}

pub(crate) struct Emulator {
    pub(crate) address: String,
    pub(crate) world: Mutex<World>,
    pub(crate) products: Mutex<Vec<&'static str>>,
    pub(crate) fault: Mutex<Fault>,
    /// So many requests are answered with 503 first.
    pub(crate) unavailable: AtomicU32,
    /// Every request that was made, `METHOD path`.
    pub(crate) requests: Mutex<Vec<String>>,
    turn: AtomicU64,
    server: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if let Some(server) = self.server.lock().unwrap().take() {
            server.abort();
        }
    }
}

type Answer = Response<Full<Bytes>>;

fn answer(status: u16, body: &Value) -> Answer {
    let body = Bytes::from(body.to_string());
    Response::builder().status(status).header("content-type", "application/json").body(Full::new(body)).unwrap()
}

fn failure(status: u16, reason: &str, message: &str, details: Value) -> Answer {
    answer(
        status,
        &json!({"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "message": message, "reason": reason,
            "details": details, "code": status}),
    )
}

impl Emulator {
    pub(crate) async fn start() -> Arc<Emulator> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let emulator = Arc::new(Emulator {
            address: format!("http://{}", listener.local_addr().unwrap()),
            world: Mutex::default(),
            products: Mutex::new(vec!["", "knative", "fission", "riff"]),
            fault: Mutex::default(),
            unavailable: AtomicU32::new(0),
            requests: Mutex::default(),
            turn: AtomicU64::new(0),
            server: Mutex::default(),
        });
        let weak = Arc::downgrade(&emulator);
        let serve = async move {
            while let Ok((stream, _)) = listener.accept().await {
                let weak = weak.clone();
                let service = service_fn(move |request| {
                    let weak = weak.clone();
                    async move {
                        match weak.upgrade() {
                            Some(emulator) => Ok(emulator.serve(request).await),
                            None => Err(std::io::Error::other("the test is over")),
                        }
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        };
        *emulator.server.lock().unwrap() = Some(tokio::spawn(serve));
        emulator
    }

    fn port(&self) -> u16 {
        self.address.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    async fn serve(&self, request: Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let path = parts.uri.path().to_owned();
        let host = parts.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
        // The ingress, which tells functions apart by their host; the router, by their path.
        if let Some(name) = host.strip_suffix(".lab.example.test") {
            for kind in ["services.serving.knative.dev", "deployers.knative.projectriff.io"] {
                if self.world.lock().unwrap().objects.contains_key(&format!("{kind}/{name}")) {
                    return self.instance(&parts.method, &format!("{kind}/{name}"), true).await;
                }
            }
            return Response::builder().status(404).body(Full::default()).unwrap();
        }
        if path.starts_with("/faasbench/") {
            let trigger = self.world.lock().unwrap().objects.values().find_map(|object| {
                (object["spec"]["relativeurl"] == path.as_str()).then(|| object["spec"]["functionref"]["name"].clone())
            });
            let Some(function) = trigger.as_ref().and_then(Value::as_str) else {
                return Response::builder().status(404).body(Full::default()).unwrap();
            };
            if parts.headers.get("x-fission-invoke-mode").is_some_and(|mode| mode == "async") {
                let body = Full::new(Bytes::from_static(b"{\"invocationId\":\"i1\"}"));
                return Response::builder().status(202).header("X-Fission-Invocation-Id", "i1").body(body).unwrap();
            }
            return self.instance(&parts.method, &format!("functions.fission.io/{function}"), true).await;
        }
        // A port of the nodes.
        if path == "/" {
            return self.instance(&parts.method, "deployments.apps/f", false).await;
        }
        self.requests.lock().unwrap().push(format!("{} {}", parts.method, parts.uri));
        let fault = *self.fault.lock().unwrap();
        if fault == Fault::Silent {
            std::future::pending::<()>().await;
        }
        if fault == Fault::Html {
            let body = Full::new(Bytes::from_static(b"<html>Bad gateway</html>"));
            return Response::builder().status(502).body(body).unwrap();
        }
        if parts.headers.get("authorization").is_none_or(|value| value != "Bearer good") {
            return failure(401, "Unauthorized", "Unauthorized", json!({}));
        }
        let left = self.unavailable.load(Ordering::SeqCst);
        if left > 0 {
            self.unavailable.store(left - 1, Ordering::SeqCst);
            return failure(503, "ServiceUnavailable", "etcdserver: leader changed", json!({}));
        }
        if fault == Fault::Forbidden && parts.method == Method::PATCH {
            let message = "deployments.apps \"f\" is forbidden: User \"me\" cannot patch resource \"deployments\" in API group \
                           \"apps\" in the namespace \"lab\"";
            return failure(403, "Forbidden", message, json!({"name": "f", "kind": "deployments"}));
        }
        if path == "/version" {
            return answer(200, &json!({"major": "1", "minor": "36", "gitVersion": "v1.36.2"}));
        }
        let query: BTreeMap<String, String> = parts
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.replace("%2F", "/").replace("%3D", "=").replace("%2C", ",")))
            .collect();
        let rest = path.strip_prefix("/apis/").or_else(|| path.strip_prefix("/api/")).unwrap_or_default().to_owned();
        self.api(&parts.method, &rest, &query, parts.headers.get("content-type"), &body).await
    }

    async fn api(
        &self,
        method: &Method,
        rest: &str,
        query: &BTreeMap<String, String>,
        content_type: Option<&hyper::header::HeaderValue>,
        body: &Bytes,
    ) -> Answer {
        let segments: Vec<&str> = rest.split('/').collect();
        let at = segments.iter().position(|segment| *segment == "namespaces");
        let (api_version, namespace, rest) = match at {
            Some(at) => (segments[..at].join("/"), Some(segments[at + 1]), &segments[at + 2..]),
            None => (segments[..segments.len() - 1].join("/"), None, &segments[segments.len() - 1..]),
        };
        let plural = rest[0];
        if let ["pods", pod, "log"] = rest {
            assert!(query.get("timestamps").is_some_and(|value| value == "true"), "{query:?}");
            let text = format!("2026-11-28T10:00:00.5Z hello from {pod}\n");
            return Response::builder().status(200).body(Full::new(Bytes::from(text))).unwrap();
        }
        if let ["services", service, "proxy", ..] = rest {
            let Some((name, "http")) = service.split_once(':') else { panic!("{service}") };
            for kind in ["deployments.apps", "deployers.core.projectriff.io"] {
                if self.world.lock().unwrap().objects.contains_key(&format!("{kind}/{name}")) {
                    return self.instance(method, &format!("{kind}/{name}"), false).await;
                }
            }
            return failure(404, "NotFound", "services not found", json!({"name": name, "kind": "services"}));
        }
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        let mut world = self.world.lock().unwrap();
        world.advance();
        if rest == ["nodes"] {
            let addresses = json!([{"type": "InternalIP", "address": "127.0.0.1"}]);
            return answer(200, &json!({"metadata": {}, "items": [{"status": {"addresses": addresses}}]}));
        }
        if namespace == Some("kourier-system") && rest == ["services", "kourier"] {
            let ports = json!([{"name": "https", "port": 443}, {"name": "http2", "port": 80, "nodePort": self.port()}]);
            return answer(200, &json!({"spec": {"ports": ports}}));
        }
        if api_version == "metrics.k8s.io/v1beta1" {
            let usage = json!([{"name": "function", "usage": {"cpu": "250m", "memory": "10Mi"}}]);
            return answer(200, &json!({"items": [{"metadata": {"name": "f-1"}, "containers": usage}]}));
        }
        if plural == "pods" && rest.len() == 1 {
            let now = std::time::Instant::now();
            let trouble = world.trouble;
            let pods: Vec<Value> = world.pods.iter().map(|pod| pod.object(now, trouble)).collect();
            return answer(200, &json!({"kind": "PodList", "apiVersion": "v1", "items": selected(pods, query)}));
        }
        let key = format!("{api_version}/{plural}");
        let known = KINDS.iter().find(|(known, _, _)| *known == key);
        let Some((_, kind, product)) = known.filter(|known| self.products.lock().unwrap().contains(&known.2)) else {
            return Response::builder()
                .status(404)
                .body(Full::new(Bytes::from_static(b"404 page not found\n")))
                .unwrap();
        };
        let _ = product;
        let prefix = if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
        let Some(name) = rest.get(1) else {
            assert_eq!(method, Method::GET);
            let start = format!("{prefix}/");
            let items =
                world.objects.iter().filter(|(key, _)| key.starts_with(&start)).map(|(_, object)| object.clone());
            return answer(200, &json!({"metadata": {}, "items": selected(items.collect(), query)}));
        };
        let stored = format!("{prefix}/{name}");
        let is_autoscaler = *name == "config-autoscaler" && namespace == Some("knative-serving");
        if is_autoscaler {
            return answer(200, &json!({"data": {"allow-zero-initial-scale": world.allows_empty.to_string()}}));
        }
        let missing = || {
            let message = format!("{prefix} \"{name}\" not found");
            failure(404, "NotFound", &message, json!({"name": name, "group": group, "kind": plural}))
        };
        if namespace != Some("lab") {
            return match *method {
                Method::PATCH => {
                    failure(404, "NotFound", "namespaces \"x\" not found", json!({"name": "x", "kind": "namespaces"}))
                }
                _ => missing(),
            };
        }
        match *method {
            Method::GET => world.objects.get(&stored).map_or_else(missing, |object| answer(200, object)),
            Method::PATCH => {
                assert_eq!(content_type.unwrap(), "application/apply-patch+yaml");
                let mut object: Value = serde_json::from_slice(body).unwrap();
                assert_eq!(object["apiVersion"], api_version, "{object}");
                assert_eq!(object["kind"], *kind);
                assert_eq!(object["metadata"]["name"], **name);
                assert_eq!(object["metadata"]["namespace"], "lab");
                let manager = query["fieldManager"].as_str();
                assert!(manager.starts_with("faasbench-") && query.len() == 2, "{query:?}");
                if let Some(message) = invalid(&object) {
                    return failure(422, "Invalid", &message, json!({"name": name, "kind": kind}));
                }
                if object["spec"]["type"] == "NodePort" {
                    object["spec"]["ports"][0]["nodePort"] = json!(self.port());
                }
                apply(&mut world, &stored, object, manager, query["force"] == "true")
            }
            Method::DELETE => {
                let options: Value = serde_json::from_slice(body).unwrap();
                assert_eq!(options["kind"], "DeleteOptions");
                let Some(object) = world.objects.get(&stored) else { return missing() };
                if options["preconditions"]["uid"] != object["metadata"]["uid"] {
                    return failure(
                        409,
                        "Conflict",
                        "the UID in the precondition does not match",
                        json!({"name": name}),
                    );
                }
                world.objects.remove(&stored);
                answer(200, &json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}))
            }
            _ => panic!("{method} {rest:?}"),
        }
    }

    /// One call of a function, by any of its pods that take requests.
    async fn instance(&self, method: &Method, owner: &str, may_start: bool) -> Answer {
        let mut has_started = false;
        loop {
            {
                let mut world = self.world.lock().unwrap();
                world.advance();
                let ready = world.ready(owner);
                if !ready.is_empty() {
                    if method == Method::GET {
                        return Response::builder().status(200).body(Full::new(Bytes::from_static(b"ok\n"))).unwrap();
                    }
                    world.called(owner);
                    let turn = usize::try_from(self.turn.fetch_add(1, Ordering::SeqCst)).unwrap();
                    let pod = &mut world.pods[ready[turn % ready.len()]];
                    pod.served += 1;
                    return Response::builder()
                        .status(200)
                        .header("X-Instance-Id", &pod.name)
                        .header("X-Instance-Seq", (pod.served - 1).to_string())
                        .header("X-Instance-Uptime-Us", "5")
                        .body(Full::new(Bytes::from(pod.image.clone())))
                        .unwrap();
                }
                if !may_start {
                    return failure(503, "ServiceUnavailable", "no endpoints available for service \"f\"", json!({}));
                }
                world.called(owner);
                if !has_started && !world.has_starting(owner) {
                    has_started = true;
                    world.start(owner);
                }
            }
            tokio::time::sleep(START + Duration::from_millis(5)).await;
        }
    }
}

/// What a real one refuses too.
fn invalid(object: &Value) -> Option<String> {
    let template = &object["spec"]["template"];
    match (object["apiVersion"].as_str()?, object["kind"].as_str()?) {
        ("apps/v1", _) => {
            let (name, value) = object["spec"]["selector"]["matchLabels"].as_object()?.iter().next()?;
            (template["metadata"]["labels"][name] != *value)
                .then(|| "`selector` does not match template `labels`".to_owned())
        }
        ("serving.knative.dev/v1", _) => {
            let variables = template["spec"]["containers"][0]["env"].as_array()?;
            if variables.iter().any(|variable| variable["valueFrom"]["fieldRef"].is_object()) {
                return Some("must not set the field(s): valueFrom.fieldRef".to_owned());
            }
            let annotations = template["metadata"]["annotations"].as_object()?;
            annotations.values().any(|value| !value.is_string()).then(|| "annotations must be strings".to_owned())
        }
        ("fission.io/v1", "Function") => (object["spec"]["podspec"]["containers"][0]["name"]
            != object["metadata"]["name"])
            .then(|| "the container must have the function's name".to_owned()),
        _ => None,
    }
}

/// Server-side apply, as far as one manager's own whole objects go.
fn apply(world: &mut World, stored: &str, mut object: Value, manager: &str, is_forced: bool) -> Answer {
    let number = world.number();
    let uid = object["metadata"].as_object_mut().unwrap().remove("uid");
    let Some(before) = world.objects.get(stored).cloned() else {
        if uid.is_some() {
            return failure(409, "Conflict", "uid mismatch: no existing object was found", json!({}));
        }
        object["metadata"]["uid"] = json!(format!("u{number}"));
        object["metadata"]["generation"] = json!(1);
        object["metadata"]["manager"] = json!(manager);
        world.objects.insert(stored.to_owned(), object.clone());
        return answer(201, &object);
    };
    if uid.is_some_and(|uid| uid != before["metadata"]["uid"]) {
        return failure(409, "Conflict", "uid mismatch", json!({}));
    }
    let has_changed = object["spec"] != before["spec"];
    if has_changed && before["metadata"]["manager"] != manager && !is_forced {
        return failure(409, "Conflict", "Apply failed with 1 conflict: conflict with \"kubectl\": .spec", json!({}));
    }
    if object["spec"]["selector"] != before["spec"]["selector"] {
        return failure(422, "Invalid", "spec.selector: Invalid value: field is immutable", json!({"name": "f"}));
    }
    let generation = before["metadata"]["generation"].as_i64().unwrap_or(1) + i64::from(has_changed);
    object["metadata"]["uid"] = before["metadata"]["uid"].clone();
    object["metadata"]["generation"] = json!(generation);
    object["metadata"]["manager"] = json!(manager);
    if before["status"].is_object() {
        object["status"] = before["status"].clone();
    }
    world.objects.insert(stored.to_owned(), object.clone());
    answer(200, &object)
}

fn selected(objects: Vec<Value>, query: &BTreeMap<String, String>) -> Vec<Value> {
    let selector = query.get("labelSelector").cloned().unwrap_or_default();
    let holds = |object: &Value, part: &str| match part.split_once('=') {
        Some((name, value)) => object["metadata"]["labels"][name] == value,
        None => object["metadata"]["labels"][part].is_string(),
    };
    let parts: Vec<&str> = selector.split(',').filter(|part| !part.is_empty()).collect();
    objects.into_iter().filter(|object| parts.iter().all(|part| holds(object, part))).collect()
}
