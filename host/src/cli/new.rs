//! `faasbench new`.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use experiments::script::{SCRIPTS, ScriptFile, template};
use schemars::schema_for;

use super::arguments::{NewCommand, NewExperimentArguments};
use super::exit::{self, Failure};

/// The schema of an experiment's file, as its first line names it.
const SCHEMA: &str = "experiment-1.json";

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
    write_schema(&path)?;
    let path = path.display();
    exit::print(&format!(
        "{path} is written; `faasbench run {path} --dry-run` shows its plan, `faasbench run {path}` carries it out\n"
    ))
}

/// Writes the schema beside an experiment, which its first line names for editors. One that is there already is of this or another
/// version, and stays.
fn write_schema(path: &Path) -> Result<(), Failure> {
    let beside = path.parent().unwrap_or(Path::new("")).join(SCHEMA);
    let text = serde_json::to_string_pretty(&schema_for!(ScriptFile)).map_err(Failure::ours)?;
    match OpenOptions::new().write(true).create_new(true).open(&beside) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        opened => opened
            .and_then(|mut file| file.write_all(format!("{text}\n").as_bytes()))
            .with_context(|| format!("could not write {}", beside.display()))
            .map_err(Failure::ours),
    }
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
