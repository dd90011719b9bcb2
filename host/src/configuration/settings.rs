//! What a deployment is given, wherever it was said.

use std::collections::BTreeMap;
use std::time::Duration;

use platform::{Limits, Scale};
use thiserror::Error;

/// Least memory that can be asked for.
const LEAST_MEMORY_BYTES: u64 = 1 << 20;

/// What a deployment is given; `None`: the platform's own default.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// Memory of an instance, bytes.
    pub memory_bytes: Option<u64>,
    /// Processors of an instance.
    pub cpus: Option<f64>,
    /// Longest invocation.
    pub timeout: Option<Duration>,
    /// Scratch disk of an instance, bytes.
    pub scratch_bytes: Option<u64>,
    /// Instances that are kept.
    pub minimum_instances: Option<u32>,
    /// Instances at once.
    pub maximum_instances: Option<u32>,
    /// Invocations at once in one instance.
    pub concurrency: Option<u32>,
    /// How long an idle instance is kept.
    pub keep_alive: Option<Duration>,
    /// Invocations that may wait.
    pub queue: Option<u32>,
    /// Environment variables of the instances.
    pub environment: BTreeMap<String, String>,
}

/// Settings that no deployment can have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A number that is out of range.
    #[error("{what} is {value}; {accepted}")]
    OutOfRange {
        /// What was set, as the flag and the key have it.
        what: &'static str,
        /// To what.
        value: String,
        /// What is accepted.
        accepted: &'static str,
    },
    /// More instances at least than at most.
    #[error("min is {minimum} and max is {maximum}: at most {maximum} instances can't be at least {minimum}")]
    MinimumAboveMaximum {
        /// At least.
        minimum: u32,
        /// At most.
        maximum: u32,
    },
    /// The name of an environment variable.
    #[error("{0}")]
    EnvironmentName(String),
}

impl Settings {
    /// These, with `others` where these leave a choice open. Environment variables of both.
    pub fn or(mut self, others: &Settings) -> Settings {
        for (name, value) in &others.environment {
            self.environment.entry(name.clone()).or_insert_with(|| value.clone());
        }
        Settings {
            memory_bytes: self.memory_bytes.or(others.memory_bytes),
            cpus: self.cpus.or(others.cpus),
            timeout: self.timeout.or(others.timeout),
            scratch_bytes: self.scratch_bytes.or(others.scratch_bytes),
            minimum_instances: self.minimum_instances.or(others.minimum_instances),
            maximum_instances: self.maximum_instances.or(others.maximum_instances),
            concurrency: self.concurrency.or(others.concurrency),
            keep_alive: self.keep_alive.or(others.keep_alive),
            queue: self.queue.or(others.queue),
            environment: self.environment,
        }
    }

    /// Refuses what no platform can do.
    ///
    /// # Errors
    /// The first that is wrong.
    pub fn check(&self) -> Result<(), SettingsError> {
        let refuse = |what, value: String, accepted| Err(SettingsError::OutOfRange { what, value, accepted });
        if let Some(bytes) = self.memory_bytes.filter(|bytes| *bytes < LEAST_MEMORY_BYTES) {
            return refuse("memory", format!("{bytes} bytes"), "give at least 1MiB");
        }
        if let Some(cpus) = self.cpus.filter(|cpus| !(cpus.is_finite() && *cpus > 0.0)) {
            return refuse("cpu", cpus.to_string(), "give a number of processors above 0, such as 0.5");
        }
        if self.timeout.is_some_and(|timeout| timeout.is_zero()) {
            return refuse("timeout", "0".to_owned(), "give a time above 0");
        }
        if self.concurrency == Some(0) {
            return refuse("concurrency", "0".to_owned(), "give at least 1");
        }
        if self.maximum_instances == Some(0) {
            return refuse("max", "0".to_owned(), "give at least 1");
        }
        if let (Some(minimum), Some(maximum)) = (self.minimum_instances, self.maximum_instances)
            && minimum > maximum
        {
            return Err(SettingsError::MinimumAboveMaximum { minimum, maximum });
        }
        for name in self.environment.keys() {
            check_environment_name(name).map_err(SettingsError::EnvironmentName)?;
        }
        Ok(())
    }

    /// How many instances there may be.
    pub fn scale(&self) -> Scale {
        Scale {
            minimum_instances: self.minimum_instances,
            maximum_instances: self.maximum_instances,
            concurrency: self.concurrency,
            keep_alive: self.keep_alive,
            queue: self.queue,
        }
    }

    /// What each may use.
    pub fn limits(&self) -> Limits {
        Limits {
            memory_bytes: self.memory_bytes,
            cpus: self.cpus,
            time: self.timeout,
            scratch_bytes: self.scratch_bytes,
            log_bytes: None,
        }
    }
}

/// Refuses what can't be the name of an environment variable, and our own names.
///
/// # Errors
/// What is wrong with it.
pub fn check_environment_name(name: &str) -> Result<(), String> {
    let mut letters = name.chars();
    let begins = letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    if !begins || !letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
        return Err(format!(
            "`{name}` can't be the name of an environment variable; letters, digits and _ make one, as in --env NAME=VALUE"
        ));
    }
    if name.starts_with("FAASBENCH_") {
        return Err(format!("the environment variable `{name}` is ours to set; choose a name without FAASBENCH_"));
    }
    Ok(())
}

/// Refuses what can't be the name of a deployment on every platform.
///
/// # Errors
/// What is wrong with it.
pub fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let is_good = !name.is_empty()
        && name.len() <= 63
        && name.starts_with(is_plain)
        && name.ends_with(is_plain)
        && name.chars().all(|letter| is_plain(letter) || letter == '-');
    if is_good {
        return Ok(());
    }
    Err(format!(
        "`{name}` can't be the name of a deployment; take 1 to 63 lower-case letters, digits and `-`, with no `-` at an end"
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_first_wins_and_environments_are_joined() {
        let of = |memory, cpus, name: &str| Settings {
            memory_bytes: memory,
            cpus,
            environment: BTreeMap::from([(name.to_owned(), "first".to_owned()), ("BOTH".to_owned(), name.to_owned())]),
            ..Settings::default()
        };
        let joined = of(Some(1), None, "A").or(&of(Some(2), Some(0.5), "B"));
        assert_eq!((joined.memory_bytes, joined.cpus), (Some(1), Some(0.5)));
        assert_eq!(joined.environment.keys().collect::<Vec<_>>(), ["A", "B", "BOTH"]);
        assert_eq!(joined.environment["BOTH"], "A");
    }

    #[test]
    fn what_no_platform_can_do_is_refused() {
        let wrong = [
            Settings { memory_bytes: Some(1), ..Settings::default() },
            Settings { cpus: Some(0.0), ..Settings::default() },
            Settings { cpus: Some(f64::NAN), ..Settings::default() },
            Settings { timeout: Some(Duration::ZERO), ..Settings::default() },
            Settings { concurrency: Some(0), ..Settings::default() },
            Settings { maximum_instances: Some(0), ..Settings::default() },
            Settings { minimum_instances: Some(2), maximum_instances: Some(1), ..Settings::default() },
            Settings { environment: BTreeMap::from([("A-B".into(), String::new())]), ..Settings::default() },
        ];
        for settings in wrong {
            assert!(settings.check().is_err(), "{settings:?}");
        }
        // Each invocation in an instance of its own, and no queue, are choices.
        let zeros = Settings { keep_alive: Some(Duration::ZERO), queue: Some(0), ..Settings::default() };
        zeros.check().unwrap();
    }

    #[test]
    fn names_are_those_that_every_platform_takes() {
        for name in ["f", "function1", "a-b", "0", &"a".repeat(63)] {
            check_name(name).unwrap();
        }
        for name in ["", "-a", "a-", "A", "a_b", "a/b", "../x", "ä", &"a".repeat(64)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
