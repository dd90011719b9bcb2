//! Cloud Run from its contract: operations that take their time, revisions, etags, a service that reconciles after its
//! operation is done, instances that start with a revision or after scaling to none.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use emulation::{PretendedRegistry, Request, Response, Server};
use platform::Platform;
use remote_platform::Connection;
use serde_json::{Value, json};

pub(crate) const ACCESS_TOKEN: &str = "ya29.access";
/// It expires in the year 2100.
pub(crate) const ID_TOKEN: &str = "e30.eyJleHAiOjQxMDI0NDQ4MDB9.c2lnbmF0dXJl";

#[derive(Default)]
pub(crate) struct State {
    url: String,
    pub(crate) services: BTreeMap<String, Value>,
    pub(crate) policies: BTreeMap<String, Value>,
    /// Operations with how often they are still asked for before they are done, and their error.
    operations: BTreeMap<String, (u32, Option<Value>)>,
    /// How often a service is still asked for before it has what was last asked for.
    reconciling: BTreeMap<String, u32>,
    /// Instances: by service, the revision, which instance it is, and how often it served.
    instances: BTreeMap<String, (String, u64, u64)>,
    started: u64,
    /// The next operation fails with this.
    pub(crate) fails: Option<String>,
    /// The next revisions don't start.
    pub(crate) crashes: bool,
    /// Another changes each service before the next changes.
    pub(crate) conflicts: u32,
    /// The pages that logs and metrics have.
    pub(crate) entries: Vec<Value>,
    pub(crate) series: BTreeMap<String, Value>,
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
        let server = server.await.unwrap();
        state.lock().unwrap().url = server.url();
        let registry = Arc::new(PretendedRegistry::new("europe-west1-docker.pkg.dev/lab-1/images"));
        Emulator { server, state, registry }
    }

    pub(crate) fn connection(&self, options: Value) -> Connection {
        let url = self.server.url();
        let mut all = json!({ "project": "lab-1", "region": "europe-west1", "logging-endpoint": url, "monitoring-endpoint": url });
        for (option, value) in options.as_object().unwrap() {
            all[option] = value.clone();
        }
        Connection { registry: Some(self.registry.clone()), ..emulation::connection("gcp", &url, all) }
    }

    pub(crate) fn platform(&self, options: Value) -> Arc<dyn Platform> {
        gcp_platform::connect_with(self.connection(options), &variables).unwrap()
    }
}

pub(crate) fn variables(name: &str) -> Option<String> {
    match name {
        "CLOUDSDK_AUTH_ACCESS_TOKEN" => Some(ACCESS_TOKEN.to_owned()),
        "FAASBENCH_GCP_ID_TOKEN" => Some(ID_TOKEN.to_owned()),
        _ => None,
    }
}

fn error(status: u16, word: &str, message: &str) -> Response {
    Response::json(status, &json!({ "error": { "code": status, "message": message, "status": word } }))
}

impl State {
    fn answer(&mut self, request: &Request) -> Response {
        let (method, path) = request.asks();
        if let ("POST", ["serve", name]) = (method, &path[..]) {
            return self.serve(name, request);
        }
        if request.header("authorization") != Some(&format!("Bearer {ACCESS_TOKEN}")) {
            return error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.");
        }
        let services = ["v2", "projects", "lab-1", "locations", "europe-west1", "services"];
        match (method, &path[..]) {
            (_, rest) if rest.starts_with(&services) => self.administer(method, &rest[services.len()..], request),
            ("GET", ["v2", "projects", "lab-1", "locations", "europe-west1", "operations", name]) => {
                self.operation(name)
            }
            ("POST", ["v2", "entries:list"]) => {
                let body = request.json();
                assert_eq!(body["resourceNames"], json!(["projects/lab-1"]));
                assert!(body["filter"].as_str().unwrap().contains("service_name=\"function1\""), "{body}");
                let from: usize = body["pageToken"].as_str().unwrap_or("0").parse().unwrap();
                self.page(from)
            }
            ("GET", ["v3", "projects", "lab-1", "timeSeries"]) => {
                let filter = &request.query["filter"];
                assert!(
                    request.query.contains_key("interval.startTime") && request.query.contains_key("interval.endTime")
                );
                let series = self.series.iter().find(|(metric, _)| filter.contains(&format!("\"{metric}\"")));
                Response::json(200, &series.map_or_else(|| json!({}), |(_, series)| json!({ "timeSeries": [series] })))
            }
            _ => error(404, "NOT_FOUND", &format!("no such request: {}", request.line())),
        }
    }

    fn page(&self, from: usize) -> Response {
        let entries: Vec<&Value> = self.entries.iter().skip(from).take(2).collect();
        let mut page = json!({ "entries": entries });
        if from + 2 < self.entries.len() {
            page["nextPageToken"] = json!((from + 2).to_string());
        }
        Response::json(200, &page)
    }

    fn administer(&mut self, method: &str, rest: &[&str], request: &Request) -> Response {
        match (method, rest) {
            ("GET", []) => {
                let from: usize = request.query.get("pageToken").and_then(|token| token.parse().ok()).unwrap_or(0);
                let page: Vec<&Value> = self.services.values().skip(from).take(1).collect();
                let next = if from + 1 < self.services.len() { (from + 1).to_string() } else { String::new() };
                Response::json(200, &json!({ "services": page, "nextPageToken": next }))
            }
            ("POST", []) => {
                let name = request.query["serviceId"].clone();
                if self.services.contains_key(&name) {
                    return error(409, "ALREADY_EXISTS", &format!("Resource '{name}' already exists."));
                }
                self.put(&name, request.json(), true)
            }
            ("POST", [name]) if name.ends_with(":setIamPolicy") => {
                let name = name.trim_end_matches(":setIamPolicy");
                if !self.services.contains_key(name) {
                    return error(404, "NOT_FOUND", "no such service");
                }
                let mut policy = request.json()["policy"].clone();
                let there = self.policies.get(name).map_or(json!("policy-0"), |policy| policy["etag"].clone());
                if policy["etag"] != there {
                    return error(409, "ABORTED", "There were concurrent policy changes.");
                }
                policy["etag"] = json!(format!("{}+", there.as_str().unwrap()));
                self.policies.insert(name.to_owned(), policy.clone());
                Response::json(200, &policy)
            }
            ("GET", [name]) if name.ends_with(":getIamPolicy") => {
                let name = name.trim_end_matches(":getIamPolicy");
                if !self.services.contains_key(name) {
                    return error(404, "NOT_FOUND", "no such service");
                }
                let none = || json!({ "etag": "policy-0" });
                Response::json(200, &self.policies.get(name).cloned().unwrap_or_else(none))
            }
            (_, [name]) if !self.services.contains_key(*name) => {
                error(404, "NOT_FOUND", &format!("Resource '{name}' of kind 'SERVICE' does not exist."))
            }
            ("GET", [name]) => {
                self.settle(name);
                Response::json(200, &self.services[*name])
            }
            ("PATCH", [name]) => {
                if self.conflicts > 0 {
                    self.conflicts -= 1;
                    self.services.get_mut(*name).unwrap()["etag"] = json!(format!("other-{}", self.conflicts));
                }
                let change = request.json();
                if change["etag"] != self.services[*name]["etag"] {
                    return error(409, "ABORTED", "Conflict for resource: version was not the current one.");
                }
                let mask = request.query.get("updateMask").cloned().unwrap_or_default();
                let mut service = self.services[*name].clone();
                if mask.is_empty() {
                    for (field, value) in change.as_object().unwrap() {
                        service[field] = value.clone();
                    }
                } else {
                    service[&mask] = change[&mask].clone();
                }
                self.put(name, service, mask != "scaling")
            }
            ("DELETE", [name]) => {
                self.services.remove(*name);
                self.operate()
            }
            _ => error(404, "NOT_FOUND", &format!("no such request: {}", request.line())),
        }
    }

    /// Checks a service as Cloud Run does, and makes a revision of its template.
    fn put(&mut self, name: &str, mut service: Value, is_revision: bool) -> Response {
        let container = &service["template"]["containers"][0];
        let reserved = ["PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"];
        let variables = container["env"].as_array().unwrap();
        if variables.iter().any(|variable| reserved.contains(&variable["name"].as_str().unwrap())) {
            return error(400, "INVALID_ARGUMENT", "The following reserved env names were provided");
        }
        let image = container["image"].as_str().unwrap();
        if !image.contains(".pkg.dev/") || !image.contains("@sha256:") {
            return error(400, "INVALID_ARGUMENT", &format!("the emulator takes only pinned images: {image}"));
        }
        if service["template"].get("revision").is_some() {
            return error(409, "ALREADY_EXISTS", "Revision named so already exists");
        }
        let generation = service["generation"].as_str().map_or(0, |text| text.parse::<u64>().unwrap()) + 1;
        let revision = match is_revision {
            true => format!("projects/lab-1/locations/europe-west1/services/{name}/revisions/{name}-{generation:05}"),
            false => service["latestReadyRevision"].as_str().unwrap().to_owned(),
        };
        service["name"] = json!(format!("projects/lab-1/locations/europe-west1/services/{name}"));
        service["uri"] = json!(format!("{}/serve/{name}", self.url));
        service["etag"] = json!(format!("etag-{generation}"));
        service["generation"] = json!(generation.to_string());
        service["latestCreatedRevision"] = json!(revision);
        service["reconciling"] = json!(true);
        service["terminalCondition"] = json!({ "type": "Ready", "state": "CONDITION_RECONCILING" });
        if service["scaling"]["manualInstanceCount"] == 0 && service["scaling"]["scalingMode"] == "MANUAL" {
            self.instances.remove(name);
        }
        self.services.insert(name.to_owned(), service);
        self.reconciling.insert(name.to_owned(), 3);
        self.operate()
    }

    /// A service comes nearer to what was asked for each time it is looked at.
    fn settle(&mut self, name: &str) {
        let left = self.reconciling.entry(name.to_owned()).or_default();
        *left = left.saturating_sub(1);
        if *left > 0 {
            return;
        }
        let crashes = self.crashes;
        let service = self.services.get_mut(name).unwrap();
        service["reconciling"] = json!(false);
        service["observedGeneration"] = service["generation"].clone();
        if crashes {
            let message = "The user-provided container failed to start and listen on the port defined by PORT=8080.";
            service["terminalCondition"] = json!({ "state": "CONDITION_FAILED", "message": message });
        } else {
            service["latestReadyRevision"] = service["latestCreatedRevision"].clone();
            service["terminalCondition"] = json!({ "state": "CONDITION_SUCCEEDED" });
        }
    }

    fn operate(&mut self) -> Response {
        let name = format!("projects/lab-1/locations/europe-west1/operations/{}", self.operations.len());
        let error = self.fails.take().map(|message| json!({ "code": 9, "message": message }));
        self.operations.insert(self.operations.len().to_string(), (2, error));
        Response::json(200, &json!({ "name": name, "done": false }))
    }

    fn operation(&mut self, name: &str) -> Response {
        let Some((left, error_of_it)) = self.operations.get_mut(name) else {
            return error(404, "NOT_FOUND", "no such operation");
        };
        *left = left.saturating_sub(1);
        let mut operation =
            json!({ "name": format!("projects/lab-1/locations/europe-west1/operations/{name}"), "done": *left == 0 });
        if let Some(error) = error_of_it.clone().filter(|_| *left == 0) {
            operation["error"] = error;
        }
        Response::json(200, &operation)
    }

    /// What Google's front end and the function do.
    fn serve(&mut self, name: &str, request: &Request) -> Response {
        let Some(service) = self.services.get(name) else {
            return Response::bytes(404, "<html>The requested URL was not found on this server.</html>");
        };
        let is_public = service["invokerIamDisabled"] == true
            || self.policies.get(name).is_some_and(|policy| policy["bindings"][0]["members"] == json!(["allUsers"]));
        if !is_public && request.header("authorization") != Some(&format!("Bearer {ID_TOKEN}")) {
            return Response::bytes(403, "<html>Your client does not have permission to get URL /</html>");
        }
        assert!(!is_public || request.header("authorization").is_none(), "a token went where none was asked for");
        let revision = service["latestReadyRevision"].as_str().unwrap().to_owned();
        let instance = self.instances.entry(name.to_owned()).or_default();
        if instance.0 != revision {
            self.started += 1;
            *instance = (revision, self.started, 0);
        }
        instance.2 += 1;
        let body = match request.json()["do"].as_str() {
            Some("refuse") => {
                let body = json!({ "error": { "type": "denied", "message": "as asked" } });
                return Response::json(403, &body);
            }
            _ => {
                json!({ "image": service["template"]["containers"][0]["image"], "trace": request.header("traceparent") })
            }
        };
        Response::json(200, &body)
            .header("x-instance-id", &format!("instance-{}", instance.1))
            .header("x-instance-seq", &(instance.2 - 1).to_string())
            .header("x-instance-uptime-us", "5")
    }
}
