//! What `faasbench invoke` accepts.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::platform::ConfigurationFile;
use super::stored::ResultsLocation;
use crate::configuration::parse_duration;
use crate::engine::EngineKind;
use crate::workload::Size;

#[derive(Debug, Args)]
pub(in crate::cli) struct InvokeArguments {
    /// The function's name, or with --platform the deployment's
    pub(in crate::cli) function: String,

    /// The event, JSON; `-` reads it from standard input
    #[arg(long, value_name = "JSON", default_value = "{}", conflicts_with = "size")]
    pub(in crate::cli) payload: String,

    /// Invoke with the event of a generated workload instead
    #[arg(long, value_name = "SIZE")]
    pub(in crate::cli) size: Option<Size>,

    /// Invoke what is deployed on this platform, or target of the configuration [default: run the function here, once]
    #[arg(short, long, value_name = "PLATFORM", conflicts_with_all = ["engine", "timeout", "memory_limit", "storage"])]
    pub(in crate::cli) platform: Option<String>,

    /// Don't wait while it runs: the platform takes the call, and the answer is fetched
    #[arg(long = "async", requires = "platform")]
    pub(in crate::cli) asynchronous: bool,

    /// How long to wait for the answer of a deployed function [default: its time limit and some more]
    #[arg(long, value_name = "TIME", value_parser = parse_duration, requires = "platform")]
    pub(in crate::cli) patience: Option<Duration>,

    /// W3C traceparent that a deployed function's nested calls carry on
    #[arg(long, value_name = "TRACEPARENT", requires = "platform")]
    pub(in crate::cli) traceparent: Option<String>,

    /// How it runs here: native, wasm
    #[arg(long, value_name = "ENGINE", default_value = "wasm")]
    pub(in crate::cli) engine: EngineKind,

    /// Longest computation here
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    pub(in crate::cli) timeout: f64,

    /// Most linear memory of a WASM instance here, MiB
    #[arg(long, value_name = "MIB", default_value_t = 1_024)]
    pub(in crate::cli) memory_limit: u64,

    /// Folder of the object storage here, a folder for each bucket [default: the generated inputs]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) storage: Option<PathBuf>,

    /// Seed of generated inputs
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub(in crate::cli) seed: u64,

    #[command(flatten)]
    pub(in crate::cli) configuration: ConfigurationFile,

    #[command(flatten)]
    pub(in crate::cli) results: ResultsLocation,

    /// Print the response as it came, on one line; with --platform: response, timings and instance
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
