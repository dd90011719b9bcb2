//! What differs between the circumstances of two runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::results::Run;

/// Facts of a stored environment that shift figures: their place in it, and what people call them.
const MATTERS: [(&str, &str); 20] = [
    ("cpu.model", "processor"),
    ("cpu.logical", "processors"),
    ("cpu.usable", "usable processors"),
    ("cpu.smt_active", "shared cores (SMT)"),
    ("cpu.governors", "frequency governor"),
    ("cpu.boost", "frequency boost"),
    ("system.kernel", "kernel"),
    ("system.distribution", "distribution"),
    ("system.clock_source", "clock source"),
    ("system.transparent_huge_pages", "transparent huge pages"),
    ("system.address_randomisation", "address randomisation"),
    ("memory.total_bytes", "memory, bytes"),
    ("cgroup.memory_limit_bytes", "memory limit"),
    ("cgroup.cpu_limit", "processor limit"),
    ("virtualisation.hypervisor", "hypervisor"),
    ("virtualisation.container", "container"),
    ("build.program_version", "faasbench"),
    ("build.rustc_version", "rustc"),
    ("build.wasmtime_version", "wasmtime"),
    ("build.debug_build", "debug build"),
];

/// Choices of a plan that shift figures.
const CHOICES: [(&str, &str); 8] = [
    ("processes", "processes"),
    ("pin", "pinned to processor"),
    ("memory_limit_bytes", "memory limit of an instance, bytes"),
    ("instances", "instances at once"),
    ("cold_cache", "page cache dropped"),
    ("sample_period_us", "period of samples, us"),
    ("seed", "seed"),
    ("counters", "counters"),
];

/// One thing that is not the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// What.
    pub name: String,
    /// In the baseline.
    pub baseline: String,
    /// In the candidate.
    pub candidate: String,
}

/// What differs between the machines, versions and choices of two runs, as far as it shifts figures.
pub fn differences(baseline: &Run, candidate: &Run) -> Vec<Difference> {
    let mut found = environment(&baseline.environment, &candidate.environment);
    let host = |run: &Run| run.process.host_name.clone().map_or(Json::Null, Json::String);
    found.extend(difference("machine", &host(baseline), &host(candidate)));
    for (place, name) in CHOICES {
        found.extend(difference(name, &baseline.plan[place], &candidate.plan[place]));
    }
    found
}

/// What differs between two environments.
pub fn environment(baseline: &Json, candidate: &Json) -> Vec<Difference> {
    MATTERS
        .iter()
        .filter_map(|(place, name)| {
            let mut path = place.split('.');
            let (section, fact) = (path.next()?, path.next()?);
            difference(name, fact_value(&baseline[section][fact]), fact_value(&candidate[section][fact]))
        })
        .collect()
}

/// A fact's value, or the value itself where it is stored plainly.
fn fact_value(fact: &Json) -> &Json {
    match fact.as_object() {
        Some(object) if object.contains_key("value") => &fact["value"],
        _ => fact,
    }
}

fn difference(name: &str, baseline: &Json, candidate: &Json) -> Option<Difference> {
    (baseline != candidate).then(|| Difference {
        name: name.to_owned(),
        baseline: shown(baseline),
        candidate: shown(candidate),
    })
}

fn shown(value: &Json) -> String {
    match value {
        Json::Null => "not known".to_owned(),
        Json::String(text) => text.clone(),
        Json::Bool(true) => "yes".to_owned(),
        Json::Bool(false) => "no".to_owned(),
        Json::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_shifts_figures_is_said_and_the_rest_is_not() {
        let machine = |kernel: &str, load: f64| {
            json!({
                "cpu": {"model": {"value": "A", "absent_reason": null}, "governors": {"value": ["performance"], "absent_reason": null}},
                "system": {"kernel": {"value": kernel, "absent_reason": null}, "load_average": {"value": [load], "absent_reason": null}},
                "build": {"debug_build": false},
                "unix_ns": load,
            })
        };
        assert_eq!(environment(&machine("6.1", 0.1), &machine("6.1", 3.0)), []);
        let found = environment(&machine("6.1", 0.1), &machine("6.2", 0.1));
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].name.as_str(), found[0].baseline.as_str(), found[0].candidate.as_str()),
            ("kernel", "6.1", "6.2")
        );
    }

    #[test]
    fn what_one_side_does_not_know_is_a_difference() {
        let known = json!({"cpu": {"boost": {"value": true, "absent_reason": null}}});
        let unknown = json!({"cpu": {"boost": {"value": null, "absent_reason": "no such file"}}});
        let found = environment(&known, &unknown);
        assert_eq!((found[0].baseline.as_str(), found[0].candidate.as_str()), ("yes", "not known"));
    }
}
