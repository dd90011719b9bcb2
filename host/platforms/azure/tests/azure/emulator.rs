//! Azure from its contract: ARM's three ways of telling that something takes its time, Kudu's publications, a host that learns of
//! functions and keys late, and instances that outlive a publication until the site is restarted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use emulation::{Request, Response, Server};
use platform::Platform;
use remote_platform::Connection;
use serde_json::{Value, json};

pub(crate) const SUBSCRIPTION: &str = "11111111-2222-3333-4444-555555555555";
pub(crate) const TOKEN: &str = "eyJ.arm";
pub(crate) const STORAGE_KEY: &str = "c3RvcmFnZS1rZXk=";
pub(crate) const FUNCTION_KEY: &str = "function-key==";

/// An instance of a site: with which package it began, when, and how often it served.
struct Instance {
    number: u64,
    package: Vec<u8>,
    begin: Instant,
    served: u64,
}

#[derive(Default)]
pub(crate) struct State {
    url: String,
    /// What ARM has, by lower-case id.
    pub(crate) things: BTreeMap<String, Value>,
    /// Operations with how often they are still asked for, and their failure.
    operations: BTreeMap<String, (u32, Option<String>)>,
    /// The published package of each site, and how often its publication is still asked for.
    packages: BTreeMap<String, (Vec<u8>, u32)>,
    instances: BTreeMap<String, Instance>,
    started: u64,
    synchronised: bool,
    /// The order of removals.
    pub(crate) removed: Vec<String>,
    /// The next operation that has a status fails with this.
    pub(crate) fails: Option<String>,
    /// Names that are another tenant's.
    pub(crate) taken: Vec<String>,
    /// Publications fail.
    pub(crate) refuses_packages: bool,
    /// Operations are told to be elsewhere.
    pub(crate) elsewhere: bool,
    /// The keys that sites were given, by the site and the key's name.
    pub(crate) site_keys: BTreeMap<(String, String), String>,
    /// How often a site's host refuses a key yet.
    pub(crate) starting: u32,
    /// Sites get host names with letters of Azure's own in them.
    pub(crate) unique_hosts: bool,
    /// Sites are refused, with their secret settings in the refusal.
    pub(crate) repeats: bool,
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
        let server = server.await.unwrap();
        state.lock().unwrap().url = server.url();
        Emulator { server, state }
    }

    pub(crate) fn connection(&self, options: Value) -> Connection {
        let url = self.server.url();
        let mut all = json!({
            "subscription": SUBSCRIPTION, "region": "westeurope", "insights-endpoint": url,
            "site-endpoint": format!("{url}/site/{{site}}"), "publish-endpoint": format!("{url}/scm/{{site}}") });
        for (option, value) in options.as_object().unwrap() {
            all[option] = value.clone();
        }
        emulation::connection("azure", &url, all)
    }

    pub(crate) fn platform(&self, options: Value) -> Arc<dyn Platform> {
        azure_platform::connect_with(self.connection(options), &variables).unwrap()
    }

    /// The only thing of a kind.
    pub(crate) fn only(&self, kind: &str) -> Value {
        let state = self.state.lock().unwrap();
        let mut found = state.things.values().filter(|thing| thing["type"] == kind);
        let thing = found.next().unwrap().clone();
        assert!(found.next().is_none());
        thing
    }

    /// A setting of the only site.
    pub(crate) fn setting(&self, name: &str) -> Option<String> {
        Emulator::setting_of(&self.only("Microsoft.Web/sites"), name)
    }

    /// A setting of a site, and the key of nested calls that it was given.
    pub(crate) fn setting_and_key(&self, site: &str, name: &str) -> (Option<String>, Option<String>) {
        let state = self.state.lock().unwrap();
        let thing = state.things.values().find(|thing| thing["name"] == site).unwrap();
        let key = state.site_keys.get(&(site.to_owned(), "faasbench-calls".to_owned()));
        (Emulator::setting_of(thing, name), key.cloned())
    }

    /// Gives a site another key of nested calls, as a command does that made it at the same time as another one.
    pub(crate) fn change_key(&self, site: &str, key: &str) {
        let mut state = self.state.lock().unwrap();
        let thing = state.things.values_mut().find(|thing| thing["name"] == site).unwrap();
        let settings = thing["properties"]["siteConfig"]["appSettings"].as_array_mut().unwrap();
        let setting = settings.iter_mut().find(|setting| setting["name"] == "FAASBENCH_CALLER_KEY").unwrap();
        setting["value"] = json!(key);
        state.site_keys.insert((site.to_owned(), "faasbench-calls".to_owned()), key.to_owned());
    }

    fn setting_of(site: &Value, name: &str) -> Option<String> {
        let settings = site["properties"]["siteConfig"]["appSettings"].as_array().unwrap().clone();
        settings.into_iter().find(|setting| setting["name"] == name)?["value"].as_str().map(str::to_owned)
    }
}

pub(crate) fn variables(name: &str) -> Option<String> {
    (name == "FAASBENCH_AZURE_ACCESS_TOKEN").then(|| TOKEN.to_owned())
}

fn error(status: u16, code: &str, message: &str) -> Response {
    Response::json(status, &json!({ "error": { "code": code, "message": message } }))
}

impl State {
    fn answer(&mut self, request: &Request) -> Response {
        let (method, path) = request.asks();
        if let ("POST", ["site", site, "api", function]) = (method, &path[..]) {
            return self.serve(site, function, request);
        }
        if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
            return error(401, "InvalidAuthenticationToken", "The access token is invalid.");
        }
        match (method, &path[..]) {
            (_, ["scm", site, "api", rest @ ..]) => self.kudu(method, site, rest, request),
            ("POST", ["v1", "apps", "app-1", "query"]) => {
                assert!(request.json()["query"].as_str().unwrap().contains("union traces"));
                let columns = json!([{ "name": "timestamp" }, { "name": "text" }, { "name": "severityLevel" }]);
                Response::json(
                    200,
                    &json!({ "tables": [{ "columns": columns, "rows": [["2026-11-28T10:00:00Z", "told", 3]] }] }),
                )
            }
            (_, ["subscriptions", SUBSCRIPTION, ..]) if !request.query.contains_key("api-version") => {
                error(400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required.")
            }
            ("GET", ["subscriptions", SUBSCRIPTION, "locations"]) => {
                Response::json(200, &json!({ "value": [{ "name": "westeurope" }, { "name": "eastus" }] }))
            }
            ("GET", ["subscriptions", SUBSCRIPTION, "operations", name]) => self.operation(name),
            ("GET", ["subscriptions", SUBSCRIPTION, list @ ("resources" | "resourcegroups")]) => {
                self.list(*list == "resourcegroups", request)
            }
            ("POST", ["subscriptions", SUBSCRIPTION, "resourceGroups", ..]) => self.act(request),
            (_, ["subscriptions", SUBSCRIPTION, "resourceGroups", ..]) => self.manage(method, request),
            _ => error(404, "NotFound", &format!("no such request: {}", request.line())),
        }
    }

    fn list(&self, groups: bool, request: &Request) -> Response {
        assert_eq!(request.query["$filter"], "tagName eq 'faasbench-deployment'");
        let is_group = |thing: &&Value| thing["type"] == "Microsoft.Resources/resourceGroups";
        let things: Vec<&Value> = self.things.values().filter(|thing| is_group(thing) == groups).collect();
        let from: usize = request.query.get("page").map_or(0, |page| page.parse().unwrap());
        let mut page = json!({ "value": things.iter().skip(from).take(2).collect::<Vec<_>>() });
        if from + 2 < things.len() {
            let list = request.path.last().unwrap();
            page["nextLink"] = json!(format!(
                "{}/subscriptions/{SUBSCRIPTION}/{list}?$filter=tagName%20eq%20'faasbench-deployment'&api-version=1&page={}",
                self.url,
                from + 2
            ));
        }
        Response::json(200, &page)
    }

    fn manage(&mut self, method: &str, request: &Request) -> Response {
        let id = format!("/{}", request.path.join("/"));
        if let Some((site, _)) = id.split_once("/providers/Microsoft.Insights/metrics") {
            assert!(self.things.contains_key(&site.to_lowercase()) && request.query["aggregation"] == "Total");
            let name = request.query["metricnames"].split(',').next().unwrap();
            let value = json!({ "name": { "value": name }, "timeseries": [{ "data": [{ "total": 5.0 }] }] });
            return Response::json(200, &json!({ "value": [value] }));
        }
        if let (["subscriptions", _, "resourceGroups", group, "resources"], "GET") = (&request.asks().1[..], method) {
            let inside = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/").to_lowercase();
            let things = self.things.iter().filter(|(key, _)| key.starts_with(&inside)).map(|(_, thing)| thing);
            return Response::json(200, &json!({ "value": things.collect::<Vec<_>>() }));
        }
        if let (
            ["subscriptions", _, "resourceGroups", .., "sites", site, "host", "default", "functionKeys", name],
            "PUT",
        ) = (&request.asks().1[..], method)
        {
            return self.put_key(site, name, &request.json());
        }
        let key = id.to_lowercase();
        let there = self.things.get(&key).cloned();
        match (method, there) {
            ("GET", Some(mut thing)) => {
                // Each look brings it nearer.
                if thing["properties"]["provisioningState"] == "Creating" {
                    thing["properties"]["provisioningState"] = json!("Succeeded");
                    self.things.insert(key, thing.clone());
                }
                Response::json(200, &thing)
            }
            (_, None) if method != "PUT" => {
                error(404, "ResourceNotFound", &format!("The Resource '{id}' was not found."))
            }
            ("PUT", there) => self.put(&id, request.json(), there.is_some()),
            ("PATCH", Some(mut thing)) => {
                for (field, value) in request.json()["properties"].as_object().unwrap() {
                    thing["properties"][field] = value.clone();
                }
                self.things.insert(key, thing.clone());
                Response::json(200, &thing)
            }
            ("DELETE", Some(_)) => {
                self.things.retain(|other, _| *other != key && !other.starts_with(&format!("{key}/")));
                self.removed.push(request.path.last().unwrap().clone());
                let location = self.begin("location");
                Response::bytes(202, "").header("location", &location).header("retry-after", "0")
            }
            _ => error(405, "MethodNotAllowed", &request.line()),
        }
    }

    fn put_key(&mut self, site: &str, name: &str, document: &Value) -> Response {
        assert_eq!((document["properties"]["name"].as_str(), self.synchronised), (Some(name), true));
        if self.starting > 0 {
            self.starting -= 1;
            return error(400, "BadRequest", "Encountered an error (ServiceUnavailable) from host runtime.");
        }
        let value = document["properties"]["value"].as_str().unwrap().to_owned();
        self.site_keys.insert((site.to_owned(), name.to_owned()), value);
        Response::json(201, document)
    }

    fn put(&mut self, id: &str, mut document: Value, is_there: bool) -> Response {
        let name = id.rsplit('/').next().unwrap();
        let parts: Vec<&str> = id.trim_start_matches('/').split('/').collect();
        let kind = match parts[..] {
            [_, _, "resourceGroups", _] => "Microsoft.Resources/resourceGroups".to_owned(),
            [_, _, _, _, "providers", provider, kind, _] => format!("{provider}/{kind}"),
            [_, _, _, _, "providers", provider, kind, _, .., last, _] => format!("{provider}/{kind}/{last}"),
            _ => return error(404, "InvalidResourceType", id),
        };
        if self.taken.iter().any(|taken| name == taken) {
            let message = format!("Website with given name {name} already exists.");
            return error(409, "Conflict", &message);
        }
        if parts.len() > 4 && !self.things.contains_key(&format!("/{}", parts[..4].join("/")).to_lowercase()) {
            return error(404, "ResourceGroupNotFound", "Resource group could not be found.");
        }
        if let Some(answer) = self.refused(&kind, &document) {
            return answer;
        }
        document["id"] = json!(id);
        document["name"] = json!(name);
        document["type"] = json!(kind);
        if kind == "Microsoft.Web/sites" {
            document["properties"]["state"] = json!("Running");
            let unique = if self.unique_hosts { "-a1b2.westeurope-01" } else { "" };
            document["properties"]["defaultHostName"] = json!(format!("{name}{unique}.azurewebsites.net"));
        }
        if kind == "Microsoft.Insights/components" {
            document["properties"]["ConnectionString"] = json!("InstrumentationKey=secret-insights");
            document["properties"]["AppId"] = json!("app-1");
        }
        if kind.ends_with("workspaces") {
            document["properties"]["provisioningState"] = json!("Creating");
        }
        self.things.insert(id.to_lowercase(), document.clone());
        let status = if is_there { 200 } else { 201 };
        match kind.as_str() {
            "Microsoft.Storage/storageAccounts" => {
                let location = self.begin("location");
                Response::bytes(202, "").header("location", &location).header("retry-after", "0")
            }
            "Microsoft.Web/serverfarms" => {
                let operation = self.begin("status");
                Response::json(status, &document).header("azure-asyncoperation", &operation).header("retry-after", "0")
            }
            _ => Response::json(status, &document),
        }
    }

    /// What Azure refuses in a document.
    fn refused(&self, kind: &str, document: &Value) -> Option<Response> {
        let bad = |message: &str| Some(error(400, "BadRequest", message));
        if !kind.ends_with("/containers") && document["location"] != "westeurope" {
            return bad("LocationRequired");
        }
        if kind != "Microsoft.Web/sites" {
            return None;
        }
        let properties = &document["properties"];
        let plan = properties["serverFarmId"].as_str().unwrap().to_lowercase();
        let Some(plan) = self.things.get(&plan) else { return bad("Cannot find server farm") };
        let settings = properties["siteConfig"]["appSettings"].as_array().unwrap();
        let has = |name: &str| settings.iter().any(|setting| setting["name"] == name);
        if self.repeats {
            let secrets = ["FAASBENCH_CALLER_KEY", "AzureWebJobsStorage", "APPLICATIONINSIGHTS_CONNECTION_STRING"];
            let is_secret = |setting: &&Value| secrets.contains(&setting["name"].as_str().unwrap());
            let repeated = settings.iter().filter(is_secret).map(|setting| setting["value"].as_str().unwrap());
            return bad(&format!("not these: {}", repeated.collect::<Vec<_>>().join(" and ")));
        }
        let is_flex = plan["sku"]["name"] == "FC1";
        if is_flex != properties["functionAppConfig"].is_object() {
            return bad("Flex Consumption, and nothing else, needs functionAppConfig");
        }
        if is_flex && (has("FUNCTIONS_WORKER_RUNTIME") || has("FUNCTIONS_EXTENSION_VERSION")) {
            return bad("Site.SiteConfig: the following app settings are not allowed in Flex Consumption");
        }
        let has_host = has("FUNCTIONS_WORKER_RUNTIME") && has("FUNCTIONS_EXTENSION_VERSION");
        if !is_flex && !has_host {
            return bad("the host would not start");
        }
        None
    }

    fn begin(&mut self, way: &str) -> String {
        let name = format!("{way}-{}", self.operations.len());
        let fails = if way == "status" { self.fails.take() } else { None };
        self.operations.insert(name.clone(), (2, fails));
        let host = if self.elsewhere { "http://elsewhere.test" } else { &self.url };
        format!("{host}/subscriptions/{SUBSCRIPTION}/operations/{name}?api-version=1")
    }

    fn operation(&mut self, name: &str) -> Response {
        let (left, fails) = self.operations.get_mut(name).unwrap();
        *left = left.saturating_sub(1);
        let done = *left == 0;
        if name.starts_with("location") {
            return Response::bytes(if done { 200 } else { 202 }, "").header("retry-after", "0");
        }
        let mut operation = json!({ "status": if done { "Succeeded" } else { "InProgress" } });
        if let Some(message) = fails.clone().filter(|_| done) {
            operation = json!({ "status": "Failed", "error": { "code": "QuotaExceeded", "message": message } });
        }
        Response::json(200, &operation).header("retry-after", "0")
    }

    fn act(&mut self, request: &Request) -> Response {
        let parts: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let site = parts.get(7).copied().unwrap_or_default().to_owned();
        match &parts[6..] {
            ["storageAccounts", _, "listKeys"] => {
                Response::json(200, &json!({ "keys": [{ "keyName": "key1", "value": STORAGE_KEY }] }))
            }
            ["sites", _, "config", "appsettings", "list"] => {
                let thing = self.things.values().find(|thing| thing["name"] == site.as_str()).unwrap();
                let settings = thing["properties"]["siteConfig"]["appSettings"].as_array().unwrap();
                let by_name = |one: &Value| (one["name"].as_str().unwrap().to_owned(), one["value"].clone());
                Response::json(200, &json!({ "properties": settings.iter().map(by_name).collect::<Value>() }))
            }
            ["sites", _, "host", "default", "sync"] => {
                self.synchronised = true;
                Response::bytes(204, "")
            }
            ["sites", _, "restart"] => {
                assert_eq!(request.query["synchronous"], "true");
                self.instances.remove(&site);
                Response::bytes(204, "")
            }
            ["sites", _, "functions", "function1", "listKeys"] if self.synchronised => {
                Response::json(200, &json!({ "default": FUNCTION_KEY }))
            }
            _ => error(404, "NotFound", &format!("no such request: {}", request.line())),
        }
    }

    fn kudu(&mut self, method: &str, site: &str, rest: &[&str], request: &Request) -> Response {
        match (method, rest) {
            ("POST", ["publish"]) => {
                assert_eq!(
                    (request.header("content-type"), request.query["RemoteBuild"].as_str()),
                    (Some("application/zip"), "false")
                );
                self.packages.insert(site.to_owned(), (request.body.to_vec(), 3));
                Response::json(202, &json!("publication-1"))
            }
            ("POST", ["zipdeploy"]) => {
                assert_eq!(request.query["isAsync"], "true");
                self.packages.insert(site.to_owned(), (request.body.to_vec(), 3));
                let location = format!("{}/scm/{site}/api/deployments/latest?deployer=Push-Deployer", self.url);
                Response::bytes(202, "").header("location", &location)
            }
            ("GET", ["deployments", "publication-1" | "latest"]) => {
                let (_, left) = self.packages.get_mut(site).unwrap();
                *left = left.saturating_sub(1);
                let status = match *left {
                    2 => return Response::bytes(404, ""),
                    0 if self.refuses_packages => 3,
                    0 => 4,
                    _ => 1,
                };
                Response::json(
                    200,
                    &json!({ "id": "publication-1", "status": status, "status_text": if status == 3 { "Package too odd" } else { "" } }),
                )
            }
            _ => error(404, "NotFound", &format!("no such request: {}", request.line())),
        }
    }

    /// The site's front end, its host and the function.
    fn serve(&mut self, site: &str, function: &str, request: &Request) -> Response {
        let Some((package, 0)) = self.packages.get(site) else {
            return Response::bytes(503, "Function host is not running.");
        };
        let package = package.clone();
        let trigger = trigger(&package);
        if !self.synchronised || function != trigger["route"] {
            return Response::bytes(404, "");
        }
        let given = request.header("x-functions-key");
        let is_key = |key: &str| {
            let mut of_site = self.site_keys.iter().filter(|((of, _), _)| of == site);
            key == FUNCTION_KEY || of_site.any(|(_, value)| value == key)
        };
        if trigger["authLevel"] == "function" && !given.is_some_and(is_key) {
            return Response::bytes(401, "");
        }
        if !self.instances.contains_key(site) {
            self.started += 1;
            let instance = Instance { number: self.started, package, begin: Instant::now(), served: 0 };
            self.instances.insert(site.to_owned(), instance);
        }
        // An instance keeps its package until it ends.
        let instance = self.instances.get_mut(site).unwrap();
        instance.served += 1;
        let body = json!({ "package": instance.package.len(), "trace": request.header("traceparent") });
        let body = if request.json()["do"] == "refuse" {
            Response::json(400, &json!({ "error": { "type": "bad-request", "message": "as asked" } }))
        } else {
            Response::json(200, &body)
        };
        body.header("x-instance-id", &format!("instance-{}", instance.number))
            .header("x-instance-seq", &(instance.served - 1).to_string())
            .header("x-instance-uptime-us", &instance.begin.elapsed().as_micros().to_string())
    }
}

/// The trigger in a package.
fn trigger(package: &[u8]) -> Value {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(package)).unwrap();
    let function: Value = serde_json::from_reader(archive.by_name("function1/function.json").unwrap()).unwrap();
    function["bindings"][0].clone()
}
