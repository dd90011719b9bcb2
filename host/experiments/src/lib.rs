//! The experiments on platforms: procedures over deployments, each of which answers a named question.
//!
//! An [`Experiment`] divides what it was asked into [`Unit`]s, carries them out one by one on a [`Bench`], and draws a
//! [`Finding`] from what they came to. A [`Runner`] puts the units of all platforms into one random order, skips those that an
//! earlier, cut run has done, lets those that take long go on from what they had saved, and removes what was deployed whatever
//! happens. It knows neither a database nor a terminal: what is recorded goes to a [`Sink`], what is deployed through a
//! [`Deployer`].

mod azure_trace;
mod bench;
mod call;
mod calling;
mod catalogue;
mod clock_offset;
mod cold_call;
mod dispatch;
mod error;
mod experiments;
mod finding;
mod interface;
mod memory;
mod otlp;
pub mod prices;
mod records;
mod request;
mod runner;
pub mod script;
mod settings;
mod sink;
mod site;
mod timed_call;

pub use bench::Bench;
pub use call::{Call, CallFailure};
pub use catalogue::{CATALOGUE, find, names};
pub use clock_offset::{ClockOffset, Drift, Exchange, Offset};
pub use dispatch::{SchedulePlan, Scheduled};
pub use error::{ExperimentError, RequestError};
pub use experiments::{Verdict, verdict};
pub use finding::{Axis, Cell, Column, Finding, Mark, Plot, Point, Series, Table};
pub use interface::{Estimate, Experiment, Outcome, Unit};
pub use memory::{Kept, MemoryDeployer, MemorySink};
pub use otlp::{OtlpError, endpoint as otlp_endpoint, export as export_otlp};
pub use request::{PlannedTarget, Request, Subject};
pub use runner::{Earlier, Event, Runner, Summary, answer};
pub use settings::settings;
pub use sink::{CallNumber, Measured, Sink, SinkError, Span};
pub use site::{Deployer, KnownLives, Life, Site};
