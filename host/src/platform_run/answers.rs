//! The answers of a stored run.

use std::ops::ControlFlow;

use bytes::Bytes;
use experiments::script::Script;
use experiments::{Finding, Outcome, Subject, answer};

use super::outcomes::{FINDING, StoredUnits};
use super::{PlannedPlatformExperiment, PlatformPlan};
use crate::results::row::Document;
use crate::results::{Filter, Run, RunStatus, Store, StoreError};

/// The findings of a run, in the order of its experiments; of a run that was gone on with, the last ones. Those that a run has not
/// drawn, as its process was killed, are drawn from what its units had measured.
///
/// # Errors
/// When the database can't be read.
pub async fn findings(store: &Store, run: &Run) -> Result<Vec<Finding>, StoreError> {
    let filter = Filter { name: Some(FINDING.to_owned()), ..Filter::default() };
    let mut findings: Vec<(i64, Finding)> = Vec::new();
    store
        .for_each::<Document>(run.number, &filter, |stored| {
            // One that another version wrote otherwise is in the export.
            if let Ok(finding) = serde_json::from_str::<Finding>(&stored.row.document) {
                put(&mut findings, stored.id, finding);
            }
            ControlFlow::Continue(())
        })
        .await?;
    // One that is complete has drawn them all, and one under way will.
    if matches!(run.status, RunStatus::Failed | RunStatus::Interrupted)
        && let Ok(plan) = serde_json::from_value::<PlatformPlan>(run.plan.clone())
    {
        let units = StoredUnits::read(store, run).await?;
        for planned in &plan.experiments {
            let drawn = findings.iter().find(|(_, finding)| finding.experiment == planned.name).map(|(id, _)| *id);
            let Some((last, outcomes)) = units.of(&planned.name) else { continue };
            if drawn.is_some_and(|drawn| last < drawn) {
                continue;
            }
            if let Some(finding) = draw(&plan, planned, &outcomes) {
                put(&mut findings, last, finding);
            }
        }
    }
    Ok(findings.into_iter().map(|(_, finding)| finding).collect())
}

fn put(findings: &mut Vec<(i64, Finding)>, id: i64, finding: Finding) {
    match findings.iter_mut().find(|(_, earlier)| earlier.experiment == finding.experiment) {
        Some(earlier) => *earlier = (id, finding),
        None => findings.push((id, finding)),
    }
}

/// The answer of one experiment; `None` for one that this version does not know.
fn draw(plan: &PlatformPlan, planned: &PlannedPlatformExperiment, outcomes: &[Outcome]) -> Option<Finding> {
    // An answer needs to know which workloads there were, and not their inputs.
    let subject = |function: &String| Subject {
        function: function.clone(),
        size: String::new(),
        event: Bytes::new(),
        calls: Vec::new(),
    };
    let subjects: Vec<Subject> = plan.functions.iter().map(subject).collect();
    let request = plan.request(planned, &subjects);
    let mut finding = match &planned.script {
        Some(text) => answer(&Script::parse(text, &planned.name).ok()?, &request, outcomes),
        None => answer(experiments::find(&planned.name).ok()?, &request, outcomes),
    };
    finding
        .notes
        .push("The run ended without an answer; this one was drawn afterwards from what it had stored.".to_owned());
    Some(finding)
}
