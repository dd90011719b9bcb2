//! What OpenFaaS keeps: functions, their instances, and how these come and go.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

/// Which OpenFaaS it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edition {
    /// faas-netes of the community edition, with its gateway.
    Community,
    /// faas-netes of OpenFaaS Standard: functions may have no instance.
    Standard,
    /// faasd: one instance, no probes.
    Faasd,
}

/// How long it takes until a new instance's process begins.
const STARTS: Duration = Duration::from_millis(50);
/// How long a pod takes until it is ready. Kubernetes needs 2 s and more; tests shall be short.
const READY: Duration = Duration::from_millis(250);
/// How long the endpoints of a pod that is ended are used.
const LINGERS: Duration = Duration::from_millis(150);
/// How long a function that is removed can be seen.
const TERMINATING: Duration = Duration::from_millis(300);

/// One instance.
pub(crate) struct Instance {
    pub(crate) id: String,
    began: Instant,
    served: u64,
    ready_at: Instant,
    gone_at: Option<Instant>,
}

impl Instance {
    fn new(ready_in: Duration) -> Instance {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let now = Instant::now();
        let id = format!("instance-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        Instance { id, began: now + STARTS, served: 0, ready_at: now + ready_in, gone_at: None }
    }

    fn is_ready(&self) -> bool {
        let now = Instant::now();
        now >= self.ready_at && self.gone_at.is_none_or(|gone| now < gone)
    }
}

/// One function.
pub(crate) struct Function {
    pub(crate) body: Map<String, Value>,
    pub(crate) replicas: u64,
    pub(crate) instances: Vec<Instance>,
    removed_at: Option<Instant>,
    next: usize,
}

/// An answer of the API.
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Said {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Said {
        Said { status, headers: Vec::new(), body: body.into() }
    }
}

/// All of it.
pub(crate) struct OpenFaas {
    pub(crate) edition: Edition,
    pub(crate) functions: BTreeMap<String, Function>,
    /// Whether new pods become ready at all.
    pub(crate) is_broken: bool,
    /// How many of the next updates fail: something else changes the function at the same time.
    pub(crate) conflicts: u32,
}

impl OpenFaas {
    pub(crate) fn new(edition: Edition) -> OpenFaas {
        OpenFaas { edition, functions: BTreeMap::new(), is_broken: false, conflicts: 0 }
    }

    fn accepted(&self) -> u16 {
        if self.edition == Edition::Faasd { 200 } else { 202 }
    }

    fn instance(&self) -> Instance {
        let ready_in = match (self.is_broken, self.edition) {
            (true, _) => Duration::from_secs(3600),
            // The task is started, and listens some time after.
            (_, Edition::Faasd) => Duration::from_millis(90),
            _ => READY,
        };
        Instance::new(ready_in)
    }

    /// What has gone by now is taken away.
    fn tidy(&mut self) {
        let now = Instant::now();
        self.functions.retain(|_, function| function.removed_at.is_none_or(|at| now < at + TERMINATING));
        for function in self.functions.values_mut() {
            function.instances.retain(|instance| instance.gone_at.is_none_or(|gone| now < gone));
        }
    }

    /// `POST` and `PUT /system/functions`.
    pub(crate) fn deploy(&mut self, body: &[u8], is_update: bool) -> Said {
        self.tidy();
        let Ok(Value::Object(body)) = serde_json::from_slice(body) else { return Said::new(400, "invalid JSON") };
        let (Some(name), Some(image)) = (text(&body, "service"), text(&body, "image")) else {
            return Said::new(400, "service and image are needed");
        };
        let is_name = |name: &str| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        if !is_name(name) || image.is_empty() {
            return Said::new(400, format!("service: ({name}) is invalid, must be a valid DNS entry"));
        }
        let label = |name: &str| body.get("labels")?.get(format!("com.openfaas.scale.{name}"));
        if self.edition == Edition::Community {
            let refused = label("zero").is_some_and(|zero| zero == "true") || label("zero-duration").is_some();
            if refused {
                return Said::new(
                    400,
                    "validation failed: com.openfaas.scale.zero not available for Community Edition",
                );
            }
            let number = |name: &str| label(name).and_then(|label| label.as_str()?.parse::<u32>().ok());
            for name in ["max", "min"] {
                if number(name).is_some_and(|number| number > 5) {
                    let said =
                        format!("validation failed: com.openfaas.scale.{name} is set too high for Community Edition");
                    return Said::new(400, said);
                }
            }
        }
        let minimum = label("min").and_then(|minimum| minimum.as_str()?.parse::<u64>().ok()).unwrap_or(1);
        let (name, accepted) = (name.to_owned(), self.accepted());
        let known = self.functions.contains_key(&name);
        match (is_update, known) {
            (true, false) => return Said::new(404, format!("service {name} not found")),
            (false, true) => return Said::new(500, format!("deployments.apps \"{name}\" already exists")),
            _ => {}
        }
        if is_update && self.conflicts > 0 {
            // Its handler returns without a status.
            self.conflicts -= 1;
            return Said::new(200, "");
        }
        let mut instances = if self.is_broken && self.edition != Edition::Faasd {
            // The new pods never become ready, so the old ones stay.
            self.functions.remove(&name).map(|function| function.instances).unwrap_or_default()
        } else {
            let mut old = self.functions.remove(&name).map(|function| function.instances).unwrap_or_default();
            let gone = Instant::now() + if self.edition == Edition::Faasd { Duration::ZERO } else { READY + LINGERS };
            for instance in &mut old {
                instance.gone_at.get_or_insert(gone);
            }
            old
        };
        instances.extend((0..minimum).map(|_| self.instance()));
        self.functions.insert(name, Function { body, replicas: minimum, instances, removed_at: None, next: 0 });
        Said::new(accepted, "")
    }

    /// `DELETE /system/functions`.
    pub(crate) fn delete(&mut self, body: &[u8]) -> Said {
        self.tidy();
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let accepted = self.accepted();
        match self.functions.get_mut(body["functionName"].as_str().unwrap_or_default()) {
            None => Said::new(404, "not found"),
            Some(function) => {
                // Its endpoints go first; the function is seen for a while.
                function.instances.clear();
                function.removed_at.get_or_insert(Instant::now());
                Said::new(accepted, "")
            }
        }
    }

    /// `POST /system/scale-function/NAME`.
    pub(crate) fn scale(&mut self, name: &str, body: &[u8]) -> Said {
        self.tidy();
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        if body["serviceName"].as_str() != Some(name) {
            return Said::new(400, "serviceName is needed");
        }
        let Some(asked) = body["replicas"].as_u64() else { return Said::new(400, "replicas is needed") };
        let edition = self.edition;
        let count = match edition {
            // What its gateway makes of other numbers, without a word.
            Edition::Community => asked.clamp(1, 5),
            Edition::Faasd => 1,
            Edition::Standard => asked,
        };
        let made: Vec<_> = (0..count).map(|_| self.instance()).collect();
        let Some(function) = self.functions.get_mut(name) else { return Said::new(404, "not found") };
        let serving = function.instances.iter().filter(|instance| instance.gone_at.is_none()).count() as u64;
        function.instances.extend(made.into_iter().take(count.saturating_sub(serving) as usize));
        let excess = serving.saturating_sub(count) as usize;
        let left: Vec<_> = function.instances.iter_mut().filter(|instance| instance.gone_at.is_none()).collect();
        for instance in left.into_iter().take(excess) {
            instance.gone_at = Some(Instant::now());
        }
        function.replicas = count;
        Said::new(202, "")
    }

    /// `GET /system/function/NAME`: what is 0 is left out.
    pub(crate) fn status(&mut self, name: &str) -> Option<Value> {
        self.tidy();
        let function = self.functions.get(name)?;
        let body = &function.body;
        let mut status = json!({
            "name": name, "image": body["image"], "namespace": "openfaas-fn", "labels": body.get("labels"),
            "annotations": body.get("annotations"), "createdAt": "2026-11-21T02:13:41Z",
        });
        let available =
            function.instances.iter().filter(|instance| instance.gone_at.is_none() && instance.is_ready()).count();
        // faasd counts started tasks.
        let available = if self.edition == Edition::Faasd { function.replicas as usize } else { available };
        // A rolling update counts old pods too, as long as new ones are not ready.
        let available = if available == 0 && function.instances.iter().any(Instance::is_ready) { 1 } else { available };
        for (key, number) in [("replicas", function.replicas), ("availableReplicas", available as u64)] {
            if number > 0 {
                status[key] = number.into();
            }
        }
        Some(status)
    }

    /// Whether a call must wait until an instance is there: the gateway starts one where there should be none.
    pub(crate) fn start_from_zero(&mut self, name: &str) {
        let instance = self.instance();
        if let Some(function) = self.functions.get_mut(name).filter(|function| function.removed_at.is_none())
            && function.replicas == 0
        {
            function.replicas = 1;
            function.instances.push(instance);
        }
    }

    /// A request to an instance, as one of those that are ready answers it.
    pub(crate) fn serve(&mut self, name: &str, path: &str, method: &str, body: &str) -> Said {
        self.tidy();
        let Some(function) = self.functions.get_mut(name) else {
            return Said::new(404, format!("error finding function {name}: not found"));
        };
        let ready: Vec<usize> =
            (0..function.instances.len()).filter(|index| function.instances[*index].is_ready()).collect();
        if ready.is_empty() {
            return match self.edition {
                Edition::Faasd => Said::new(500, format!("Can't reach service for: {name}.")),
                _ => Said::new(503, format!("No endpoints available for: {name}.")),
            };
        }
        function.next += 1;
        let instance = &mut function.instances[ready[function.next % ready.len()]];
        let mut headers = vec![
            ("x-instance-id", instance.id.clone()),
            ("x-instance-uptime-us", instance.began.elapsed().as_micros().to_string()),
        ];
        if method == "GET" && path == "/_/health" {
            return Said { status: 200, headers, body: "ok\n".to_owned() };
        }
        headers.push(("x-instance-seq", instance.served.to_string()));
        instance.served += 1;
        let answer = json!({ "method": method, "path": path, "event": body, "image": function.body["image"] });
        Said { status: 200, headers, body: answer.to_string() }
    }
}

fn text<'a>(body: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    body.get(key)?.as_str()
}
