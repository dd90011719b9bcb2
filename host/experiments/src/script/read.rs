//! Reading a script.

use std::path::Path;

use thiserror::Error;

use super::check::check;
use super::experiment::Script;
use super::format::ScriptFile;
use super::place::{Place, line};

/// A script that can't be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// It could not be read.
    #[error("the experiment in {path} can't be read: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// It says something that is none, or that can't be.
    #[error("{path}:{line}: {}{reason}", at(.key))]
    Invalid {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// The key; empty where it is the file as a whole.
        key: String,
        /// What is wrong, and what is accepted.
        reason: String,
    },
}

fn at(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("`{key}`: ") }
}

impl Script {
    /// Of a file.
    ///
    /// # Errors
    /// When it can't be read, or is not one that can be carried out; the message names the line and the key.
    pub fn read(path: &Path) -> Result<Script, ScriptError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ScriptError::Unreadable { path: name.clone(), reason: error.to_string() })?;
        Script::parse(&text, &name)
    }

    /// Of a file's text; `path` is for messages.
    ///
    /// # Errors
    /// When it is not one that can be carried out; the message names the line and the key.
    pub fn parse(text: &str, path: &str) -> Result<Script, ScriptError> {
        let invalid = |line: usize, place: Place, reason: String| ScriptError::Invalid {
            path: path.to_owned(),
            line,
            key: place.to_string(),
            reason,
        };
        let file: ScriptFile = toml::from_str(text).map_err(|error: toml::de::Error| {
            let span = error.span().unwrap_or(0..0);
            // The reason alone: the place is said beside it.
            invalid(line(text, span.start), Place::at(text, &span), error.message().trim().to_owned())
        })?;
        check(&file).map_err(|(place, reason)| invalid(place.line(text), place, reason))?;
        Ok(Script::new(file))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = r#"name = "mine"
question = "what?"

[variables]
idle = [1, 2]

[[deployment]]
name = "f"

[[step]]
invoke = { deployment = "f", label = "first", times = 3 }

[[step]]
wait = { seconds = "$idle" }

[[step]]
[step.repeat-until]
until = "identity-changes"
most-times = 5
vary = { name = "n", from = 1, factor = 2 }
steps = [
    { invoke = { label = "again {n}" } },
    { wait = { seconds = "$n" } },
]

[[record]]
name = "work"
pointer = "/measurement/compute_us"
unit = "us"

[[table]]
title = "Times"
metric = "work"
group = ["label", "idle"]

[[plot]]
title = "Over idle"
x = "idle"
"#;

    fn refused(from: &str, to: &str) -> (usize, String, String) {
        let text = TEXT.replacen(from, to, 1);
        assert_ne!(text, TEXT, "{from}");
        match Script::parse(&text, "mine.toml") {
            Err(ScriptError::Invalid { line, key, reason, .. }) => (line, key, reason),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_right_is_read() {
        Script::parse(TEXT, "mine.toml").unwrap();
    }

    #[test]
    fn what_is_no_key_or_of_another_type_is_refused_with_its_line_and_key() {
        for (from, to, line, key, reason) in [
            ("times = 3", "time = 3", 11, "step[0].invoke.time", "unknown field `time`"),
            ("times = 3", "times = \"many\"", 11, "step[0].invoke.times", "many"),
            ("seconds = \"$n\"", "seconds = true", 23, "step[2].repeat-until.steps[1].wait.seconds", "a number"),
            ("most-times = 5\n", "", 17, "step[2].repeat-until", "most-times"),
            ("wait = { seconds = \"$idle\" }", "sleep = { seconds = 1 }", 14, "step[1].sleep", "sleep"),
            ("idle = [1, 2]", "idle = [[1]]", 5, "variables.idle[0]", "a number, a text"),
            ("question = \"what?\"\n", "", 1, "", "question"),
        ] {
            let (at, of, said) = refused(from, to);
            assert_eq!((at, of.as_str()), (line, key), "{from} -> {to}: {said}");
            assert!(said.contains(reason), "{said}");
        }
    }

    #[test]
    fn what_does_not_fit_together_is_refused_with_its_line_and_key() {
        for (from, to, line, key, reason) in [
            ("deployment = \"f\"", "deployment = \"g\"", 11, "step[0].invoke.deployment", "there is no deployment `g`"),
            ("\"$idle\"", "\"$idel\"", 14, "step[1].wait.seconds", "idel"),
            ("idle = [1, 2]", "idle = [-1, 2]", 14, "step[1].wait.seconds", "-1"),
            ("idle = [1, 2]", "idle = []", 5, "variables.idle", "no value"),
            ("metric = \"work\"", "metric = \"wrok\"", 33, "table[0].metric", "wrok"),
            ("x = \"idle\"", "x = \"idel\"", 38, "plot[0].x", "idel"),
            ("group = [\"label\", \"idle\"]", "group = [\"colour\"]", 34, "table[0].group[0]", "colour"),
            ("most-times = 5", "most-times = 0", 19, "step[2].repeat-until.most-times", "0"),
            ("factor = 2", "factor = 1", 20, "step[2].repeat-until.vary", "never changes"),
            ("name = \"mine\"", "name = \"my own\"", 1, "name", "my own"),
            ("pointer = \"/", "pointer = \"", 28, "record[0].pointer", "begin with /"),
            ("name = \"work\"", "name = \"total\"", 27, "record[0].name", "total"),
        ] {
            let (at, of, said) = refused(from, to);
            assert_eq!((at, of.as_str()), (line, key), "{from} -> {to}: {said}");
            assert!(said.contains(reason), "{said}");
        }
    }

    #[test]
    fn a_message_reads_as_compilers_do() {
        let error = Script::parse(&TEXT.replace("times = 3", "times = -3"), "mine.toml").unwrap_err().to_string();
        assert!(error.starts_with("mine.toml:11: `step[0].invoke.times`: "), "{error}");
        assert!(matches!(Script::read(Path::new("/nowhere/x.toml")), Err(ScriptError::Unreadable { .. })));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,300}") {
            let _ = Script::parse(&text, "mine.toml");
        }

        #[test]
        fn no_cut_or_changed_byte_makes_it_panic(at in 0usize..700, with in "[ -~]{0,3}") {
            let at = at.min(TEXT.len() - 1);
            let text = format!("{}{with}{}", &TEXT[..at], &TEXT[at + 1..]);
            let _ = Script::parse(&text, "mine.toml");
            let _ = Script::parse(&TEXT[..at], "mine.toml");
        }
    }
}
