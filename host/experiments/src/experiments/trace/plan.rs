//! What of a trace is replayed.

use std::path::PathBuf;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::azure_trace::{
    Arrival, Distance, Replay, Spacing, Tables, Trace, Window, arrivals, generate, read_rows, read_tables, sample,
};
use crate::calling::seconds;
use crate::{Request, RequestError, settings};

pub(super) const NAME: &str = "trace";
/// Functions of the generated trace, of which most are called too rarely to be in a window.
const GENERATED: u32 = 1_000;
/// Functions are deployed one by one, and each schedule has a thread.
const MOST_FUNCTIONS: usize = 200;
const MOST_CALLS: u64 = 100_000;
/// Memory limits below this start no instance, and above it none is meant, MB.
const MEMORY_MB: (f64, f64) = (64.0, 10_240.0);

/// How an invocation spends its duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Work {
    /// It sleeps.
    Sleep,
    /// It computes.
    Compute,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Settings {
    /// The trace: 2019's file of calls per minute, or 2021's file of calls; empty: a generated one.
    pub(super) calls: String,
    /// 2019's file of durations, which the file of calls needs.
    pub(super) durations: String,
    /// 2019's file of memory; empty: none.
    pub(super) memory: String,
    /// The window's first minute, from 0.
    pub(super) from_minute: u32,
    /// Its length.
    pub(super) minutes: u32,
    /// How long a minute of the trace takes, s.
    pub(super) minute_s: f64,
    /// How many of the trace's functions are taken.
    pub(super) functions: usize,
    /// Calls for each call of the trace; 0: as many as `most-calls` allows, at most 1.
    pub(super) factor: f64,
    /// No more calls than these are made on each target.
    pub(super) most_calls: u64,
    /// How calls lie in their minute: `poisson` or `equidistant`.
    pub(super) spacing: Spacing,
    /// Durations are multiplied by this.
    pub(super) duration_factor: f64,
    /// And cut to this, s.
    pub(super) longest_s: f64,
    /// What invocations do: `sleep` or `compute`.
    pub(super) work: Work,
    /// Whether each function's memory limit is drawn from the trace.
    pub(super) memory_limits: bool,
    /// Calls of one function at once; further ones are dropped, and counted.
    pub(super) most_in_flight: u64,
    /// How long an answer is waited for beyond the longest duration, s.
    pub(super) patience_s: f64,
}

pub(super) fn defaults(quick: bool) -> Settings {
    let full = Settings {
        calls: String::new(),
        durations: String::new(),
        memory: String::new(),
        from_minute: 0,
        minutes: 10,
        minute_s: 60.0,
        functions: 20,
        factor: 0.0,
        most_calls: 5_000,
        spacing: Spacing::Poisson,
        duration_factor: 1.0,
        longest_s: 30.0,
        work: Work::Sleep,
        memory_limits: false,
        most_in_flight: 256,
        patience_s: 60.0,
    };
    if !quick {
        return full;
    }
    // Shorter in everything, durations too: nearly all are still below what they are cut to.
    Settings {
        minutes: 3,
        minute_s: 3.0,
        functions: 4,
        most_calls: 150,
        duration_factor: 0.05,
        longest_s: 0.5,
        patience_s: 5.0,
        ..full
    }
}

/// What is replayed on each target.
pub(super) struct Plan {
    pub(super) settings: Settings,
    pub(super) functions: Vec<Planned>,
    pub(super) summary: PlanSummary,
    /// How long an answer is waited for.
    pub(super) patience: Duration,
}

/// One function.
pub(super) struct Planned {
    pub(super) name: String,
    pub(super) arrivals: Vec<Arrival>,
    /// Its memory limit, bytes; `None`: the target's.
    pub(super) memory_bytes: Option<u64>,
}

/// What is said of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PlanSummary {
    /// Where the trace is from.
    pub(super) source: String,
    /// Functions that were called in the window.
    pub(super) all_functions: usize,
    /// Calls of those that were picked, in the trace.
    pub(super) calls_in_trace: u64,
    /// Calls for each of them.
    pub(super) factor: f64,
    /// Distance of the picked functions' calls from all functions'.
    pub(super) calls_distance: Distance,
    /// The same of their mean durations.
    pub(super) durations_distance: Distance,
    /// Calls that are planned.
    pub(super) planned: u64,
    /// Of those, how many have their durations cut.
    pub(super) cut: u64,
    /// What else must be known.
    pub(super) notes: Vec<String>,
}

impl Plan {
    /// Reads the trace and draws the plan: the same for every target, and each time.
    ///
    /// # Errors
    /// When the settings or the trace can't be used.
    pub(super) fn read(request: &Request) -> Result<Plan, RequestError> {
        let settings = settings(NAME, &defaults(request.quick), request)?;
        let patience = check(&settings)?;
        let window = Window { from_minute: settings.from_minute, minutes: settings.minutes };
        let trace = trace(&settings, window, request.seed)?;
        let mut chance = ChaCha8Rng::seed_from_u64(request.seed);
        let sampled = sample(&trace, settings.functions, &mut chance);
        let picked = || sampled.picked.iter().filter_map(|index| trace.functions.get(*index));
        let calls_in_trace: u64 = picked().map(|function| function.count()).sum();
        let factor = match settings.factor {
            0.0 => (settings.most_calls as f64 / calls_in_trace.max(1) as f64).min(1.0),
            factor => factor,
        };
        if calls_in_trace as f64 * factor > settings.most_calls as f64 + settings.functions as f64 {
            return Err(wrong(&format!(
                "the window has {calls_in_trace} calls, which at a `factor` of {factor} are more than the {} of `most-calls`",
                settings.most_calls
            )));
        }
        let replay = Replay {
            factor,
            minute_s: settings.minute_s,
            spacing: settings.spacing,
            duration_factor: settings.duration_factor,
            longest_s: settings.longest_s,
        };
        let mut functions = Vec::new();
        for function in picked() {
            let memory_mb =
                function.memory_mb.as_ref().filter(|_| settings.memory_limits).map(|memory| memory.draw(&mut chance));
            let memory_bytes = memory_mb.map(|mb| (mb.clamp(MEMORY_MB.0, MEMORY_MB.1).ceil() * 1e6) as u64);
            let arrivals = arrivals(function, &replay, &mut chance);
            if !arrivals.is_empty() {
                functions.push(Planned { name: function.name.clone(), arrivals, memory_bytes });
            }
        }
        if functions.is_empty() {
            return Err(wrong(&format!("at a factor of {factor} no call is left; raise `factor` or `most-calls`")));
        }
        let all = || functions.iter().flat_map(|function| &function.arrivals);
        let summary = PlanSummary {
            source: trace.source.clone(),
            all_functions: trace.functions.len(),
            calls_in_trace,
            factor,
            calls_distance: sampled.calls,
            durations_distance: sampled.durations,
            planned: all().count() as u64,
            cut: all().filter(|arrival| arrival.is_cut).count() as u64,
            notes: notes(&trace, sampled.picked.len() - functions.len()),
        };
        Ok(Plan { settings, functions, summary, patience })
    }

    /// How long the schedule is, s.
    pub(super) fn length_s(&self) -> f64 {
        f64::from(self.settings.minutes) * self.settings.minute_s
    }
}

fn wrong(what: &str) -> RequestError {
    RequestError(format!("the settings of {NAME} can't be used: {what}"))
}

/// The patience, when everything can be used.
fn check(settings: &Settings) -> Result<Duration, RequestError> {
    if !(1..=20_160).contains(&settings.minutes) || settings.from_minute > 20_160 {
        return Err(wrong("`minutes` must be 1 to 20160, `from-minute` at most 20160"));
    }
    if !(1..=MOST_FUNCTIONS).contains(&settings.functions) || !(1..=MOST_CALLS).contains(&settings.most_calls) {
        return Err(wrong(&format!("`functions` must be 1 to {MOST_FUNCTIONS}, `most-calls` 1 to {MOST_CALLS}")));
    }
    if !(0.0..=1e6).contains(&settings.factor) || !(0.0..=1e6).contains(&settings.duration_factor) {
        return Err(wrong("`factor` and `duration-factor` must be 0 to 1000000"));
    }
    if settings.most_in_flight == 0 {
        return Err(wrong("`most-in-flight` must be 1 or more"));
    }
    if settings.calls.is_empty() && !(settings.durations.is_empty() && settings.memory.is_empty()) {
        return Err(wrong("`durations` and `memory` belong to a file of calls per minute, which `calls` must name"));
    }
    let times = [settings.minute_s, settings.longest_s, settings.patience_s].map(seconds);
    let [Some(_), Some(longest), Some(patience)] = times else {
        return Err(wrong("`minute-s`, `longest-s` and `patience-s` must be more than 0 and at most 86400"));
    };
    Ok(longest + patience)
}

fn trace(settings: &Settings, window: Window, seed: u64) -> Result<Trace, RequestError> {
    if settings.calls.is_empty() {
        return Ok(generate(GENERATED, window, seed));
    }
    let calls = PathBuf::from(&settings.calls);
    let read = if settings.durations.is_empty() {
        read_rows(&calls, window)
    } else {
        let memory = (!settings.memory.is_empty()).then(|| PathBuf::from(&settings.memory));
        read_tables(&Tables { calls, durations: PathBuf::from(&settings.durations), memory }, window)
    };
    read.map_err(|error| {
        let hint = if settings.durations.is_empty() && error.to_string().contains("HashOwner") {
            "; a file of calls per minute needs `durations` beside it"
        } else {
            ""
        };
        RequestError(format!("{error}{hint}"))
    })
}

fn notes(trace: &Trace, without_calls: usize) -> Vec<String> {
    let mut notes = Vec::new();
    if trace.without_durations > 0 {
        notes.push(format!("{} functions were left out, as nothing says how long they took", trace.without_durations));
    }
    if without_calls > 0 {
        notes.push(format!(
            "{without_calls} of the picked functions have no call left at this factor and are not deployed"
        ));
    }
    for (file, malformed) in trace.malformed.iter().filter(|(_, malformed)| malformed.rows > 0) {
        let more = if malformed.rows as usize > malformed.told.len() { "; …" } else { "" };
        notes.push(format!(
            "{} of {} rows of {file} are malformed and were left out: {}{more}",
            malformed.rows,
            malformed.read,
            malformed.told.join("; ")
        ));
    }
    notes
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn request(set: serde_json::Value) -> Request {
        let serde_json::Value::Object(settings) = set else { panic!("an object") };
        Request { seed: 7, quick: true, subjects: Vec::new(), targets: Vec::new(), settings }
    }

    #[test]
    fn without_a_file_a_generated_trace_is_scaled_to_what_may_be_called_and_it_is_the_same_each_time() {
        let request = request(serde_json::json!({}));
        let (one, other) = (Plan::read(&request).unwrap(), Plan::read(&request).unwrap());
        assert!((100..=154).contains(&one.summary.planned), "{:?}", one.summary);
        assert!(one.summary.source.contains("generated"), "{:?}", one.summary);
        assert_eq!(one.summary, other.summary);
        let times =
            |plan: &Plan| plan.functions.iter().flat_map(|function| function.arrivals.clone()).collect::<Vec<_>>();
        assert_eq!(times(&one), times(&other));
        assert!(times(&one).iter().all(|arrival| arrival.at_s < one.length_s() && arrival.duration_s <= 0.5));
    }

    #[test]
    fn memory_limits_are_drawn_where_they_are_wanted() {
        let plan = Plan::read(&request(serde_json::json!({"memory-limits": true}))).unwrap();
        assert!(plan.functions.iter().all(|function| function.memory_bytes.is_some_and(|bytes| bytes >= 64_000_000)));
        let plan = Plan::read(&request(serde_json::json!({}))).unwrap();
        assert!(plan.functions.iter().all(|function| function.memory_bytes.is_none()));
    }

    #[test]
    fn what_can_not_be_replayed_is_refused_with_the_reason() {
        for (set, said) in [
            (serde_json::json!({"functions": 0}), "`functions` must be 1 to 200"),
            (serde_json::json!({"minutes": 0}), "`minutes` must be 1"),
            (serde_json::json!({"factor": 1e5}), "more than the 150 of `most-calls`"),
            (serde_json::json!({"minute-s": 0}), "`minute-s`"),
            (serde_json::json!({"durations": "x.csv"}), "which `calls` must name"),
            (serde_json::json!({"calls": "/no/such/file.csv"}), "/no/such/file.csv can't be read"),
            (serde_json::json!({"spacing": "even"}), "equidistant"),
        ] {
            let Err(RequestError(error)) = Plan::read(&request(set)) else { panic!("{said}") };
            assert!(error.contains(said), "{error}");
        }
    }
}
