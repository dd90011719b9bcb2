//! What controllers and nodes would make of the objects: pods that start and end in their time, and statuses.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long a pod takes to start, and to end.
pub(crate) const START: Duration = Duration::from_millis(60);
const END: Duration = Duration::from_millis(120);
/// Without requests for so long, what may be empty is emptied.
pub(crate) const IDLE: Duration = Duration::from_millis(1500);

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Trouble {
    #[default]
    None,
    /// Images can't be pulled.
    Pull,
    /// Containers end at once.
    Crash,
    /// The namespace's quota is used up.
    Quota,
    /// No controller looks at anything.
    NoController,
}

#[derive(Debug, Clone)]
pub(crate) struct Pod {
    pub(crate) name: String,
    pub(crate) owner: String,
    labels: Value,
    container: Value,
    pub(crate) image: String,
    made: Instant,
    pub(crate) ending: Option<Instant>,
    pub(crate) served: u64,
}

impl Pod {
    pub(crate) fn is_ready(&self, now: Instant) -> bool {
        now >= self.made + START && self.ending.is_none_or(|ending| now < ending)
    }

    fn is_gone(&self, now: Instant) -> bool {
        self.ending.is_some_and(|ending| now >= ending + END)
    }

    pub(crate) fn object(&self, now: Instant, trouble: Trouble) -> Value {
        let is_ready = self.is_ready(now) && !matches!(trouble, Trouble::Pull | Trouble::Crash);
        let state = match trouble {
            Trouble::Pull => json!({"waiting": {"reason": "ImagePullBackOff",
                "message": "Back-off pulling image: registry.example.test: no such host"}}),
            Trouble::Crash => json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}),
            _ if is_ready => json!({"running": {"startedAt": "2026-11-28T10:00:00Z"}}),
            _ => json!({"waiting": {"reason": "ContainerCreating"}}),
        };
        let last = if trouble == Trouble::Crash {
            json!({"terminated": {"exitCode": 2, "reason": "Error"}})
        } else {
            json!({})
        };
        let mut metadata = json!({"name": self.name, "namespace": "lab", "labels": self.labels});
        if self.ending.is_some_and(|ending| now >= ending) {
            metadata["deletionTimestamp"] = json!("2026-11-28T10:00:00Z");
        }
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "spec": {"containers": [{"name": "sidecar", "image": "s"}, self.container]},
            "status": {
                "phase": if is_ready { "Running" } else { "Pending" },
                "conditions": [{"type": "Ready", "status": if is_ready { "True" } else { "False" }}],
                "containerStatuses": [{
                    "name": self.container["name"], "image": self.image, "imageID": "", "ready": is_ready, "restartCount": 0,
                    "state": state, "lastState": last,
                }],
            },
        })
    }
}

/// The objects and the pods.
#[derive(Default)]
pub(crate) struct World {
    /// By `plural.group/name`.
    pub(crate) objects: BTreeMap<String, Value>,
    pub(crate) pods: Vec<Pod>,
    pub(crate) trouble: Trouble,
    /// `config-autoscaler` allows revisions that start without an instance.
    pub(crate) allows_empty: bool,
    count: u64,
    seen: BTreeMap<String, i64>,
    called: BTreeMap<String, Instant>,
}

fn containers(object: &Value) -> &Value {
    match object["kind"].as_str() {
        Some("Function") => &object["spec"]["podspec"]["containers"],
        _ => &object["spec"]["template"]["spec"]["containers"],
    }
}

impl World {
    pub(crate) fn number(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// The pods of an object that take requests.
    pub(crate) fn ready(&self, owner: &str) -> Vec<usize> {
        let now = Instant::now();
        let is = |pod: &Pod| pod.owner == owner && pod.is_ready(now);
        if matches!(self.trouble, Trouble::Pull | Trouble::Crash) {
            return Vec::new();
        }
        (0..self.pods.len()).filter(|at| is(&self.pods[*at])).collect()
    }

    /// Whether a pod is about to take requests.
    pub(crate) fn has_starting(&self, owner: &str) -> bool {
        self.pods.iter().any(|pod| pod.owner == owner && pod.ending.is_none())
    }

    pub(crate) fn called(&mut self, owner: &str) {
        self.called.insert(owner.to_owned(), Instant::now());
    }

    /// One more pod of an object.
    pub(crate) fn start(&mut self, owner: &str) {
        let Some(object) = self.objects.get(owner).cloned() else { return };
        let number = self.number();
        let container = containers(&object)[0].clone();
        let mut labels = object["spec"]["template"]["metadata"]["labels"].clone();
        if !labels.is_object() {
            labels = object["metadata"]["labels"].clone();
        }
        self.pods.push(Pod {
            name: format!("{}-{number}", object["metadata"]["name"].as_str().unwrap()),
            owner: owner.to_owned(),
            labels,
            image: container["image"].as_str().unwrap().to_owned(),
            container,
            made: Instant::now(),
            ending: None,
            served: 0,
        });
    }

    /// What controllers did meanwhile.
    pub(crate) fn advance(&mut self) {
        if self.trouble == Trouble::NoController {
            return;
        }
        let now = Instant::now();
        self.pods.retain(|pod| !pod.is_gone(now));
        let orphans: Vec<usize> =
            (0..self.pods.len()).filter(|at| !self.objects.contains_key(&self.pods[*at].owner)).collect();
        for at in orphans {
            self.pods[at].ending.get_or_insert(now);
        }
        let keys: Vec<String> = self.objects.keys().cloned().collect();
        for key in keys {
            let object = self.objects[&key].clone();
            if !containers(&object)[0].is_object() {
                continue;
            }
            self.control(&key, &object, now);
        }
    }

    fn control(&mut self, key: &str, object: &Value, now: Instant) {
        let generation = object["metadata"]["generation"].as_i64().unwrap();
        let annotations = &object["spec"]["template"]["metadata"]["annotations"];
        let wanted = match object["kind"].as_str().unwrap() {
            "Deployment" => object["spec"]["replicas"].as_u64().unwrap(),
            _ if annotations["autoscaling.knative.dev/initial-scale"] == "0" => 0,
            _ => 1,
        };
        let own = containers(object)[0].clone();
        let is_new = |pod: &Pod| pod.owner == key && pod.container == own;
        if self.seen.get(key) != Some(&generation) {
            self.seen.insert(key.to_owned(), generation);
            self.called.insert(key.to_owned(), now);
            if self.trouble != Trouble::Quota {
                let there = self.pods.iter().filter(|pod| is_new(pod) && pod.ending.is_none()).count() as u64;
                for _ in there..wanted {
                    self.start(key);
                }
                for _ in wanted..there.max(wanted) {
                    let at = self.pods.iter().position(|pod| is_new(pod) && pod.ending.is_none()).unwrap();
                    self.pods[at].ending = Some(now);
                }
            }
        }
        let ready =
            self.pods.iter().filter(|pod| is_new(pod) && pod.is_ready(now) && pod.ending.is_none()).count() as u64;
        // The old ones serve until the new ones do, and some time more.
        if ready >= wanted {
            for pod in self.pods.iter_mut().filter(|pod| pod.owner == key && pod.container != own) {
                pod.ending.get_or_insert(now + START);
            }
        }
        let may_be_empty = matches!(object["apiVersion"].as_str(), Some("serving.knative.dev/v1"));
        if may_be_empty && self.called.get(key).is_some_and(|called| now > *called + IDLE) {
            for pod in self.pods.iter_mut().filter(|pod| is_new(pod)) {
                pod.ending.get_or_insert(now);
            }
        }
        let old =
            self.pods.iter().filter(|pod| pod.owner == key && pod.container != own && pod.ending.is_none()).count();
        let name = object["metadata"]["name"].as_str().unwrap();
        let is_done = ready >= wanted || self.seen.contains_key(&format!("{key}@{generation}"));
        if is_done {
            self.seen.insert(format!("{key}@{generation}"), 1);
        }
        let word = if is_done && self.trouble != Trouble::Quota { "True" } else { "Unknown" };
        let mut status = json!({
            "observedGeneration": generation,
            "conditions": [{"type": "Ready", "status": word, "reason": "Deploying", "message": "it is being made"}],
        });
        match object["apiVersion"].as_str().unwrap() {
            "apps/v1" => {
                status = json!({"observedGeneration": generation, "updatedReplicas": ready, "availableReplicas": ready,
                    "replicas": ready + old as u64, "conditions": []});
                if self.trouble == Trouble::Quota {
                    status["conditions"] = json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
                        "message": "pods \"f\" is forbidden: exceeded quota: lab, requested: limits.memory=128Mi"}]);
                }
            }
            "serving.knative.dev/v1" => {
                let revision = format!("{name}-{generation:05}");
                status["url"] = json!(format!("http://{name}.lab.example.test"));
                status["latestCreatedRevisionName"] = json!(revision);
                if is_done {
                    status["latestReadyRevisionName"] = json!(revision);
                    status["traffic"] = json!([{"revisionName": revision, "percent": 100, "latestRevision": true}]);
                }
            }
            "knative.projectriff.io/v1alpha1" => status["url"] = json!(format!("http://{name}.lab.example.test")),
            "fission.io/v1" => status = json!({}),
            _ => {}
        }
        self.objects.get_mut(key).unwrap()["status"] = status;
    }
}
