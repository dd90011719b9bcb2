//! The emulated agent: instances by what their function was when they were started, and a memory that lags behind.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::store::{Refusal, Store};

/// What came of a call.
pub(crate) struct Called {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

struct Instance {
    id: String,
    started: Instant,
    calls: u64,
}

/// The agent.
pub(crate) struct Agent {
    /// How long it goes on with what it has read.
    pub(crate) stale: Duration,
    read: BTreeMap<String, (Value, Instant)>,
    instances: BTreeMap<String, Instance>,
    /// How many were started and how many calls they served, by function and image.
    containers: BTreeMap<(String, String), (u64, u64)>,
    last: u64,
}

impl Agent {
    pub(crate) fn new(stale: Duration) -> Agent {
        Agent { stale, read: BTreeMap::new(), instances: BTreeMap::new(), containers: BTreeMap::new(), last: 0 }
    }

    /// What it knows of a thing, which may be old.
    pub(crate) fn known(&mut self, key: &str, read: impl FnOnce() -> Result<Value, Refusal>) -> Result<Value, Refusal> {
        if let Some((value, at)) = self.read.get(key)
            && at.elapsed() < self.stale
        {
            return Ok(value.clone());
        }
        let value = read()?;
        self.read.insert(key.to_owned(), (value.clone(), Instant::now()));
        Ok(value)
    }

    /// A call to a function: `event` is what the lab's functions take, as far as the tests need it.
    pub(crate) fn call(&mut self, store: &Store, function: &str, event: &str) -> Result<Called, Refusal> {
        let found = || store.get("fns", function).cloned().ok_or((404, "Fn not found"));
        let function = self.known(&format!("f:{function}"), found)?;
        let app_id = function["app_id"].as_str().unwrap();
        let found = || store.get("apps", app_id).cloned().ok_or((404, "App not found"));
        let app = self.known(&format!("a:{app_id}"), found)?;
        let image = function["image"].as_str().unwrap();
        if parsed_registry(image) != image.split('/').next() {
            return Err((502, "Failed to pull image: dial tcp: lookup registry-1.docker.io: no such host"));
        }
        if image.contains("broken") {
            return Err((502, "Container failed to initialize, please ensure you are using the latest fdk"));
        }
        let slot = json!([app["id"], app["config"], function]).to_string();
        let container =
            self.containers.entry((function["id"].as_str().unwrap().to_owned(), image.to_owned())).or_default();
        container.1 += 1;
        let instance = self.instances.entry(slot).or_insert_with(|| {
            self.last += 1;
            container.0 += 1;
            Instance { id: format!("instance-{}", self.last), started: Instant::now(), calls: 0 }
        });
        instance.calls += 1;
        let age_us = u64::try_from(instance.started.elapsed().as_micros()).unwrap();
        let headers = [
            ("X-Instance-Id", instance.id.clone()),
            ("X-Instance-Seq", (instance.calls - 1).to_string()),
            ("X-Instance-Uptime-Us", age_us.to_string()),
        ];
        let body = match serde_json::from_str::<Value>(event) {
            Ok(event) if event.is_object() && !image.contains("needy") => {
                let record = json!({
                    "instance_identifier": instance.id,
                    "invocation_index": instance.calls,
                    "sandbox_age_us": age_us,
                });
                let config = &function["config"];
                json!({
                    "identifier": "f-1", "records": { "f-1": record }, "image": image, "environment": config,
                    "event": event,
                })
            }
            // The function's own error, of which nothing passes.
            _ => return Err((502, "function failed")),
        };
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Ok(Called { headers, body: body.to_string() })
    }

    /// What `/metrics` shows.
    pub(crate) fn metrics(&self) -> String {
        let mut text = "# TYPE fn_container_start_duration_seconds histogram\nfn_calls 5\n".to_owned();
        for ((function, image), (starts, served)) in &self.containers {
            let labels = format!("{{app_id=\"a\",fn_id=\"{function}\",image_name=\"{image}\"}}");
            text.push_str(&format!("fn_container_start_duration_seconds_sum{labels} {}\n", starts * 400));
            text.push_str(&format!("fn_container_start_duration_seconds_count{labels} {starts}\n"));
            text.push_str(&format!("fn_container_busy_duration_seconds_count{labels} {served}\n"));
        }
        text
    }
}

/// The registry that the agent reads out of an image's name: `parseRepositoryTag` and `ParseImage` of
/// `api/agent/drivers/driver.go`, with the port taken for a tag where there is a digest and no tag.
fn parsed_registry(image: &str) -> Option<&str> {
    let (name, digest) = image.split_once('@').map_or((image, ""), |(name, digest)| (name, digest));
    let repository = match name.rsplit_once(':') {
        Some((repository, tag)) if !digest.is_empty() || !tag.contains('/') => repository,
        _ => name,
    };
    let (registry, _) = repository.split_once('/')?;
    (registry.contains(['.', ':']) || registry == "localhost").then_some(registry)
}
