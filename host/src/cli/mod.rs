//! The command line: one file for each command, which parses, calls and prints.

mod arguments;
mod build;
mod compare;
mod completions;
mod counters;
mod doctor;
mod environment;
mod exit;
mod export;
mod images;
mod invoke;
mod list;
mod replacement;
mod report;
mod results;
mod resume;
mod run;
mod show;
mod store;
mod terminal;
mod workloads;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use exit::Failure;

/// Runs the command line of this process.
pub fn main(main_monotonic_ns: u64) -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    // A worker is started thousands of times: it does not go through the parser.
    if words.get(1).is_some_and(|word| word == crate::worker::SUBCOMMAND) {
        return match crate::worker::serve(main_monotonic_ns) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(exit::OURS),
        };
    }
    let command = Arguments::parse().command;
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::report(&Failure::Ours(anyhow::Error::new(error).context("could not start"))),
    };
    match runtime.block_on(execute(command, words)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => exit::report(&failure),
    }
}

async fn execute(command: Command, words: Vec<OsString>) -> Result<(), Failure> {
    match command {
        Command::Run(arguments) => run::execute(*arguments, words).await,
        Command::Show(arguments) => show::execute(&arguments).await,
        Command::Report(arguments) => report::execute(&arguments).await,
        Command::Compare(arguments) => compare::execute(&arguments).await,
        Command::Export(arguments) => export::execute(&arguments).await,
        Command::Results(command) => results::execute(command).await,
        Command::Invoke(arguments) => invoke::execute(&arguments),
        Command::List(arguments) => list::execute(&arguments),
        Command::Build(arguments) => build::execute(&arguments).await,
        Command::Counters(arguments) => counters::execute(&arguments),
        Command::Doctor(arguments) => doctor::execute(&arguments),
        Command::Completions(arguments) => completions::execute(&arguments),
    }
}
