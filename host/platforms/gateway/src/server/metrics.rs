//! What a server counts, for Prometheus: under the names of OpenFaaS's gateway where it has one.

use prometheus::core::Collector;
use prometheus::{
    CounterVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use platform::{Answer, Status};

/// The one namespace, as OpenFaaS calls it, which stands behind a function's name in labels.
pub(crate) const NAMESPACE: &str = "openfaas-fn";

/// Bounds of the histogram of durations, s: from a warm WASM instance to a long computation.
const BUCKETS_SECONDS: [f64; 16] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// All that a server counts.
pub(crate) struct Metrics {
    registry: Registry,
    invocations: IntCounterVec,
    started: IntCounterVec,
    seconds: HistogramVec,
    in_flight: IntGaugeVec,
    cold_starts: IntCounterVec,
    gigabyte_seconds: CounterVec,
    service_count: IntGaugeVec,
    queue: IntGaugeVec,
    instances: IntGaugeVec,
    /// Requests to functions that are not there.
    pub(crate) unknown: IntCounter,
    /// Asynchronous calls that are under way.
    pub(crate) asynchronous: IntGauge,
}

impl Metrics {
    pub(crate) fn new() -> Result<Metrics, prometheus::Error> {
        let options = |name: &str, help: &str| Opts::new(name, help);
        let by_code = ["function_name", "code"];
        let by_name = ["function_name"];
        let buckets =
            HistogramOpts::new("gateway_functions_seconds", "Time of invocations, s").buckets(BUCKETS_SECONDS.to_vec());
        let metrics = Metrics {
            registry: Registry::new(),
            invocations: IntCounterVec::new(
                options("gateway_function_invocation_total", "Invocations that were answered"),
                &by_code,
            )?,
            started: IntCounterVec::new(
                options("gateway_function_invocation_started", "Invocations that were taken"),
                &by_name,
            )?,
            seconds: HistogramVec::new(buckets, &by_code)?,
            in_flight: IntGaugeVec::new(
                options("faasbench_in_flight", "Invocations that are taken and not answered yet"),
                &by_name,
            )?,
            cold_starts: IntCounterVec::new(
                options("faasbench_cold_starts_total", "Invocations that were their instance's first"),
                &by_name,
            )?,
            gigabyte_seconds: CounterVec::new(
                options("faasbench_gigabyte_seconds_total", "Billed time times billed memory, GB-s"),
                &by_name,
            )?,
            service_count: IntGaugeVec::new(
                options("gateway_service_count", "Instances, idle ones too; also as faasbench_instances by state"),
                &by_name,
            )?,
            queue: IntGaugeVec::new(
                options("faasbench_queue_length", "Invocations that wait for an instance"),
                &by_name,
            )?,
            instances: IntGaugeVec::new(
                options("faasbench_instances", "Instances by what they do"),
                &["function_name", "state"],
            )?,
            unknown: IntCounter::with_opts(options(
                "faasbench_unknown_function_total",
                "Invocations of functions that are not there",
            ))?,
            asynchronous: IntGauge::with_opts(options(
                "faasbench_asynchronous_calls",
                "Asynchronous calls that are under way",
            ))?,
        };
        let collectors: [Box<dyn Collector>; 12] = [
            Box::new(metrics.invocations.clone()),
            Box::new(metrics.started.clone()),
            Box::new(metrics.seconds.clone()),
            Box::new(metrics.in_flight.clone()),
            Box::new(metrics.cold_starts.clone()),
            Box::new(metrics.gigabyte_seconds.clone()),
            Box::new(metrics.service_count.clone()),
            Box::new(metrics.queue.clone()),
            Box::new(metrics.instances.clone()),
            Box::new(metrics.unknown.clone()),
            Box::new(metrics.asynchronous.clone()),
            Box::new(build_information()?),
        ];
        for collector in collectors {
            metrics.registry.register(collector)?;
        }
        Ok(metrics)
    }

    /// The counters of one function.
    pub(crate) fn of(&self, name: &str) -> FunctionMetrics {
        let label = label(name);
        let by_name = [label.as_str()];
        FunctionMetrics {
            ok: self.invocations.with_label_values(&[&label, "200"]),
            ok_seconds: self.seconds.with_label_values(&[&label, "200"]),
            invocations: self.invocations.clone(),
            seconds: self.seconds.clone(),
            started: self.started.with_label_values(&by_name),
            in_flight: self.in_flight.with_label_values(&by_name),
            cold_starts: self.cold_starts.with_label_values(&by_name),
            gigabyte_seconds: self.gigabyte_seconds.with_label_values(&by_name),
            label,
        }
    }

    /// Takes in how a function is now.
    pub(crate) fn observe_status(&self, name: &str, status: &Status) {
        let label = label(name);
        let set = |family: &IntGaugeVec, labels: &[&str], value: usize| {
            family.with_label_values(labels).set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        if let Some(instances) = &status.instances {
            let busy = instances.iter().filter(|instance| instance.active.is_some_and(|active| active > 0)).count();
            set(&self.service_count, &[&label], instances.len());
            set(&self.instances, &[&label, "busy"], busy);
            set(&self.instances, &[&label, "idle"], instances.len() - busy);
        }
        if let Some(waiting) = status.waiting {
            set(&self.queue, &[&label], waiting as usize);
        }
    }

    /// Forgets what is now of a function that has gone; its counters stay, as they only ever grow.
    pub(crate) fn forget(&self, name: &str) {
        let label = label(name);
        // What was never there is no loss.
        let _ = self.service_count.remove_label_values(&[&label]);
        let _ = self.queue.remove_label_values(&[&label]);
        let _ = self.instances.remove_label_values(&[&label, "busy"]);
        let _ = self.instances.remove_label_values(&[&label, "idle"]);
    }

    /// All of it in Prometheus's text format.
    pub(crate) fn text(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

fn build_information() -> Result<IntGaugeVec, prometheus::Error> {
    let gauge = IntGaugeVec::new(Opts::new("faasbench_build_info", "The version of this server"), &["version"])?;
    gauge.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    Ok(gauge)
}

fn label(name: &str) -> String {
    format!("{name}.{NAMESPACE}")
}

/// The counters of one function, found once.
pub(crate) struct FunctionMetrics {
    label: String,
    ok: IntCounter,
    ok_seconds: Histogram,
    invocations: IntCounterVec,
    seconds: HistogramVec,
    started: IntCounter,
    in_flight: IntGauge,
    cold_starts: IntCounter,
    gigabyte_seconds: prometheus::Counter,
}

impl FunctionMetrics {
    /// One more is taken; it is in flight until what this gives is dropped.
    pub(crate) fn begin(&self) -> InFlight<'_> {
        self.started.inc();
        self.in_flight.inc();
        InFlight(&self.in_flight)
    }

    /// An invocation was answered.
    pub(crate) fn answered(&self, status: u16, seconds: f64) {
        if status == 200 {
            self.ok.inc();
            self.ok_seconds.observe(seconds);
            return;
        }
        let code = status.to_string();
        self.invocations.with_label_values(&[&self.label, &code]).inc();
        self.seconds.with_label_values(&[&self.label, &code]).observe(seconds);
    }

    /// What an answer says of its instance and its price.
    pub(crate) fn observe_answer(&self, answer: &Answer) {
        if answer.instance.as_ref().is_some_and(|instance| instance.is_cold()) {
            self.cold_starts.inc();
        }
        if let Some(gigabyte_seconds) = answer.billing.and_then(|billing| billing.gigabyte_seconds) {
            // A counter takes no negative and panics on it.
            self.gigabyte_seconds.inc_by(gigabyte_seconds.max(0.0));
        }
    }

    /// Invocations that were taken since the server began.
    pub(crate) fn taken(&self) -> u64 {
        self.started.get()
    }
}

/// One invocation in flight.
pub(crate) struct InFlight<'a>(&'a IntGauge);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}
