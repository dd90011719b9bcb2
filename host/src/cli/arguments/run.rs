//! What `faasbench run` accepts.

use std::path::PathBuf;

use clap::Args;

use super::percentage::share;
use super::platform::ConfigurationFile;
use super::stored::ResultsLocation;
use crate::engine::EngineKind;
use crate::workload::Size;

/// Measure functions: on this machine, or how platforms behave.
#[derive(Debug, Args)]
pub(in crate::cli) struct RunArguments {
    /// What to measure. On this machine: time, memory, disk-io, papi [default: all four]. On platforms: those of `faasbench list
    /// experiments`, or the file of an experiment of your own (`faasbench new experiment NAME` writes one). Several: apart by spaces
    /// or commas
    #[arg(value_name = "EXPERIMENT", value_delimiter = ',')]
    pub(in crate::cli) experiments: Vec<String>,

    /// Which functions, comma-separated or repeated [default: all six; for experiments on platforms function1]
    #[arg(short, long = "function", value_name = "FUNCTION", value_delimiter = ',')]
    pub(in crate::cli) functions: Vec<String>,

    /// The engines that run them in a worker of ours: native, wasm [default: both]
    #[arg(long = "engine", value_name = "ENGINE", value_delimiter = ',')]
    pub(in crate::cli) engines: Vec<EngineKind>,

    /// Platforms that run them, or targets of the configuration. For time, memory, disk-io, papi: platforms of this machine beside
    /// the engines, looked at from outside. For experiments on platforms: where they take place [default: wasm, process]
    #[arg(short, long = "platform", value_name = "PLATFORM", value_delimiter = ',')]
    pub(in crate::cli) platforms: Vec<String>,

    /// Which generated inputs: test, small, large [default: test]
    #[arg(long = "size", value_name = "SIZE", value_delimiter = ',')]
    pub(in crate::cli) sizes: Vec<Size>,

    /// A folder of your own files in place of the generated inputs of thumbnailer (each image is a workload) and
    /// compression (the whole folder is one)
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) input: Option<PathBuf>,

    /// Warm invocations of each function on each engine [default: 64 for time, 8 for the others]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) repetitions: Option<u32>,

    /// Fresh processes among which the repetitions are divided
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(in crate::cli) processes: u32,

    /// Repeat until the 95% interval of the median wall time lies within this share of it (`time` only)
    #[arg(long, value_name = "PERCENT", value_parser = share)]
    pub(in crate::cli) until_ci: Option<f64>,

    /// The most repetitions that --until-ci may take
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub(in crate::cli) max_repetitions: u32,

    /// Longest single invocation
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    pub(in crate::cli) timeout: f64,

    /// Most linear memory of a WASM instance, MiB
    #[arg(long, value_name = "MIB", default_value_t = 1_024)]
    pub(in crate::cli) memory_limit: u64,

    /// Processor to pin the workers to
    #[arg(long, value_name = "CPU")]
    pub(in crate::cli) pin: Option<u32>,

    /// Instances at once in the memory experiment
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(in crate::cli) instances: u32,

    /// Time between two samples of the memory experiment's series, ms
    #[arg(long, value_name = "MS", default_value_t = 5.0)]
    pub(in crate::cli) sample_period: f64,

    /// Drop the inputs' page cache before each repetition of the disk-io experiment
    #[arg(long)]
    pub(in crate::cli) cold_cache: bool,

    /// Sets of events for papi: inscount, sp, dp, cache, cycles [default: all five and software events]
    #[arg(long = "sets", value_name = "SET", value_delimiter = ',')]
    pub(in crate::cli) event_sets: Vec<String>,

    /// Events for papi: PAPI presets (TOT_INS), generic names (cache-misses), raw codes (r81d0)
    #[arg(long, value_name = "EVENT", value_delimiter = ',')]
    pub(in crate::cli) events: Vec<String>,

    /// Read papi's counters every N instructions for a series over each invocation
    #[arg(long, value_name = "N")]
    pub(in crate::cli) sample_every: Option<u64>,

    /// Count papi's events in Valgrind's simulated processor instead of the real one
    #[arg(long)]
    pub(in crate::cli) simulate: bool,

    /// Experiments on platforms: the plan that ends within a minute on the platforms of this machine
    #[arg(long)]
    pub(in crate::cli) quick: bool,

    /// A setting of an experiment on platforms, as in --set rounds=5; `faasbench list experiments --json` has all with their defaults
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    pub(in crate::cli) settings: Vec<(String, serde_json::Value)>,

    #[command(flatten)]
    pub(in crate::cli) configuration: ConfigurationFile,

    /// Seed of generated inputs and of the order of everything
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub(in crate::cli) seed: u64,

    /// Carry out a plan from a file; it replaces every choice above
    #[arg(long, value_name = "FILE", conflicts_with_all = ["experiments", "functions", "engines", "platforms", "sizes", "input",
        "repetitions", "until_ci", "pin", "cold_cache", "event_sets", "events", "sample_every", "simulate", "instances"])]
    pub(in crate::cli) plan: Option<PathBuf>,

    /// Go on with a run that was cut, by its id or `latest`: what is measured stays, the rest of its plan is done
    #[arg(long, value_name = "RUN", conflicts_with_all = ["experiments", "functions", "engines", "platforms", "sizes", "input",
        "repetitions", "processes", "until_ci", "max_repetitions", "timeout", "memory_limit", "pin", "instances",
        "sample_period", "cold_cache", "event_sets", "events", "sample_every", "simulate", "seed", "plan", "label"])]
    pub(in crate::cli) resume: Option<String>,

    /// Print the plan and do nothing
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,

    #[command(flatten)]
    pub(in crate::cli) results: ResultsLocation,

    /// A name for this run
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) label: Option<String>,

    /// Print the report (or the plan) as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// `NAME=VALUE`; what is no JSON is text.
fn setting(text: &str) -> Result<(String, serde_json::Value), String> {
    let (name, value) =
        text.split_once('=').ok_or_else(|| format!("`{text}` is no setting; write NAME=VALUE, as in rounds=5"))?;
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into())))
}
