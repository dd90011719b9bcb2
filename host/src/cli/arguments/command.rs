//! The commands.

use clap::{Parser, Subcommand};

use super::invoke::InvokeArguments;
use super::load::LoadArguments;
use super::machine::{CompletionsArguments, CountersArguments, DoctorArguments, ListArguments};
use super::new::NewCommand;
use super::platform::{
    BuildArguments, DeployArguments, LogsArguments, PlatformsArguments, ServeArguments, StatusArguments,
    StorageCommand, UndeployArguments, VerifyArguments,
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
    /// Show the platforms and targets: whether they are reached, what they can do, how limits hold here.
    Platforms(PlatformsArguments),
    /// Build the functions: images for a platform, or components compiled ahead for the engine here.
    ///
    /// Images are kept in the cache by what they are made of: a second build does nothing.
    Build(BuildArguments),
    /// Deploy functions to a platform, or update them.
    ///
    /// On the platforms of this machine a server in the background keeps them; it ends when nothing is deployed any more. What
    /// is created is in the ledger of the results first, so that `undeploy` can remove it after any failure.
    Deploy(Box<DeployArguments>),
    /// Show what is deployed and how it is.
    Status(StatusArguments),
    /// Invoke one function once and print its response: in this process, or with --platform where it is deployed.
    Invoke(Box<InvokeArguments>),
    /// Show what a deployed function's instances wrote.
    Logs(LogsArguments),
    /// Remove deployments and all that was created for them.
    ///
    /// It goes on after a failure, says what it could not remove, and can be repeated.
    Undeploy(UndeployArguments),
    /// Check that every function computes on a platform what it computes here.
    Verify(VerifyArguments),
    /// Put a platform of this machine behind HTTP, until it is ended.
    ///
    /// `POST /function/NAME`, `/async-function/NAME`, `/metrics`, `/healthz`, and OpenFaaS's `/system/`.
    Serve(Box<ServeArguments>),
    /// Look after the objects that functions read and write.
    #[command(subcommand)]
    Storage(StorageCommand),
    /// Send requests to a deployed function or any URL: at a rate, whatever becomes of them, or from so many clients.
    ///
    /// At a rate (an open load), a request's response time counts from when it was due: a server that stalls is seen to by every
    /// request that it kept waiting. The service time counts from when it was sent.
    Load(Box<LoadArguments>),
    /// Write the beginning of something of your own: an experiment.
    #[command(subcommand)]
    New(NewCommand),
    /// List what there is: functions, experiments, sizes, platforms.
    List(ListArguments),
    /// Show which hardware and software counters this machine can count, and why not the rest.
    Counters(CountersArguments),
    /// Say what this machine will do to a measurement, and how to mend it.
    Doctor(DoctorArguments),
    /// Print a completion script for a shell.
    Completions(CompletionsArguments),
}
