//! Findings out of a stored run.

use std::ops::ControlFlow;

use experiments::Finding;

use crate::platform_run::FINDING;
use crate::results::row::Document;
use crate::results::{Filter, Run, Store, StoreError};

/// The findings of a run, in the order of its experiments; of a run that was gone on with, the last ones.
pub(in crate::report) async fn findings(store: &Store, run: &Run) -> Result<Vec<Finding>, StoreError> {
    let filter = Filter { name: Some(FINDING.to_owned()), ..Filter::default() };
    let mut findings: Vec<Finding> = Vec::new();
    store
        .for_each::<Document>(run.number, &filter, |stored| {
            // One that another version wrote otherwise is in the export.
            if let Ok(finding) = serde_json::from_str::<Finding>(&stored.row.document) {
                match findings.iter_mut().find(|earlier| earlier.experiment == finding.experiment) {
                    Some(earlier) => *earlier = finding,
                    None => findings.push(finding),
                }
            }
            ControlFlow::Continue(())
        })
        .await?;
    Ok(findings)
}
