//! What the commands accept that store nothing.

use clap::{Args, ValueEnum};
use clap_complete::Shell;

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
