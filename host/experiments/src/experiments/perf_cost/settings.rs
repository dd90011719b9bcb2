//! What can be set, and what of it a unit is given.

use std::path::Path;

use platform::ColdStart as Way;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::plan::{self, within};
use crate::prices::{Architecture, FunctionPrice, MachinePrice, PriceTable};
use crate::{PlannedTarget, Request, RequestError, settings};

/// In which state a call finds its function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Start {
    /// Each call is an instance's first, one after another.
    Cold,
    /// Calls at once, on instances that served before.
    Warm,
    /// Calls at once, where there are no instances yet.
    Burst,
    /// Calls one after another, on an instance that served before.
    Sequential,
}

impl Start {
    pub(super) fn name(self) -> &'static str {
        match self {
            Start::Cold => "cold",
            Start::Warm => "warm",
            Start::Burst => "burst",
            Start::Sequential => "sequential",
        }
    }

    /// Whether a platform can bring it about.
    fn is_possible(self, way: Way) -> bool {
        match self {
            Start::Cold => way != Way::ByWaiting,
            Start::Burst => true,
            Start::Warm | Start::Sequential => way != Way::Always,
        }
    }
}

/// What can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Settings {
    /// Memory of an instance, MiB; where a platform can't limit it, its own is taken.
    pub(super) memory_mib: Vec<u64>,
    /// In which state calls find the function.
    pub(super) starts: Vec<Start>,
    /// Rounds, each with every target, function, memory size and state; the calls and the time of each are divided among them.
    pub(super) rounds: u32,
    /// A round ends when half the width of its median's 95% interval is this share of it.
    pub(super) interval: f64,
    /// Calls that count, at least.
    pub(super) least_calls: u32,
    /// Calls, at most.
    pub(super) most_calls: u32,
    /// Calls at once.
    pub(super) burst: u32,
    /// How long calls of one memory size and state are made, at most, s.
    pub(super) seconds: f64,
    /// The region whose prices count; empty: that of the target's options, and where it names none, the first that has a price.
    pub(super) region: String,
    /// The plan whose prices count; empty: the first of the platform's.
    pub(super) plan: String,
    /// `x86-64` or `aarch64`; empty: the first of the platform's.
    pub(super) architecture: String,
    /// Machines to compare with; empty: those of the platform's provider, and all for a platform without one.
    pub(super) machines: Vec<String>,
    /// A file of prices in the place of the ones that are compiled in.
    pub(super) prices: String,
}

pub(super) fn defaults(quick: bool) -> Settings {
    Settings {
        memory_mib: if quick { vec![128, 512] } else { vec![128, 256, 512, 1024, 2048] },
        starts: vec![Start::Cold, Start::Warm, Start::Burst, Start::Sequential],
        rounds: if quick { 1 } else { 3 },
        interval: 0.05,
        least_calls: if quick { 6 } else { 20 },
        most_calls: if quick { 16 } else { 400 },
        burst: if quick { 4 } else { 10 },
        seconds: if quick { 1.0 } else { 120.0 },
        region: String::new(),
        plan: String::new(),
        architecture: String::new(),
        machines: Vec::new(),
        prices: String::new(),
    }
}

/// What a unit is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Parameters {
    /// Memory of an instance, MiB; `None`: the platform's own.
    pub(super) memory_mib: Option<u64>,
    pub(super) start: Start,
    pub(super) interval: f64,
    pub(super) least_calls: u32,
    pub(super) most_calls: u32,
    pub(super) burst: u32,
    pub(super) seconds: f64,
    /// What calls cost; `Err`: why they have no price.
    pub(super) price: Result<FunctionPrice, String>,
    pub(super) machines: Vec<MachinePrice>,
}

/// How many rounds there are.
pub(super) fn rounds(request: &Request) -> Result<u32, RequestError> {
    let settings: Settings = settings(super::experiment::NAME, &defaults(request.quick), request)?;
    Ok(settings.rounds)
}

/// The sizes that a target's instances can have, of those that are asked for.
fn sizes(settings: &Settings, target: &PlannedTarget, price: &Result<FunctionPrice, String>) -> Vec<u64> {
    if !target.capabilities.memory_limit {
        return Vec::new();
    }
    let is_had = |mib: &u64| {
        let bytes = mib << 20;
        target.memory_bytes.has(bytes as f64) && price.as_ref().map_or(true, |price| price.has_memory(bytes))
    };
    settings.memory_mib.iter().copied().filter(is_had).collect()
}

/// What of the settings the targets can't have or bring about, in sentences.
pub(super) fn left_out(request: &Request) -> Vec<String> {
    let Ok(settings) = settings::<Settings>(super::experiment::NAME, &defaults(request.quick), request) else {
        return Vec::new();
    };
    let Ok(table) = table(&settings) else { return Vec::new() };
    let mut notes = Vec::new();
    for target in &request.targets {
        let price = price(&table, &settings, target).unwrap_or_else(|error| Err(error.to_string()));
        if target.capabilities.memory_limit {
            let sizes = sizes(&settings, target, &price);
            let without = settings.memory_mib.iter().filter(|mib| !sizes.contains(mib)).map(|mib| format!("{mib} MiB"));
            notes.extend(plan::left_out(target, without.collect()));
        }
        let way = target.capabilities.cold_start;
        let without = settings.starts.iter().filter(|start| !start.is_possible(way));
        let without: Vec<&str> = without.map(|start| start.name()).collect();
        if !without.is_empty() {
            let why = match way {
                Way::Always => "each call has an instance of its own",
                _ => "a cold start can only be waited for",
            };
            notes.push(format!("On {} the state {} was left out: {why}.", target.target, without.join(" and ")));
        }
    }
    notes
}

fn table(settings: &Settings) -> Result<PriceTable, RequestError> {
    let table = match settings.prices.as_str() {
        "" => PriceTable::compiled_in(),
        path => PriceTable::read(Path::new(path)),
    };
    table.map_err(|error| RequestError(error.to_string()))
}

/// The variants of a target, each with its parameters for one round.
pub(super) fn parameters(request: &Request, target: &PlannedTarget) -> Result<Vec<Parameters>, RequestError> {
    let settings: Settings = settings(super::experiment::NAME, &defaults(request.quick), request)?;
    check(&settings)?;
    let table = table(&settings)?;
    let price = price(&table, &settings, target)?;
    let machines = machines(&table, &settings, &target.platform)?;
    let sizes: Vec<Option<u64>> = match target.capabilities.memory_limit && !settings.memory_mib.is_empty() {
        true => sizes(&settings, target, &price).into_iter().map(Some).collect(),
        false => vec![None],
    };
    if sizes.is_empty() {
        return Err(RequestError(format!(
            "{} has none of the memory sizes {:?} MiB",
            target.target, settings.memory_mib
        )));
    }
    let mut all = Vec::new();
    for memory_mib in sizes {
        for start in settings.starts.iter().filter(|start| start.is_possible(target.capabilities.cold_start)) {
            all.push(Parameters {
                memory_mib,
                start: *start,
                interval: settings.interval,
                least_calls: settings.least_calls.div_ceil(settings.rounds),
                most_calls: settings.most_calls.div_ceil(settings.rounds),
                burst: settings.burst,
                seconds: settings.seconds / f64::from(settings.rounds),
                price: price.clone(),
                machines: machines.clone(),
            });
        }
    }
    Ok(all)
}

fn check(settings: &Settings) -> Result<(), RequestError> {
    for mib in &settings.memory_mib {
        within("memory-mib", *mib as f64, 1.0..=1_048_576.0)?;
    }
    within("rounds", f64::from(settings.rounds), 1.0..=1_000.0)?;
    within("interval", settings.interval, 0.001..=1.0)?;
    within("least-calls", f64::from(settings.least_calls), 1.0..=100_000.0)?;
    within("most-calls", f64::from(settings.most_calls), f64::from(settings.least_calls)..=1_000_000.0)?;
    within("burst", f64::from(settings.burst), 1.0..=10_000.0)?;
    within("seconds", settings.seconds, 0.1..=86_400.0)?;
    if settings.starts.is_empty() {
        return Err(RequestError("the setting starts is empty; give some of cold, warm, burst, sequential".to_owned()));
    }
    Ok(())
}

/// The price that counts, or why there is none: a platform without one is no mistake, a region without one is.
fn price(
    table: &PriceTable,
    settings: &Settings,
    target: &PlannedTarget,
) -> Result<Result<FunctionPrice, String>, RequestError> {
    let platform = target.platform.as_str();
    let architecture = match settings.architecture.as_str() {
        "" => None,
        "x86-64" => Some(Architecture::X86),
        "aarch64" => Some(Architecture::Arm),
        other => return Err(RequestError(format!("the setting architecture is `{other}`; give x86-64 or aarch64"))),
    };
    let region = match settings.region.as_str() {
        "" => target.region.as_deref().unwrap_or_default(),
        region => region,
    };
    if let Some(price) = table.function(platform, region, &settings.plan, architecture) {
        return Ok(Ok(price.clone()));
    }
    // What it does can be measured all the same.
    if settings.region.is_empty() && table.function(platform, "", &settings.plan, architecture).is_some() {
        return Ok(Err(format!(
            "there is no price of {platform} for {region}, where {} is; there are: {}",
            target.target,
            table.known(platform)
        )));
    }
    if table.functions.iter().any(|price| price.platform == platform) {
        return Err(RequestError(format!(
            "there is no price of {platform} for region `{}`, plan `{}`, architecture `{}`; there are: {}. A file of prices (--set \
             prices=FILE) may have more",
            settings.region,
            settings.plan,
            settings.architecture,
            table.known(platform)
        )));
    }
    Ok(Err(table.reason_without(platform)))
}

fn machines(table: &PriceTable, settings: &Settings, platform: &str) -> Result<Vec<MachinePrice>, RequestError> {
    if settings.machines.is_empty() {
        let provider = match platform {
            "lambda" => "aws",
            other => other,
        };
        let of_it: Vec<_> = table.machines.iter().filter(|machine| machine.provider == provider).cloned().collect();
        return Ok(if of_it.is_empty() { table.machines.clone() } else { of_it });
    }
    let named = settings.machines.iter().map(|name| {
        table.machine(name).cloned().ok_or_else(|| {
            let known: Vec<&str> = table.machines.iter().map(|machine| machine.name.as_str()).collect();
            RequestError(format!("there is no price of a machine `{name}`; there are {}", known.join(", ")))
        })
    });
    named.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use platform::{Allowed, Capabilities};
    use serde_json::json;

    use super::*;

    fn target(platform: &str, cold_start: Way, memory_limit: bool) -> PlannedTarget {
        let capabilities = Capabilities {
            asynchronous: false,
            cold_start,
            scale: true,
            keep_alive: true,
            memory_limit,
            cpu_limit: true,
            concurrency: false,
            logs: false,
            metrics: false,
            billing: false,
            nested_calls: false,
            local_processes: false,
        };
        PlannedTarget {
            target: platform.to_owned(),
            platform: platform.to_owned(),
            capabilities,
            region: None,
            memory_bytes: Allowed::Any,
            cpus: Allowed::Any,
        }
    }

    fn planned(
        platform: &str,
        way: Way,
        limit: bool,
        set: &[(&str, serde_json::Value)],
    ) -> Result<Vec<Parameters>, RequestError> {
        planned_at(&target(platform, way, limit), set)
    }

    fn planned_at(target: &PlannedTarget, set: &[(&str, serde_json::Value)]) -> Result<Vec<Parameters>, RequestError> {
        let settings = set.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let request = Request { seed: 1, quick: false, subjects: Vec::new(), targets: Vec::new(), settings };
        parameters(&request, target)
    }

    #[test]
    fn the_price_is_that_of_the_targets_region() {
        let at = |region: &str, set: &[(&str, serde_json::Value)]| {
            let target = PlannedTarget { region: Some(region.to_owned()), ..target("lambda", Way::ByUpdate, true) };
            planned_at(&target, set).unwrap()[0].price.clone()
        };
        assert!(at("eu-west-1", &[]).unwrap().regions.contains(&"eu-west-1".to_owned()));
        // What the user says goes before it; a region without a price is no mistake of his.
        let said = at("eu-west-1", &[("region", json!("us-east-1"))]).unwrap();
        assert!(said.regions.contains(&"us-east-1".to_owned()));
        assert!(at("mars-1", &[]).unwrap_err().contains("mars-1"));
    }

    #[test]
    fn states_that_a_platform_can_not_bring_about_are_left_out() {
        let starts = |way| planned("wasm", way, false, &[]).unwrap().iter().map(|one| one.start).collect::<Vec<_>>();
        assert_eq!(starts(Way::ByWaiting), [Start::Warm, Start::Burst, Start::Sequential]);
        assert_eq!(starts(Way::Always), [Start::Cold, Start::Burst]);
        assert_eq!(starts(Way::Forced).len(), 4);
    }

    #[test]
    fn only_sizes_that_can_be_had_are_planned() {
        let mut set = vec![("memory-mib", json!([64, 512, 1024])), ("plan", json!("flex"))];
        let sizes: Vec<_> =
            planned("azure", Way::ByWaiting, true, &set).unwrap().iter().map(|one| one.memory_mib).collect();
        assert_eq!(sizes, [Some(512); 3]);
        assert_eq!(planned("wasm", Way::Forced, false, &[]).unwrap()[0].memory_mib, None);
        set[0].1 = json!([100]);
        assert!(planned("azure", Way::ByWaiting, true, &set).unwrap_err().to_string().contains("100"));
    }

    #[test]
    fn what_a_target_does_not_take_is_left_out_and_said() {
        let mut target = target("nobody", Way::ByWaiting, true);
        target.memory_bytes = Allowed::Between { least: 512.0 * 1_048_576.0, greatest: 4.0 * 1_073_741_824.0 };
        let set = [("memory-mib", json!([128, 256, 512]))];
        assert!(planned_at(&target, &set).unwrap().iter().all(|one| one.memory_mib == Some(512)));
        let request = Request {
            seed: 1,
            quick: false,
            subjects: Vec::new(),
            targets: vec![target],
            settings: set.map(|(name, value)| (name.to_owned(), value)).into_iter().collect(),
        };
        let notes = left_out(&request).join(" ");
        assert!(notes.contains("128 MiB, 256 MiB") && !notes.contains("512"), "{notes}");
        assert!(notes.contains("the state cold was left out"), "{notes}");
    }

    #[test]
    fn the_calls_and_the_time_are_divided_among_the_rounds() {
        let one = &planned("wasm", Way::Forced, false, &[("rounds", json!(4)), ("most-calls", json!(401))]).unwrap()[0];
        assert_eq!((one.least_calls, one.most_calls, one.seconds), (5, 101, 30.0));
    }

    #[test]
    fn a_platform_without_a_price_is_measured_and_a_wrong_region_is_refused() {
        assert!(planned("openwhisk", Way::Forced, true, &[]).unwrap()[0].price.is_err());
        assert!(planned("lambda", Way::ByUpdate, true, &[("region", json!("eu-west-1"))]).unwrap()[0].price.is_ok());
        let refused = planned("lambda", Way::ByUpdate, true, &[("region", json!("mars-1"))]).unwrap_err().to_string();
        assert!(refused.contains("mars-1") && refused.contains("us-east-1"), "{refused}");
        assert!(
            planned("wasm", Way::Forced, true, &[("machines", json!(["x1"]))])
                .unwrap_err()
                .to_string()
                .contains("t3.medium")
        );
        assert!(planned("wasm", Way::Forced, true, &[("interval", json!(0))]).is_err());
    }
}
