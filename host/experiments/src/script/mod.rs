//! Experiments of the user's own: a file says what is deployed, which steps are carried out, what is recorded, and what is shown of it.
//!
//! A [`Script`] is an [`crate::Experiment`] like the built-in ones: it is divided into units, carried out, resumed and reported alike. Four of the
//! built-in ones exist in this form too: [`SCRIPTS`].

mod bounds;
mod built_in;
mod check;
mod condition;
mod estimate;
mod experiment;
mod finding;
mod format;
mod metric;
mod place;
mod play;
mod read;
mod rows;
mod show;
mod step;
mod template;
mod value;
mod variables;

pub use built_in::{SCRIPTS, built_in};
pub use experiment::Script;
pub use format::{DeploymentRule, Most, Quick, Record, ScriptFile, Source};
pub use read::ScriptError;
pub use show::{CallKind, PlotRule, Statistic, TableRule};
pub use step::{
    Burst, ForceCold, IntervalWithin, Invoke, Load, LoadShape, Ramp, Repeat, RepeatUntil, ScaleStep, Step, Until, Vary,
    Wait,
};
pub use template::template;
pub use value::{Number, Scalar};
