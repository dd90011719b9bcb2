//! Making the figures from a stored run.

use std::collections::BTreeMap;

use experiments::Finding;
use thiserror::Error;

use super::answer::answers;
use super::detail::RunDetail;
use super::figure::{Absence, Figure, Ratio, ReportedRun, RunReport, SCHEMA, in_process};
use super::gather::{Gathered, Key, Values, gather};
use super::observation::observations;
use super::thin;
use crate::platform_run::findings;
use crate::results::{Run, Store, StoreError};
use crate::stats::{Bootstrap, Confidence, clustered_median, clustered_ratio_of_medians, summarise};

/// Why there is no report.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The stored run could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The report of a stored run.
///
/// # Errors
/// When the database can't be read.
pub async fn collect(store: &Store, run: &Run) -> Result<RunReport, ReportError> {
    Ok(report(run, gather(store, run).await?, findings(store, run).await?))
}

/// The report of a stored run, and what its plots are drawn from.
///
/// # Errors
/// When the database can't be read.
pub async fn collect_with_detail(store: &Store, run: &Run) -> Result<(RunReport, RunDetail), ReportError> {
    let gathered = gather(store, run).await?;
    let detail = RunDetail {
        distributions: thin::distributions(&gathered),
        series: super::series::collect(store, run, &gathered.places).await?,
    };
    Ok((report(run, gathered, findings(store, run).await?), detail))
}

fn report(run: &Run, gathered: Gathered, findings: Vec<Finding>) -> RunReport {
    let Gathered { values, failures, notes, .. } = gathered;
    let ratios = ratios(&values);
    let observations = observations(&values);
    let figures: Vec<Figure> = values.into_iter().map(|(key, values)| figure(key, &values)).collect();
    RunReport {
        schema: SCHEMA.to_owned(),
        run: reported(run),
        answers: answers(&figures, &ratios, &findings),
        findings,
        figures,
        ratios,
        failures,
        observations,
        notes,
    }
}

fn reported(run: &Run) -> ReportedRun {
    ReportedRun {
        id: run.id.clone(),
        created_unix_ns: run.created_unix_ns,
        finished_unix_ns: run.finished_unix_ns,
        status: run.status,
        label: run.label.clone(),
        command: run.command.clone(),
        plan: run.plan.clone(),
        environment: run.environment.clone(),
        seed: run.seed,
        version: run.version.clone(),
        // What another version of faasbench stored otherwise is left out, and is in the export.
        code: serde_json::from_value(run.images.clone()).unwrap_or_default(),
    }
}

fn figure(key: Key, values: &Values) -> Figure {
    let summary = summarise(&values.in_order, Confidence::NINETY_FIVE).ok();
    let median = values.clusters().map(|clusters| clustered_median(&clusters, &Bootstrap::default()));
    let absences = values.absences.iter().map(|(reason, n)| Absence { reason: reason.clone(), n: *n }).collect();
    Figure {
        experiment: key.experiment,
        function: key.function,
        size: key.size,
        engine: key.engine,
        platform: key.platform,
        state: key.state,
        measure: key.measure,
        median,
        p95: summary.as_ref().and_then(|summary| summary.p95),
        p99: summary.as_ref().and_then(|summary| summary.p99),
        min: summary.as_ref().map(|summary| summary.min),
        max: summary.as_ref().map(|summary| summary.max),
        mad: summary.as_ref().map(|summary| summary.mad),
        outliers: summary.map(|summary| summary.outliers),
        multiplexed: values.multiplexed,
        absences,
    }
}

/// What the others are compared with.
const BASELINE: &str = "native";

/// Everything against native code in a worker, where both have it. Files have no counterpart on the other side.
fn ratios(values: &BTreeMap<Key, Values>) -> Vec<Ratio> {
    let mut ratios = Vec::new();
    for (above_key, above) in values.iter().filter(|(key, _)| key.venue() != BASELINE && key.measure.file.is_none()) {
        let below_key = Key { engine: BASELINE.to_owned(), platform: in_process(), ..above_key.clone() };
        let Some(below) = values.get(&below_key) else { continue };
        let (Some(above), Some(below)) = (above.clusters(), below.clusters()) else { continue };
        let Some(ratio) = clustered_ratio_of_medians(&above, &below, &Bootstrap::default()) else { continue };
        ratios.push(Ratio {
            experiment: above_key.experiment.clone(),
            function: above_key.function.clone(),
            size: above_key.size.clone(),
            state: above_key.state,
            measure: above_key.measure.clone(),
            numerator: above_key.venue().to_owned(),
            denominator: BASELINE.to_owned(),
            ratio,
        });
    }
    ratios
}
