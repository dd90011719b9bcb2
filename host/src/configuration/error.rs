//! What can be wrong with the file.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::SettingsError;

/// Why a configuration can't be used. All of them are the user's to mend.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// It was named and can't be read.
    #[error("the configuration `{}` can't be read: {source}; check --config or FAASBENCH_CONFIG", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// It is no TOML, or has a key or a value that is not accepted.
    #[error("{}:{line}: {}{reason}", path.display(), key.as_ref().map(|key| format!("`{key}`: ")).unwrap_or_default())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key that it is about, with its tables.
        key: Option<String>,
        /// What is wrong, and what is accepted.
        reason: String,
    },
    /// It holds what looks like a credential.
    #[error(
        "{}:{line}: `{key}` looks like a credential, and this file is no place for one; leave it out: credentials are read \
         from the environment alone, and `faasbench deploy --env NAME` hands a variable of the environment on to a function",
        path.display()
    )]
    Credential {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key.
        key: String,
    },
    /// A target's settings contradict each other.
    #[error("{}: target `{target}`: {source}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// The target, or `defaults`.
        target: String,
        /// What.
        source: SettingsError,
    },
    /// A target of an unknown platform, or one that is named as another platform.
    #[error("{}: target `{target}`: {reason}", path.display())]
    Target {
        /// The file.
        path: PathBuf,
        /// The target.
        target: String,
        /// What is wrong.
        reason: String,
    },
    /// Neither a platform nor a target has this name.
    #[error(
        "there is no platform or target `{name}`; the platforms are {platforms}{}", targets_of(.targets, .path.as_ref())
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// The platforms that there are.
        platforms: String,
        /// The targets of the configuration.
        targets: Vec<String>,
        /// The configuration, if there is one.
        path: Option<PathBuf>,
    },
}

fn targets_of(targets: &[String], path: Option<&PathBuf>) -> String {
    match path {
        Some(path) if targets.is_empty() => format!("; {} has no targets", path.display()),
        Some(path) => format!("; the targets in {} are {}", path.display(), targets.join(", ")),
        None => String::new(),
    }
}
