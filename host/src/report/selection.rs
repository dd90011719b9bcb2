//! Part of a run, as the command line names it: `RUN`, `RUN:wasm`, `RUN:engine=wasm,size=small`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::gather::Key;

/// By what a part of a run can be told from the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dimension {
    Experiment,
    Function,
    Size,
    Venue,
    Engine,
    Platform,
}

impl Dimension {
    /// Of a bare value, the first of these that has it is meant.
    const ALL: [Dimension; 6] =
        [Self::Experiment, Self::Function, Self::Size, Self::Venue, Self::Engine, Self::Platform];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Experiment => "experiment",
            Self::Function => "function",
            Self::Size => "size",
            Self::Venue => "venue",
            Self::Engine => "engine",
            Self::Platform => "platform",
        }
    }

    pub(super) fn of(self, key: &Key) -> &str {
        match self {
            Self::Experiment => &key.experiment,
            Self::Function => &key.function,
            Self::Size => &key.size,
            Self::Venue => key.venue(),
            Self::Engine => &key.engine,
            Self::Platform => &key.platform,
        }
    }
}

/// A run, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The run: `latest`, its id or the beginning of it, or its label.
    pub run: String,
    /// `(dimension, value)`; no dimension where only a value was given.
    conditions: Vec<(Option<Dimension>, String)>,
}

/// A selection that can't be understood, or selects nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// No run is named.
    #[error("`{0}` names no run; write RUN, RUN:wasm or RUN:engine=wasm,size=small")]
    NoRun(String),
    /// A condition by something that runs are not divided by.
    #[error(
        "`{0}` is nothing that runs are divided by; those are experiment, function, size, venue (native, wasm, process, ...), engine and platform"
    )]
    UnknownDimension(String),
    /// The run has nothing of that value.
    #[error("run {run} has nothing of `{value}`; it has {known}")]
    NothingOf {
        /// The run's id.
        run: String,
        /// What was asked for.
        value: String,
        /// What there is.
        known: String,
    },
}

impl FromStr for Selection {
    type Err = SelectionError;

    fn from_str(text: &str) -> Result<Selection, SelectionError> {
        let (run, conditions) = text.split_once(':').unwrap_or((text, ""));
        if run.is_empty() {
            return Err(SelectionError::NoRun(text.to_owned()));
        }
        let conditions = conditions.split(',').filter(|condition| !condition.is_empty()).map(|condition| {
            let Some((name, value)) = condition.split_once('=') else { return Ok((None, condition.to_owned())) };
            let dimension = Dimension::ALL.into_iter().find(|dimension| dimension.name() == name);
            let dimension = dimension.ok_or_else(|| SelectionError::UnknownDimension(name.to_owned()))?;
            Ok((Some(dimension), value.to_owned()))
        });
        Ok(Selection { run: run.to_owned(), conditions: conditions.collect::<Result<_, _>>()? })
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.run)?;
        for (index, (dimension, value)) in self.conditions.iter().enumerate() {
            f.write_str(if index == 0 { ":" } else { "," })?;
            match dimension {
                Some(dimension) => write!(f, "{}={value}", dimension.name())?,
                None => f.write_str(value)?,
            }
        }
        Ok(())
    }
}

impl Selection {
    /// The whole of a run.
    pub fn whole(run: &str) -> Selection {
        Selection { run: run.to_owned(), conditions: Vec::new() }
    }

    /// The conditions, each with its dimension: the one in which the run has such a value.
    pub(super) fn resolve<'a>(
        &self,
        run: &str,
        keys: impl Iterator<Item = &'a Key> + Clone,
    ) -> Result<Vec<(Dimension, String)>, SelectionError> {
        let mut resolved = Vec::new();
        for (dimension, value) in &self.conditions {
            let candidates = dimension.map_or(Dimension::ALL.to_vec(), |dimension| vec![dimension]);
            let found = candidates.iter().find(|dimension| keys.clone().any(|key| dimension.of(key) == value));
            match found {
                Some(dimension) => resolved.push((*dimension, value.clone())),
                None => {
                    let known: BTreeSet<&str> =
                        candidates.iter().flat_map(|dimension| keys.clone().map(|key| dimension.of(key))).collect();
                    let known: Vec<&str> = known.into_iter().collect();
                    return Err(SelectionError::NothingOf {
                        run: run.to_owned(),
                        value: value.clone(),
                        known: if known.is_empty() { "no figures".to_owned() } else { known.join(", ") },
                    });
                }
            }
        }
        Ok(resolved)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::report::figure::{Measure, State};

    fn key(engine: &str) -> Key {
        Key {
            experiment: "time".into(),
            function: "function1".into(),
            size: "test".into(),
            state: State::Warm,
            measure: Measure { name: "wall".into(), unit: "ns".into(), source: None, instances: None, file: None },
            engine: engine.into(),
            platform: "in-process".into(),
        }
    }

    #[test]
    fn selections_are_read_and_written() {
        for text in ["latest", "latest:wasm", "k3x:engine=wasm,size=small"] {
            assert_eq!(text.parse::<Selection>().unwrap().to_string(), text);
        }
        assert!(matches!(":wasm".parse::<Selection>(), Err(SelectionError::NoRun(_))));
        assert!(matches!("a:colour=red".parse::<Selection>(), Err(SelectionError::UnknownDimension(_))));
    }

    #[test]
    fn a_bare_value_finds_its_dimension() {
        let keys = [key("native"), key("wasm")];
        let resolve = |text: &str| text.parse::<Selection>().unwrap().resolve("r", keys.iter());
        assert_eq!(
            resolve("r:wasm,test").unwrap(),
            [(Dimension::Venue, "wasm".into()), (Dimension::Size, "test".into())]
        );
        let error = resolve("r:engine=lua").unwrap_err().to_string();
        assert_eq!(error, "run r has nothing of `lua`; it has native, wasm");
    }
}
