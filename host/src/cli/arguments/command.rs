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
    ///
    /// Without arguments: all four experiments on all six functions, natively and as WASM, at `test` size. Results are stored as
    /// they happen; Ctrl-C keeps what was measured, and --resume goes on with it.
    Run(Box<RunArguments>),
    /// Show what a stored run says: answers, tables, small distributions.
    Show(ShowArguments),
    /// Write a report of stored runs as one HTML file with plots.
    ///
    /// The file needs no network and opens from disk. With two runs or more, the report also compares each with the first.
    Report(ReportArguments),
    /// Compare two runs, or two parts of a run: what changed, by how much, and what could have been missed.
    ///
    /// A side is a run (`latest`, `latest~1`, an id, a label) or a part of it: `latest:wasm`, `RUN:engine=wasm,size=small`. A
    /// choice on one side holds for both; chosen differently on both, it is what is compared. All verdicts of the table hold
    /// together with 95% confidence.
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
