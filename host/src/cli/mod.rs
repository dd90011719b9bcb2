//! The command line: one file for each command, which parses, calls and prints.

mod arguments;
mod build;
mod code;
mod compare;
mod completions;
mod counters;
mod deploy;
mod doctor;
mod dry_run;
mod environment;
mod exit;
mod export;
mod inputs;
mod invoke;
mod invoke_deployed;
mod list;
mod load;
mod load_requests;
mod logs;
mod new;
mod packages;
mod places;
mod platforms;
mod replacement;
mod report;
mod results;
mod resume;
mod run;
mod run_on_platforms;
mod serve;
mod show;
mod status;
mod storage;
mod store;
mod target;
mod terminal;
mod undeploy;
mod verify;
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
    let mut builder = match command {
        // These have instances in this process, or serve many at once.
        Command::Serve(_) | Command::Verify(_) => tokio::runtime::Builder::new_multi_thread(),
        Command::Run(ref arguments) if run::is_on_platforms(arguments) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = match builder.enable_all().build() {
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
        Command::Invoke(arguments) => invoke::execute(&arguments).await,
        Command::Load(arguments) => load::execute(&arguments, &words).await,
        Command::New(command) => new::execute(&command),
        Command::List(arguments) => list::execute(&arguments),
        Command::Build(arguments) => build::execute(&arguments).await,
        Command::Platforms(arguments) => platforms::execute(&arguments).await,
        Command::Deploy(arguments) => deploy::execute(&arguments).await,
        Command::Status(arguments) => status::execute(&arguments).await,
        Command::Logs(arguments) => logs::execute(&arguments).await,
        Command::Undeploy(arguments) => undeploy::execute(&arguments).await,
        Command::Verify(arguments) => verify::execute(&arguments).await,
        Command::Serve(arguments) => serve::execute(&arguments).await,
        Command::Storage(command) => storage::execute(command).await,
        Command::Counters(arguments) => counters::execute(&arguments),
        Command::Doctor(arguments) => doctor::execute(&arguments),
        Command::Completions(arguments) => completions::execute(&arguments),
    }
}
