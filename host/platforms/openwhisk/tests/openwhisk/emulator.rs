//! OpenWhisk's controller and invoker, from the contract: revisions, one container for each, cold starts with `initTime`,
//! activations that outlast the minute.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use emulation::{PretendedRegistry, Request, Response, Server};
use platform::Platform;
use remote_platform::Connection;
use serde_json::{Value, json};

pub(crate) const KEY: &str = "23bc46b1:123zO3xZ";
/// The key in base64, as a header has it.
pub(crate) const BASIC: &str = "Basic MjNiYzQ2YjE6MTIzek8zeFo=";

#[derive(Default)]
pub(crate) struct State {
    pub(crate) actions: BTreeMap<String, Value>,
    /// The container of each action's newest revision: its revision and how often it ran.
    containers: BTreeMap<String, (String, u64)>,
    /// Activations with how often they are still asked for in vain.
    activations: BTreeMap<String, (Value, u32)>,
    started: u64,
    /// Answers in place of the next ones to what is no activation.
    pub(crate) failures: Vec<Response>,
    /// The next revisions that still run the one before: controllers learn of an update one after the other.
    pub(crate) stale: u32,
}

pub(crate) struct Emulator {
    pub(crate) server: Server,
    pub(crate) state: Arc<Mutex<State>>,
    pub(crate) registry: Arc<PretendedRegistry>,
}

impl Emulator {
    pub(crate) async fn start() -> Emulator {
        let state: Arc<Mutex<State>> = Arc::default();
        let own = state.clone();
        let server = Server::start(move |request| {
            let answer = own.lock().unwrap().answer(&request);
            async move { answer }
        });
        let registry = Arc::new(PretendedRegistry::new("registry.test:5000/lab"));
        Emulator { server: server.await.unwrap(), state, registry }
    }

    /// A target of images, unless the options say otherwise.
    pub(crate) fn connection(&self, mut options: Value) -> Connection {
        if options.get("kind").is_none() {
            options["kind"] = json!("blackbox");
        }
        let connection = emulation::connection("openwhisk", &self.server.url(), options);
        Connection { registry: Some(self.registry.clone()), ..connection }
    }

    pub(crate) fn platform(&self, options: Value) -> Arc<dyn Platform> {
        openwhisk_platform::connect_with(self.connection(options), &variables).unwrap()
    }

    /// A parameter that an action has for its initialisation.
    pub(crate) fn parameter(&self, action: &str, key: &str) -> Option<String> {
        let state = self.state.lock().unwrap();
        let parameters = state.actions[action]["parameters"].as_array().unwrap().clone();
        let parameter = parameters.into_iter().find(|parameter| parameter["key"] == key)?;
        assert_eq!(parameter["init"], true, "{key} would be in every event");
        parameter["value"].as_str().map(str::to_owned)
    }
}

pub(crate) fn variables(name: &str) -> Option<String> {
    (name == "OPENWHISK_AUTH").then(|| KEY.to_owned())
}

fn error(status: u16, text: &str) -> Response {
    Response::json(status, &json!({ "error": text, "code": "x" }))
}

fn is_in_namespace(path: &[&str]) -> bool {
    path.starts_with(&["api", "v1", "namespaces"]) && matches!(path.get(3), Some(&("_" | "guest")))
}

impl State {
    fn answer(&mut self, request: &Request) -> Response {
        if request.header("authorization") != Some(BASIC) {
            return error(401, "The supplied authentication is invalid");
        }
        if !self.failures.is_empty() {
            return self.failures.remove(0);
        }
        let query = |name: &str| request.query.get(name).map(String::as_str);
        match request.asks() {
            ("GET", path) if path == ["api", "v1"] => {
                Response::json(200, &json!({ "build": "2026-08-01", "description": "OpenWhisk API" }))
            }
            ("GET", path) if path == ["api", "v1", "namespaces"] => Response::json(200, &json!(["guest"])),
            // `_` is the namespace of whoever asks.
            (method, path) if is_in_namespace(&path) => match (method, &path[4..]) {
                ("GET", ["actions"]) => self.list(request),
                ("GET", ["actions", name]) => match self.actions.get(*name) {
                    Some(action) => Response::json(200, action),
                    None => error(404, "The requested resource does not exist."),
                },
                ("PUT", ["actions", name]) => self.put(name, query("overwrite") == Some("true"), &request.json()),
                ("DELETE", ["actions", name]) => match self.actions.remove(*name) {
                    Some(action) => Response::json(200, &action),
                    None => error(404, "The requested resource does not exist."),
                },
                ("POST", ["actions", name]) => {
                    self.invoke(name, query("blocking") == Some("true"), &request.json(), request)
                }
                ("GET", ["activations"]) => {
                    assert_eq!(query("docs"), Some("true"), "without documents there are no logs");
                    let since: u64 = query("since").unwrap().parse().unwrap();
                    let named = |activation: &&Value| {
                        Some(activation["name"].as_str().unwrap()) == query("name")
                            && activation["start"].as_u64().unwrap() >= since
                    };
                    let activations = self.activations.values().map(|(activation, _)| activation);
                    let skip: usize = query("skip").unwrap().parse().unwrap();
                    Response::json(200, &activations.filter(named).skip(skip).take(200).cloned().collect())
                }
                ("GET", ["activations", id]) => match self.activations.get_mut(*id) {
                    Some((_, waits)) if *waits > 0 => {
                        *waits -= 1;
                        error(404, "The requested resource does not exist.")
                    }
                    Some((activation, _)) => Response::json(200, activation),
                    None => error(404, "The requested resource does not exist."),
                },
                _ => error(405, &format!("no such request: {}", request.line())),
            },
            _ => error(404, &format!("no such request: {}", request.line())),
        }
    }

    fn list(&self, request: &Request) -> Response {
        let number = |name: &str| request.query[name].parse::<usize>().unwrap();
        assert!(number("limit") <= 200, "the controller refuses more");
        let actions: Vec<&Value> = self.actions.values().skip(number("skip")).take(number("limit")).collect();
        Response::json(200, &json!(actions))
    }

    fn put(&mut self, name: &str, overwrite: bool, document: &Value) -> Response {
        let known = ["namespace", "name", "exec", "limits", "parameters", "annotations"];
        let fields = document.as_object().unwrap();
        if let Some(field) = fields.keys().find(|field| !known.contains(&field.as_str())) {
            return error(400, &format!("The request content was malformed: {field}"));
        }
        let there = self.actions.get(name).cloned();
        if there.is_some() && !overwrite {
            return error(409, "resource already exists");
        }
        let limits = &document["limits"];
        let within = |limit: &str, least: u64, most: u64| {
            limits[limit].as_u64().is_none_or(|value| (least..=most).contains(&value))
        };
        if !(within("memory", 128, 512) && within("timeout", 100, 300_000) && within("logs", 0, 10)) {
            return error(400, "The request content was malformed: requirement failed: limits");
        }
        let exec = &document["exec"];
        if !exec.is_null() && (exec["kind"] != "blackbox" || exec["image"].as_str().unwrap().contains('@')) {
            return error(400, "The emulator would run `latest`: OpenWhisk drops the digest of a reference");
        }
        // What is not given stays as it was.
        let mut action = there.unwrap_or_else(|| json!({ "version": "0.0.0" }));
        for (field, value) in fields.iter().filter(|(field, _)| !["namespace", "limits"].contains(&field.as_str())) {
            action[field] = value.clone();
        }
        // Neither do limits that are not.
        for (limit, value) in limits.as_object().into_iter().flatten() {
            action["limits"][limit] = value.clone();
        }
        action["namespace"] = json!("guest");
        let revision: u64 = action["version"].as_str().unwrap().rsplit('.').next().unwrap().parse().unwrap();
        action["version"] = json!(format!("0.0.{}", revision + 1));
        action["annotations"].as_array_mut().unwrap().push(json!({ "key": "exec", "value": "blackbox" }));
        self.actions.insert(name.to_owned(), action.clone());
        Response::json(200, &action)
    }

    fn invoke(&mut self, name: &str, blocking: bool, event: &Value, request: &Request) -> Response {
        let Some(action) = self.actions.get(name).cloned() else {
            return error(404, "The requested resource does not exist.");
        };
        if !event.is_object() {
            return error(400, "The request content was malformed: Object expected");
        }
        if event["do"] == "throttle" {
            return error(429, "Too many requests in the last minute (count: 61, allowed: 60).");
        }
        let mut version = action["version"].as_str().unwrap().to_owned();
        if self.stale > 0 {
            self.stale -= 1;
            version = "0.0.0".to_owned();
        }
        let container = self.containers.entry(name.to_owned()).or_default();
        if container.0 != version {
            *container = (version.clone(), 0);
            self.started += 1;
        }
        container.1 += 1;
        let (index, identifier) = (container.1, format!("container-{}", self.started));
        let variable = |key: &str| {
            let parameters = action["parameters"].as_array().unwrap();
            parameters.iter().find(|parameter| parameter["key"] == key).map(|parameter| parameter["value"].clone())
        };
        let record = json!({ "instance_identifier": identifier, "invocation_index": index, "sandbox_age_us": 10 });
        let (code, result) = match event["do"].as_str() {
            Some("refuse") => (1, json!({ "error": { "type": "bad-request", "message": "as asked" } })),
            Some("die") => (2, json!({ "error": "The action did not produce a valid response" })),
            Some("fail") => (3, json!({ "error": "whisk internal error" })),
            _ if variable("PULL_FAILS").is_some() => (2, json!({ "error": "Failed to pull container image." })),
            _ => {
                let records = json!({ "r": record });
                (0, json!({ "identifier": "r", "records": records, "event": event, "exec": action["exec"] }))
            }
        };
        let status = ["success", "application error", "action developer error", "whisk internal error"][code];
        let mut annotations = vec![
            json!({ "key": "path", "value": format!("guest/{name}") }),
            json!({ "key": "waitTime", "value": 3 }),
            json!({ "key": "limits", "value": { "memory": action["limits"]["memory"].as_u64().unwrap_or(256) } }),
        ];
        if index == 1 {
            annotations.push(json!({ "key": "initTime", "value": 40 }));
        }
        let id = format!("{:032x}", self.activations.len());
        let start = 1_790_000_000_000_u64 + self.activations.len() as u64;
        let activation = json!({
            "activationId": id, "namespace": "guest", "name": name, "version": version,
            "start": start, "end": start + 50, "duration": if index == 1 { 50 } else { 10 },
            "response": { "status": status, "statusCode": code, "success": code == 0, "result": result },
            "logs": [format!("2026-09-21T13:33:20.{:09}Z stdout: activation {}", self.activations.len(), self.activations.len())],
            "annotations": annotations,
        });
        let slow = event["do"] == "slow";
        self.activations.insert(id.clone(), (activation.clone(), if slow || !blocking { 2 } else { 0 }));
        if !blocking || slow {
            return Response::json(202, &json!({ "activationId": id }));
        }
        let timeout_ms = request.query.get("timeout").map_or(60_000, |timeout| timeout.parse().unwrap());
        assert!(timeout_ms <= 60_000, "the controller refuses more");
        Response::json(if code == 0 { 200 } else { 502 }, &activation).header("x-openwhisk-activation-id", &id)
    }
}
