//! The commands.

use clap::{Parser, Subcommand};

use super::machine::{
    BuildArguments, CompletionsArguments, CountersArguments, DoctorArguments, InvokeArguments, ListArguments,
};
use super::run::RunArguments;
use super::stored::{CompareArguments, ExportArguments, ReportArguments, ResultsCommand, ShowArguments};

/// Benchmarks FaaS platforms and WASM runtimes with the same functions everywhere.
#[derive(Debug, Parser)]
#[command(name = "faasbench", version, about, max_term_width = 110)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    pub(in crate::cli) command: Command,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Measure functions on this machine: time, memory, disk I/O, counters.
    Run(Box<RunArguments>),
    /// Show what a stored run says: answers, tables, small distributions.
    Show(ShowArguments),
    /// Write a report of stored runs as one HTML file with plots.
    Report(ReportArguments),
    /// Compare two runs, or two parts of a run: what changed, by how much, and what could have been missed.
    Compare(CompareArguments),
    /// Write out all that is stored of a run: JSON, CSV, Parquet, SeBS's columns.
    Export(ExportArguments),
    /// Look after stored runs: list, show, note, delete, import.
    #[command(subcommand)]
    Results(ResultsCommand),
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
