//! What the commands accept that store nothing.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::Shell;

use crate::engine::EngineKind;
use crate::workload::Size;

#[derive(Debug, Args)]
pub(in crate::cli) struct InvokeArguments {
    /// The function's name
    pub(in crate::cli) function: String,

    /// The event, JSON; `-` reads it from standard input
    #[arg(long, value_name = "JSON", default_value = "{}", conflicts_with = "size")]
    pub(in crate::cli) payload: String,

    /// Invoke with the event of a generated workload instead
    #[arg(long, value_name = "SIZE")]
    pub(in crate::cli) size: Option<Size>,

    /// How it runs: native, wasm
    #[arg(long, value_name = "ENGINE", default_value = "wasm")]
    pub(in crate::cli) engine: EngineKind,

    /// Longest computation
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    pub(in crate::cli) timeout: f64,

    /// Most linear memory of a WASM instance, MiB
    #[arg(long, value_name = "MIB", default_value_t = 1_024)]
    pub(in crate::cli) memory_limit: u64,

    /// Folder of the object storage, a folder for each bucket [default: the generated inputs]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) storage: Option<PathBuf>,

    /// Seed of generated inputs
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub(in crate::cli) seed: u64,

    /// Print the response as it came, on one line
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// What `faasbench list` can list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Listing {
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
pub(in crate::cli) struct ListArguments {
    /// What to list
    pub(in crate::cli) what: Listing,

    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct BuildArguments {
    /// Which functions [default: all six]
    #[arg(value_name = "FUNCTION")]
    pub(in crate::cli) functions: Vec<String>,

    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CountersArguments {
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DoctorArguments {
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CompletionsArguments {
    /// The shell
    pub(in crate::cli) shell: Shell,
}
