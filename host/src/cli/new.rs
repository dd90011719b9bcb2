//! `faasbench new`.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use experiments::script::{SCRIPTS, template};

use super::arguments::{NewCommand, NewExperimentArguments};
use super::exit::{self, Failure};

pub(super) fn execute(command: &NewCommand) -> Result<(), Failure> {
    match command {
        NewCommand::Experiment(arguments) => experiment(arguments),
    }
}

fn experiment(arguments: &NewExperimentArguments) -> Result<(), Failure> {
    let name = &arguments.name;
    if experiments::find(name).is_ok() {
        return Err(Failure::Users(anyhow!(
            "`{name}` is the name of a built-in experiment; choose another one, and --like EXPERIMENT to begin with a copy"
        )));
    }
    let text = match &arguments.like {
        None => template(name),
        Some(like) => copy(like, name)?,
    };
    let path = arguments.output.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.toml")));
    // What somebody has written is not written over.
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .with_context(|| format!("could not make {}; choose another --output", path.display()))
        .map_err(Failure::users)?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("could not write {}", path.display()))
        .map_err(Failure::ours)?;
    let path = path.display();
    exit::print(&format!(
        "{path} is written; `faasbench run {path} --dry-run` shows its plan, `faasbench run {path}` carries it out\n"
    ))
}

/// A built-in experiment's file under another name.
fn copy(like: &str, name: &str) -> Result<String, Failure> {
    let found = SCRIPTS.iter().find(|(built_in, _)| *built_in == like);
    let (_, text) = found.ok_or_else(|| {
        let names: Vec<&str> = SCRIPTS.iter().map(|(name, _)| *name).collect();
        Failure::Users(anyhow!("`{like}` does not exist as a file; those that do are {}", names.join(", ")))
    })?;
    let line = text.lines().find(|line| line.starts_with("name"));
    Ok(line.map_or_else(|| (*text).to_owned(), |line| text.replacen(line, &format!("name = \"{name}\""), 1)))
}
