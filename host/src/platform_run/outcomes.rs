//! What a stored run has of its experiments' units.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use experiments::Outcome;

use crate::results::row::{Document, Invocation};
use crate::results::{Filter, Run, Store, StoreError};

/// The kind of the document that holds what came of a unit: [`experiments::Outcome`].
pub const UNIT: &str = "unit";
/// The kind of the document that holds an experiment's answer: [`experiments::Finding`].
pub const FINDING: &str = "finding";
/// The kind of the document that holds a part of a trace: [`experiments::Span`].
pub const SPAN: &str = "span";

/// What the units measured that a run has done, by their keys.
///
/// # Errors
/// When the database can't be read.
pub async fn units_done(store: &Store, run: &Run) -> Result<BTreeMap<String, serde_json::Value>, StoreError> {
    let filter = Filter { name: Some(UNIT.to_owned()), ..Filter::default() };
    let mut done = BTreeMap::new();
    store
        .for_each::<Document>(run.number, &filter, |stored| {
            // One that another version wrote otherwise is done again.
            if let Ok(outcome) = serde_json::from_str::<Outcome>(&stored.row.document) {
                done.insert(outcome.unit.key(), outcome.measured);
            }
            ControlFlow::Continue(())
        })
        .await?;
    Ok(done)
}

/// The number of the process that goes on with a run: one more than the greatest that made calls of it.
///
/// # Errors
/// When the database can't be read.
pub async fn next_client(store: &Store, run: &Run) -> Result<u32, StoreError> {
    let mut next = 1;
    store
        .for_each::<Invocation>(run.number, &Filter::default(), |stored| {
            next = next.max(stored.row.process.map_or(0, |process| process + 1));
            ControlFlow::Continue(())
        })
        .await?;
    Ok(next)
}
