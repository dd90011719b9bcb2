//! What `faasbench new` accepts.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Beginnings of things of one's own.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum NewCommand {
    /// Write a commented experiment: deployments, steps, what to record and to plot. `faasbench run FILE` carries it out.
    Experiment(NewExperimentArguments),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct NewExperimentArguments {
    /// Its name: lower-case letters, digits and `-`
    #[arg(value_name = "NAME", value_parser = name)]
    pub(in crate::cli) name: String,

    /// The file to write [default: NAME.toml]
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,

    /// Begin with a copy of one of the built-in experiments that exist in this form
    #[arg(long, value_name = "EXPERIMENT")]
    pub(in crate::cli) like: Option<String>,
}

fn name(text: &str) -> Result<String, String> {
    crate::configuration::check_name(text)
        .map(|()| text.to_owned())
        .map_err(|_| format!("`{text}` can't be an experiment's name; take lower-case letters, digits and `-`"))
}
