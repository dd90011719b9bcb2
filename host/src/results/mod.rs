//! Results: the embedded database that a run is written into as it happens.
//!
//! [`Store`] is the file, [`Recorder`] what an experiment writes a run with, [`Filter`] what a report reads it by. The
//! tables are in `host/migrations`; the types of [`row`] are their rows.

mod batch;
mod error;
pub mod export;
mod filter;
mod id;
mod insert;
mod open;
mod process;
mod recorder;
pub mod row;
mod run;
mod store;
mod table;
mod writer;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;

pub use error::{RecordError, StoreError};
pub use filter::Filter;
pub use id::{InvocationId, RunNumber};
pub use process::ProcessIdentity;
pub use recorder::{Recorder, Row};
pub use run::{NewRun, Run, RunStatus};
pub use store::{Store, StoreOptions};
pub use table::{Stored, Table, Value};
