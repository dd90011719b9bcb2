//! Results: the database that a run is written into as it happens, in a SQLite file or on a PostgreSQL server.
//!
//! [`Store`] is the database at a [`Location`], [`Recorder`] what an experiment writes a run with, [`Filter`] what a
//! report reads it by. The tables are in `host/migrations`; the types of [`row`] are their rows.

mod batch;
mod brief;
mod change;
mod database;
mod error;
pub mod export;
mod filter;
mod find;
mod id;
mod import;
mod insert;
mod ledger;
mod listed;
mod location;
mod notes;
mod outage;
mod output;
mod postgres;
mod process;
mod read;
mod recorder;
pub mod row;
mod run;
mod schema;
mod sift;
mod sqlite;
mod store;
mod table;
mod tables;
mod value;
mod writer;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;

pub use brief::{Brief, Group as BriefGroup};
pub use error::{RecordError, StoreError};
pub use filter::Filter;
pub use id::{InvocationId, RunNumber};
pub use import::{ImportProgress, Imported};
pub use ledger::{Claim, DeploymentEntry, DeploymentStatus, DurableLedger, LeftResource, NewDeployment};
pub use listed::ListedRun;
pub use location::{Location, LocationError, PostgresUrl};
pub use outage::Outage;
pub use process::ProcessIdentity;
pub use recorder::{Recorder, Row};
pub use row::IN_PROCESS;
pub use run::{NewRun, Run, RunStatus};
pub use store::{Store, StoreOptions};
pub use table::{Stored, Table};
pub use value::Value;
