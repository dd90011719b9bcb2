//! `faasbench completions`.

use clap::CommandFactory;

use super::arguments::{Arguments, CompletionsArguments};
use super::exit::{self, Failure};

pub(super) fn execute(arguments: &CompletionsArguments) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "faasbench", &mut script);
    exit::print(&String::from_utf8_lossy(&script))
}
