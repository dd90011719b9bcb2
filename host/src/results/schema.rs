//! Versions of the schema.

use sqlx::migrate::{MigrateError, Migrator};

use super::{Location, StoreError};

/// What is found where results are to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Older,
    UpToDate,
}

impl Found {
    /// By the newest migration that was applied, against those that are known.
    pub(super) fn of(location: Location, found: Option<i64>, known: &Migrator) -> Result<Self, StoreError> {
        let found = found.unwrap_or(0);
        let known = known.iter().map(|migration| migration.version).max().unwrap_or(0);
        match found.cmp(&known) {
            std::cmp::Ordering::Less => Ok(Self::Older),
            std::cmp::Ordering::Equal => Ok(Self::UpToDate),
            std::cmp::Ordering::Greater => Err(StoreError::Newer { location, found, known }),
        }
    }
}

pub(super) fn migration_error(location: &Location, error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => StoreError::at(location, error),
        source => StoreError::Migration { location: location.clone(), source },
    }
}
