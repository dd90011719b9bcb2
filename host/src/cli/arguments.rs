//! What the command line accepts. The comments of fields are the manual.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::engine::EngineKind;
use crate::experiment::Experiment;
use crate::workload::Size;

/// Benchmarks FaaS platforms and WASM runtimes with the same functions everywhere.
#[derive(Debug, Parser)]
#[command(name = "faasbench", version, about, max_term_width = 110)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Measure functions on this machine: time, memory, disk I/O, counters.
    Run(Box<RunArguments>),
    /// Invoke one function once and print its response.
    Invoke(InvokeArguments),
    /// List what there is: functions, experiments, sizes, platforms.
    List(ListArguments),
    /// Compile the functions' components ahead of their use, into the cache.
    Build(BuildArguments),
    /// Show which hardware and software counters this machine can count, and why not the rest.
    Counters(CountersArguments),
    /// Say what this machine will do to a measurement, and how to mend it.
    Doctor(DoctorArguments),
    /// Print a completion script for a shell.
    Completions(CompletionsArguments),
}

/// Measure functions on this machine.
///
/// Without arguments: all four experiments on all six functions, natively and as WASM, at `test` size. Results go to a
/// database as they happen; Ctrl-C keeps what was measured.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// What to measure: time, memory, disk-io, papi [default: all four]
    #[arg(value_name = "EXPERIMENT")]
    pub(super) experiments: Vec<Experiment>,

    /// Which functions, comma-separated or repeated [default: all six]
    #[arg(short, long = "function", value_name = "FUNCTION", value_delimiter = ',')]
    pub(super) functions: Vec<String>,

    /// How they run: native, wasm [default: both]
    #[arg(long = "engine", value_name = "ENGINE", value_delimiter = ',')]
    pub(super) engines: Vec<EngineKind>,

    /// Which generated inputs: test, small, large [default: test]
    #[arg(long = "size", value_name = "SIZE", value_delimiter = ',')]
    pub(super) sizes: Vec<Size>,

    /// A folder of your own files in place of the generated inputs of thumbnailer (each image is a workload) and
    /// compression (the whole folder is one)
    #[arg(long, value_name = "DIR")]
    pub(super) input: Option<PathBuf>,

    /// Warm invocations of each function on each engine [default: 64 for time, 8 for the others]
    #[arg(long, value_name = "N")]
    pub(super) repetitions: Option<u32>,

    /// Fresh processes among which the repetitions are divided
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(super) processes: u32,

    /// Repeat until the 95% interval of the median wall time lies within this share of it (`time` only)
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(super) until_ci: Option<f64>,

    /// The most repetitions that --until-ci may take
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub(super) max_repetitions: u32,

    /// Longest single invocation
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    pub(super) timeout: f64,

    /// Most linear memory of a WASM instance, MiB
    #[arg(long, value_name = "MIB", default_value_t = 1_024)]
    pub(super) memory_limit: u64,

    /// Processor to pin the workers to
    #[arg(long, value_name = "CPU")]
    pub(super) pin: Option<u32>,

    /// Instances at once in the memory experiment
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) instances: u32,

    /// Time between two samples of the memory experiment's series, ms
    #[arg(long, value_name = "MS", default_value_t = 5.0)]
    pub(super) sample_period: f64,

    /// Drop the inputs' page cache before each repetition of the disk-io experiment
    #[arg(long)]
    pub(super) cold_cache: bool,

    /// Sets of events for papi: inscount, sp, dp, cache, cycles [default: all five and software events]
    #[arg(long = "sets", value_name = "SET", value_delimiter = ',')]
    pub(super) event_sets: Vec<String>,

    /// Events for papi: PAPI presets (TOT_INS), generic names (cache-misses), raw codes (r81d0)
    #[arg(long, value_name = "EVENT", value_delimiter = ',')]
    pub(super) events: Vec<String>,

    /// Read papi's counters every N instructions for a series over each invocation
    #[arg(long, value_name = "N")]
    pub(super) sample_every: Option<u64>,

    /// Count papi's events in Valgrind's simulated processor instead of the real one
    #[arg(long)]
    pub(super) simulate: bool,

    /// Seed of generated inputs and of the order of everything
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub(super) seed: u64,

    /// Carry out a plan from a file; it replaces every choice above
    #[arg(long, value_name = "FILE", conflicts_with_all = ["experiments", "functions", "engines", "sizes", "input",
        "repetitions", "until_ci", "pin", "cold_cache", "event_sets", "events", "sample_every", "simulate", "instances"])]
    pub(super) plan: Option<PathBuf>,

    /// Print the plan and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Database that results go to
    #[arg(long, value_name = "FILE", default_value = "faasbench.db")]
    pub(super) results: PathBuf,

    /// A name for this run
    #[arg(long, value_name = "TEXT")]
    pub(super) label: Option<String>,

    /// Print the report (or the plan) as JSON
    #[arg(long)]
    pub(super) json: bool,
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text);
    match number.trim().parse::<f64>() {
        Ok(value) if value > 0.0 && value < 100.0 => Ok(value / 100.0),
        _ => Err("give a percentage above 0 and below 100, such as 5%".to_owned()),
    }
}

#[derive(Debug, Args)]
pub(super) struct InvokeArguments {
    /// The function's name
    pub(super) function: String,

    /// The event, JSON; `-` reads it from standard input
    #[arg(long, value_name = "JSON", default_value = "{}", conflicts_with = "size")]
    pub(super) payload: String,

    /// Invoke with the event of a generated workload instead
    #[arg(long, value_name = "SIZE")]
    pub(super) size: Option<Size>,

    /// How it runs: native, wasm
    #[arg(long, value_name = "ENGINE", default_value = "wasm")]
    pub(super) engine: EngineKind,

    /// Longest computation
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    pub(super) timeout: f64,

    /// Most linear memory of a WASM instance, MiB
    #[arg(long, value_name = "MIB", default_value_t = 1_024)]
    pub(super) memory_limit: u64,

    /// Folder of the object storage, a folder for each bucket [default: the generated inputs]
    #[arg(long, value_name = "DIR")]
    pub(super) storage: Option<PathBuf>,

    /// Seed of generated inputs
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub(super) seed: u64,

    /// Print the response as it came, on one line
    #[arg(long)]
    pub(super) json: bool,
}

/// What `faasbench list` can list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Listing {
    /// The lab functions
    Functions,
    /// The experiments
    Experiments,
    /// The sizes of workloads, with their cost
    Sizes,
    /// The platforms
    Platforms,
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// What to list
    pub(super) what: Listing,

    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct BuildArguments {
    /// Which functions [default: all six]
    #[arg(value_name = "FUNCTION")]
    pub(super) functions: Vec<String>,

    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct CountersArguments {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// The shell
    pub(super) shell: Shell,
}
