//! A platform whose instances take the lab functions' events and answer as they do, and behave as a test says: how long they
//! start, serve and are kept, how fast they compute, which calls fail or hang. All its waiting is tokio's, so that a test with
//! `start_paused` runs through hours at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join_all;
use image_kind::ImageKind;
use local_platform::{Driver, Instance, InstanceExit, Prepared, Served, StartRequest, Surroundings};
use platform::{
    Capabilities, ColdStart, DeploymentSpec, InstanceIdentity, Invocation, Ledger, Limits, PlatformError, Reached,
    Resource, Scale,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tokio::sync::watch;

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Nothing,
    /// The function answers with an error; its instance goes on.
    Fails,
    /// No answer comes until the time limit; its instance is ended.
    Hangs,
}

/// How a platform behaves.
#[derive(Clone)]
pub(crate) struct Manner {
    /// Its name.
    pub(crate) platform: &'static str,
    /// How long an instance takes to start.
    pub(crate) cold_start: Duration,
    /// What it takes in addition for each 1,000,000 bytes of its image.
    pub(crate) cold_start_per_megabyte: Duration,
    /// What an instance's first invocation takes in addition, in its handler.
    pub(crate) first: Duration,
    /// What each invocation takes in addition to what its event says.
    pub(crate) service: Duration,
    /// Up to so much more, by chance.
    pub(crate) jitter: Duration,
    /// How fast one core computes.
    pub(crate) iterations_per_s: f64,
    /// How many cores an instance without a limit has.
    pub(crate) cores: f64,
    /// By which share of its time each other instance that serves slows one down.
    pub(crate) interference: f64,
    /// Idle instances are reclaimed by chance between these, however long the deployment keeps them.
    pub(crate) reclaims: Option<(Duration, Duration)>,
    /// Instances that a deployment keeps that says nothing of it.
    pub(crate) own_minimum: u32,
    /// How old an instance becomes.
    pub(crate) lives: Option<Duration>,
    /// How long a call is on its way to the instance, and its answer on the way back.
    pub(crate) ways: (Duration, Duration),
    /// By how much its instances' clocks are ahead.
    pub(crate) ahead: Duration,
    /// What goes wrong with the call of that number, from 0 in the order of their coming.
    pub(crate) trouble: fn(u64) -> Trouble,
    /// What it can and can't.
    pub(crate) memory_limit: bool,
    pub(crate) cpu_limit: bool,
    pub(crate) concurrency: bool,
}

impl Manner {
    pub(crate) fn named(platform: &'static str) -> Manner {
        Manner {
            platform,
            cold_start: Duration::from_millis(40),
            cold_start_per_megabyte: Duration::ZERO,
            first: Duration::ZERO,
            service: Duration::from_millis(2),
            jitter: Duration::ZERO,
            iterations_per_s: 1e6,
            cores: 1.0,
            interference: 0.0,
            reclaims: None,
            own_minimum: 0,
            lives: None,
            ways: (Duration::ZERO, Duration::ZERO),
            ahead: Duration::ZERO,
            trouble: |_| Trouble::Nothing,
            memory_limit: true,
            cpu_limit: true,
            concurrency: true,
        }
    }
}

/// Every fifth call fails or hangs, by turns.
pub(crate) fn every_fifth(call: u64) -> Trouble {
    match call % 10 {
        4 => Trouble::Fails,
        9 => Trouble::Hangs,
        _ => Trouble::Nothing,
    }
}

/// What all instances of a platform write down together.
#[derive(Default)]
pub(crate) struct Counts {
    /// Instances that were started.
    pub(crate) started: AtomicU32,
    /// Calls that came to an instance.
    pub(crate) calls: AtomicU64,
    /// Those of them that went wrong.
    pub(crate) troubles: AtomicU64,
    /// Those that are being served.
    pub(crate) serving: AtomicU32,
    /// Specifications in the order of their deployments.
    pub(crate) deployed: Mutex<Vec<DeploymentSpec>>,
    /// The trace contexts that came with them.
    pub(crate) traces: Mutex<Vec<Option<String>>>,
    /// The functions' names with their events, in the order of their coming.
    pub(crate) events: Mutex<Vec<(String, Value)>>,
}

pub(crate) struct Pretended {
    pub(crate) manner: Arc<Manner>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) chance: Arc<Mutex<ChaCha8Rng>>,
}

impl Pretended {
    pub(crate) fn new(manner: Manner, counts: Arc<Counts>) -> Pretended {
        Pretended { manner: Arc::new(manner), counts, chance: Arc::new(Mutex::new(ChaCha8Rng::seed_from_u64(7))) }
    }
}

#[async_trait]
impl Driver for Pretended {
    fn platform(&self) -> &'static str {
        self.manner.platform
    }

    fn image_kind(&self) -> ImageKind {
        ImageKind::Component
    }

    fn capabilities(&self) -> Capabilities {
        // What a local platform adds to its driver's is not said here.
        Capabilities {
            asynchronous: false,
            cold_start: ColdStart::Always,
            scale: false,
            keep_alive: false,
            memory_limit: self.manner.memory_limit,
            cpu_limit: self.manner.cpu_limit,
            concurrency: self.manner.concurrency,
            logs: false,
            metrics: false,
            billing: false,
            nested_calls: false,
            local_processes: false,
        }
    }

    fn defaults(&self) -> (Scale, Limits) {
        let scale = Scale {
            minimum_instances: Some(self.manner.own_minimum),
            maximum_instances: Some(100),
            concurrency: Some(1),
            keep_alive: Some(Duration::from_secs(10)),
            queue: Some(10_000),
        };
        let limits =
            Limits { memory_bytes: Some(256_000_000), time: Some(Duration::from_secs(30)), ..Limits::default() };
        (scale, limits)
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        Ok(Reached { version: "1".to_owned(), remarks: Vec::new() })
    }

    async fn prepare(
        &self,
        spec: &DeploymentSpec,
        surroundings: &Surroundings,
        _: &dyn Ledger,
    ) -> Result<Arc<dyn Prepared>, PlatformError> {
        self.counts.deployed.lock().unwrap().push(spec.clone());
        Ok(Arc::new(Ready {
            manner: self.manner.clone(),
            counts: self.counts.clone(),
            chance: self.chance.clone(),
            spec: spec.clone(),
            surroundings: surroundings.clone(),
        }))
    }

    async fn remove(&self, _: &Resource) -> Result<(), PlatformError> {
        Ok(())
    }
}

#[derive(Clone)]
struct Ready {
    manner: Arc<Manner>,
    counts: Arc<Counts>,
    chance: Arc<Mutex<ChaCha8Rng>>,
    spec: DeploymentSpec,
    surroundings: Surroundings,
}

#[async_trait]
impl Prepared for Ready {
    async fn start(&self, request: StartRequest) -> Result<Arc<dyn Instance>, PlatformError> {
        self.counts.started.fetch_add(1, Ordering::SeqCst);
        let of_image = self.manner.cold_start_per_megabyte.mul_f64(self.spec.image.bytes as f64 / 1e6);
        tokio::time::sleep(self.manner.cold_start + of_image).await;
        Ok(Arc::new(Pretender {
            id: request.id,
            ready: self.clone(),
            invocations: AtomicU64::new(0),
            begin: tokio::time::Instant::now(),
            active: watch::Sender::new(0),
        }))
    }
}

struct Pretender {
    id: String,
    ready: Ready,
    invocations: AtomicU64,
    begin: tokio::time::Instant,
    active: watch::Sender<u32>,
}

#[async_trait]
impl Instance for Pretender {
    fn id(&self) -> &str {
        &self.id
    }

    async fn invoke(&self, invocation: &Invocation, deadline: Instant) -> Served {
        let begin = tokio::time::Instant::now();
        let number = self.ready.counts.calls.fetch_add(1, Ordering::SeqCst);
        let others = self.ready.counts.serving.fetch_add(1, Ordering::SeqCst);
        self.active.send_modify(|active| *active += 1);
        let index = self.invocations.fetch_add(1, Ordering::SeqCst) + 1;
        let identity = InstanceIdentity {
            id: self.id.clone(),
            invocation_index: index,
            age_us: u64::try_from(self.begin.elapsed().as_micros()).unwrap(),
        };
        self.ready.counts.traces.lock().unwrap().push(invocation.traceparent.clone());
        tokio::time::sleep(self.ready.manner.ways.0).await;
        let trouble = (self.ready.manner.trouble)(number);
        if trouble != Trouble::Nothing {
            self.ready.counts.troubles.fetch_add(1, Ordering::SeqCst);
        }
        let (status, body) = match trouble {
            Trouble::Nothing => {
                let work = self.work(invocation, &identity, others);
                tokio::time::timeout_at(deadline.into(), work).await.unwrap_or_else(|_| error(504, "limit", "too long"))
            }
            Trouble::Fails => error(500, "internal", "this one fails"),
            Trouble::Hangs => {
                tokio::time::sleep_until(deadline.into()).await;
                error(504, "limit", "it hung")
            }
        };
        tokio::time::sleep(self.ready.manner.ways.1).await;
        self.ready.counts.serving.fetch_sub(1, Ordering::SeqCst);
        self.active.send_modify(|active| *active -= 1);
        Served {
            status,
            body: Bytes::from(body.to_string()),
            instance: Some(identity),
            start: None,
            execution: begin.elapsed(),
            peak_memory_bytes: None,
            is_usable: status != 504,
        }
    }

    async fn ended(&self) -> InstanceExit {
        let lived = async {
            match self.ready.manner.lives {
                Some(time) => tokio::time::sleep_until(self.begin + time).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = lived => InstanceExit { reason: "old age".to_owned() },
            () = self.reclaimed() => InstanceExit { reason: "reclaimed".to_owned() },
        }
    }

    async fn stop(&self) {}
}

impl Pretender {
    /// Returns when it was idle for as long as chance says.
    async fn reclaimed(&self) {
        let Some((least, most)) = self.ready.manner.reclaims else { return std::future::pending().await };
        let mut active = self.active.subscribe();
        loop {
            if active.wait_for(|active| *active == 0).await.is_err() {
                return std::future::pending().await;
            }
            let idle = self.ready.chance.lock().unwrap().random_range(least..=most);
            if tokio::time::timeout(idle, active.wait_for(|active| *active > 0)).await.is_err() {
                return;
            }
        }
    }

    async fn work(&self, invocation: &Invocation, identity: &InstanceIdentity, others: u32) -> (u16, Value) {
        let Ok(event) = serde_json::from_slice::<Value>(&invocation.event) else {
            return error(400, "bad-request", "the event is not JSON");
        };
        let function = &self.ready.spec.function;
        self.ready.counts.events.lock().unwrap().push((function.clone(), event.clone()));
        let manner = &self.ready.manner;
        let (execution_start_ns, begin) = (self.unix_ns(), tokio::time::Instant::now());
        let chance = self.ready.chance.lock().unwrap().random_range(0.0..=1.0);
        let mut service = manner.service + manner.jitter.mul_f64(chance);
        if identity.is_cold() {
            service += manner.first;
        }
        let slower = 1.0 + manner.interference * f64::from(others);
        tokio::time::sleep(service.mul_f64(slower)).await;
        let seconds = |key: &str| event[key].as_f64();
        tokio::time::sleep(Duration::from_secs_f64(seconds("sleep").unwrap_or_default())).await;
        let computing = seconds("throughput_time").unwrap_or_default();
        tokio::time::sleep(Duration::from_secs_f64(computing)).await;
        // Neighbours that take the processor take of its time; others of what is done within it.
        let share = self.ready.spec.limits.cpus.unwrap_or(manner.cores).min(1.0);
        let iterations = (computing * share * manner.iterations_per_s / slower) as u64;
        let identifier = format!("{function}-{}", platform::DeploymentId::new());
        let nested = self.nested(invocation, &event, &identifier).await;
        let mut records = serde_json::Map::new();
        records.insert(
            identifier.clone(),
            json!({
                "identifier": identifier,
                "function_name": function,
                "parent": event["parent"].as_str().unwrap_or("root"),
                "level": event["level"].as_u64().unwrap_or(0) + 1,
                "platform": manner.platform,
                "engine": "native",
                "arch": "x86_64",
                "instance_identifier": identity.id,
                "invocation_index": identity.invocation_index,
                "is_cold": identity.is_cold(),
                "sandbox_age_us": identity.age_us,
                "function_cores": 1,
                "memory_limit_bytes": self.ready.spec.limits.memory_bytes,
                "execution_start_ns": execution_start_ns,
                "execution_end_ns": self.unix_ns(),
                "execution_us": microseconds(begin.elapsed()),
                "process_cpu_us": microseconds(service.mul_f64(slower) + Duration::from_secs_f64(computing * share)),
                "sleep": event["sleep"],
                "throughput_time": event["throughput_time"],
                "throughput": iterations,
                "throughput_running_us": (computing * 1e6) as u64,
                "throughput_cpu_us": (computing * share * 1e6) as u64,
                "random_seed": 20_260_101,
            }),
        );
        records.extend(nested);
        (200, json!({ "identifier": identifier, "records": records }))
    }

    /// Its own clock.
    fn unix_ns(&self) -> u64 {
        native::unix_time_ns() + u64::try_from(self.ready.manner.ahead.as_nanos()).unwrap()
    }

    async fn nested(&self, invocation: &Invocation, event: &Value, parent: &str) -> serde_json::Map<String, Value> {
        let Some(calls) = event["invoke_nested"].as_array() else { return serde_json::Map::new() };
        let level = event["level"].as_u64().unwrap_or(0) + 1;
        let made = calls.iter().map(async |call| {
            let name = call["function_name"].as_str().unwrap();
            let mut payload = call["invoke_payload"].clone();
            payload["parent"] = json!(parent);
            payload["level"] = json!(level);
            let passed = Invocation { event: Bytes::from(payload.to_string()), ..invocation.clone() };
            let (start_ns, begin) = (self.unix_ns(), tokio::time::Instant::now());
            let outcome = self.ready.surroundings.others.call(name, passed).await;
            let timings = [
                ("invocation_start_ns", json!(start_ns)),
                ("invocation_end_ns", json!(self.unix_ns())),
                ("invocation_us", json!(microseconds(begin.elapsed()))),
            ];
            let (identifier, mut records) = match outcome {
                Ok(answer) => {
                    let answer: Value = serde_json::from_str(&answer).unwrap();
                    let records: BTreeMap<String, Value> = serde_json::from_value(answer["records"].clone()).unwrap();
                    (answer["identifier"].as_str().unwrap().to_owned(), records)
                }
                Err(error) => {
                    let identifier = format!("{name}-{}", platform::DeploymentId::new());
                    let record = json!({
                        "identifier": identifier, "function_name": name, "parent": parent, "level": level + 1,
                        "error": { "type": error.kind.name(), "message": error.message },
                    });
                    (identifier.clone(), BTreeMap::from([(identifier, record)]))
                }
            };
            let record = records.get_mut(&identifier).unwrap();
            for (key, value) in timings {
                record[key] = value;
            }
            records
        });
        let all = if event["parallel"].as_bool() == Some(true) {
            join_all(made).await
        } else {
            let mut all = Vec::new();
            for call in made {
                all.push(call.await);
            }
            all
        };
        all.into_iter().flatten().collect()
    }
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap()
}

fn error(status: u16, kind: &str, message: &str) -> (u16, Value) {
    (status, json!({ "error": { "type": kind, "message": message } }))
}
