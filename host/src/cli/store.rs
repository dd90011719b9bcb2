//! Opening the results, and finding a run in them.

use super::arguments::ResultsLocation;
use super::exit::Failure;
use crate::results::{Run, Store, StoreError};

/// Opens what is there, to be read.
pub(super) async fn existing(results: &ResultsLocation) -> Result<Store, Failure> {
    Store::open_existing(&results.location).await.map_err(failure)
}

/// Opens what is there, or makes it.
pub(super) async fn writable(results: &ResultsLocation) -> Result<Store, Failure> {
    Store::open(&results.location).await.map_err(failure)
}

/// The run that was asked for.
pub(super) async fn run(store: &Store, wanted: &str) -> Result<Run, Failure> {
    store.find(wanted).await.map_err(failure)
}

/// Most of what can go wrong is in what was asked for; the rest is the database's.
pub(super) fn failure(error: StoreError) -> Failure {
    let ours = matches!(
        error,
        StoreError::Database(_) | StoreError::Thread(_) | StoreError::Json(_) | StoreError::Migration { .. }
    );
    let error = anyhow::Error::new(error).context("could not use the stored results");
    if ours { Failure::Ours(error) } else { Failure::Users(error) }
}
