//! Built-in experiments in the form of scripts: what the form can do, and where to begin with one's own.

use super::experiment::Script;
use super::read::ScriptError;

/// Their names and texts.
pub const SCRIPTS: [(&str, &str); 4] = [
    ("cold-start", include_str!("../../scripts/cold-start.toml")),
    ("keep-alive", include_str!("../../scripts/keep-alive.toml")),
    ("concurrency", include_str!("../../scripts/concurrency.toml")),
    ("ping", include_str!("../../scripts/ping.toml")),
];

/// The one of that name; `None`: there is none.
///
/// # Errors
/// Never: a test reads them all.
pub fn built_in(name: &str) -> Option<Result<Script, ScriptError>> {
    let (_, text) = SCRIPTS.iter().find(|(known, _)| *known == name)?;
    Some(Script::parse(text, &format!("{name}.toml")))
}
