//! Meta, gestalt-security and Laser from their contract: a token for Meta, a process for each call, executors that keep an archive
//! until they are ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use emulation::{Request, Response, Server};
use platform::Platform;
use remote_platform::Connection;
use serde_json::{Value, json};

pub(crate) const ENVIRONMENT: &str = "aaaaaaaa-0000-0000-0000-000000000001";
pub(crate) const PROVIDER: &str = "aaaaaaaa-0000-0000-0000-000000000002";
pub(crate) const PASSWORD: &str = "open sesame";

#[derive(Default)]
pub(crate) struct State {
    pub(crate) lambdas: BTreeMap<String, Value>,
    /// The archive that the executors of each lambda hold.
    executors: BTreeMap<String, Value>,
    results: Vec<Value>,
    asked_results: usize,
    pub(crate) tokens: usize,
    processes: u64,
}

pub(crate) struct Emulator {
    pub(crate) server: Server,
    pub(crate) state: Arc<Mutex<State>>,
}

impl Emulator {
    pub(crate) async fn start() -> Emulator {
        let state: Arc<Mutex<State>> = Arc::default();
        let own = state.clone();
        let server = Server::start(move |request| {
            let answer = own.lock().unwrap().answer(&request);
            async move { answer }
        });
        Emulator { server: server.await.unwrap(), state }
    }

    pub(crate) fn connection(&self, options: Value) -> Connection {
        let url = self.server.url();
        let mut all = json!({
            "laser-endpoint": format!("{url}/laser"), "security-endpoint": format!("{url}/security"),
            "organisation": "root.lab", "environment": ENVIRONMENT, "provider": PROVIDER,
            "package-url": "http://files.test/{function}-{digest}.zip" });
        for (option, value) in options.as_object().unwrap() {
            all[option] = value.clone();
        }
        let is_laser = all["api"] == "laser";
        if is_laser {
            all.as_object_mut().unwrap().remove("package-url");
        }
        emulation::connection("gestalt", &format!("{url}/{}", if is_laser { "laser" } else { "meta" }), all)
    }

    pub(crate) fn platform(&self, options: Value) -> Arc<dyn Platform> {
        gestalt_platform::connect_with(self.connection(options), &variables).unwrap()
    }
}

pub(crate) fn variables(name: &str) -> Option<String> {
    match name {
        "GESTALT_USER" => Some("me".to_owned()),
        "GESTALT_PASSWORD" => Some(PASSWORD.to_owned()),
        _ => None,
    }
}

fn error(status: u16, message: &str) -> Response {
    Response::json(status, &json!({ "code": status, "message": message }))
}

impl State {
    fn answer(&mut self, request: &Request) -> Response {
        let (method, path) = request.asks();
        match (method, &path[..]) {
            ("POST", ["security", "root", "oauth", "issue"]) => {
                let form = String::from_utf8_lossy(&request.body).into_owned();
                if form != "grant_type=password&username=me&password=open+sesame" {
                    return error(401, &format!("who is {form}?"));
                }
                self.tokens += 1;
                Response::json(200, &json!({ "access_token": "token-1", "token_type": "bearer", "expires_in": 28800 }))
            }
            (_, ["meta", ..]) if request.header("authorization") != Some("Bearer token-1") => {
                error(401, "not authenticated")
            }
            (_, ["meta", "root.lab", "environments", ENVIRONMENT, "lambdas"]) => match method {
                "GET" => {
                    assert_eq!(request.query["expand"], "true");
                    Response::json(200, &self.lambdas.values().cloned().collect())
                }
                "POST" => self.create_in_meta(request.json()),
                _ => error(405, method),
            },
            (_, ["meta", "root.lab", "lambdas", id]) if self.lambdas.contains_key(*id) => {
                self.change_in_meta(method, id, request)
            }
            (_, ["laser", rest @ ..]) => self.laser(method, rest, request),
            _ => error(404, &format!("no such request: {}", request.line())),
        }
    }

    fn create_in_meta(&mut self, mut document: Value) -> Response {
        let properties = &document["properties"];
        if properties["code_type"] != "package" || !properties["package_url"].is_string() {
            return error(400, "a package needs a package_url");
        }
        if document["resource_type"] != "Gestalt::Resource::Node::Lambda" || properties["provider"]["id"] != PROVIDER {
            return error(400, "no provider of that id");
        }
        if self.lambdas.values().any(|lambda| lambda["name"] == document["name"]) {
            return error(409, "a resource with that name exists in the environment");
        }
        let id = format!("bbbbbbbb-0000-0000-0000-{:012}", self.lambdas.len());
        document["id"] = json!(id);
        self.lambdas.insert(id, document.clone());
        Response::json(201, &document)
    }

    fn change_in_meta(&mut self, method: &str, id: &str, request: &Request) -> Response {
        match method {
            "PATCH" => {
                let lambda = self.lambdas.get_mut(id).unwrap();
                for change in request.json().as_array().unwrap() {
                    assert_eq!(change["op"], "replace");
                    *lambda.pointer_mut(change["path"].as_str().unwrap()).unwrap() = change["value"].clone();
                }
                Response::json(200, lambda)
            }
            "DELETE" => {
                assert_eq!(request.query["force"], "true");
                self.lambdas.remove(id);
                Response::bytes(204, "")
            }
            _ => error(405, method),
        }
    }

    fn laser(&mut self, method: &str, rest: &[&str], request: &Request) -> Response {
        match (method, rest) {
            ("GET", ["health"]) => Response::bytes(200, "healthy"),
            ("GET", ["lambdas"]) => Response::json(200, &self.lambdas.values().cloned().collect()),
            ("POST", ["lambdas"]) => {
                let document = request.json();
                let artifact = &document["artifactDescription"];
                if !artifact["code"].is_string() && !artifact["artifactUri"].is_string() {
                    return error(400, "neither code nor artifactUri");
                }
                self.lambdas.insert(document["id"].as_str().unwrap().to_owned(), document.clone());
                Response::json(201, &document)
            }
            ("GET", ["results", id]) => {
                self.asked_results += 1;
                match id.strip_prefix("result-").and_then(|index| self.results.get(index.parse::<usize>().ok()?)) {
                    Some(result) if self.asked_results > 1 => Response::json(200, result),
                    _ => error(404, "no such result yet"),
                }
            }
            (_, ["lambdas", id, ..]) if !self.lambdas.contains_key(*id) => error(404, &format!("no lambda {id}")),
            ("GET", ["lambdas", id]) => Response::json(200, &self.lambdas[*id]),
            ("PUT", ["lambdas", id]) => {
                self.lambdas.insert((*id).to_owned(), request.json());
                Response::json(200, &request.json())
            }
            ("DELETE", ["lambdas", id]) => {
                self.lambdas.remove(*id);
                Response::bytes(204, "")
            }
            ("POST", ["lambdas", id, "invalidate"]) => {
                self.executors.remove(*id);
                Response::bytes(200, "")
            }
            ("POST", ["lambdas", id, "invokeSync"]) => self.run(id, &request.json()),
            ("POST", ["lambdas", id, "invoke"]) => {
                let result = serde_json::from_slice(&self.run(id, &request.json()).body).unwrap();
                self.results.push(result);
                Response::json(202, &json!({ "id": format!("result-{}", self.results.len() - 1) }))
            }
            _ => error(404, &format!("no such request: {}", request.line())),
        }
    }

    /// A process for each call, of the archive that the executor holds.
    fn run(&mut self, id: &str, event: &Value) -> Response {
        let lambda = &self.lambdas[id];
        let artifact = &lambda["artifactDescription"];
        let archive = [&artifact["code"], &artifact["artifactUri"], &lambda["properties"]["package_url"]];
        let archive = archive.into_iter().find(|archive| archive.is_string()).unwrap().clone();
        let archive = self.executors.entry(id.to_owned()).or_insert(archive).clone();
        self.processes += 1;
        if event["do"] == "refuse" {
            return Response::json(500, &json!({ "error": { "type": "bad-request", "message": "as asked" } }));
        }
        let record = json!({ "instance_identifier": format!("process-{}", self.processes), "invocation_index": 1, "sandbox_age_us": 3 });
        Response::json(
            200,
            &json!({ "identifier": "r", "records": { "r": record }, "archive": archive, "event": event }),
        )
    }
}
