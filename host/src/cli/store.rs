//! Opening the results, and finding a run in them.

use super::exit::Failure;
use crate::results::{Location, Run, Store, StoreError};

/// Opens what is there, uses it and closes it, which leaves one file and nothing beside it.
pub(super) async fn existing<T>(
    location: &Location,
    work: impl AsyncFnOnce(&Store) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let store = Store::open_existing(location).await.map_err(failure)?;
    let outcome = work(&store).await;
    store.close().await;
    outcome
}

/// The same, and makes it where it isn't there.
pub(super) async fn writable<T>(
    location: &Location,
    work: impl AsyncFnOnce(&Store) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let store = Store::open(location).await.map_err(failure)?;
    let outcome = work(&store).await;
    store.close().await;
    outcome
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
