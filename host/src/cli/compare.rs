//! `faasbench compare`.

use anyhow::anyhow;

use super::arguments::CompareArguments;
use super::exit::{self, Failure};
use super::{store, terminal};
use crate::report::html::{ComparisonRow, ComparisonSection, RowClass};
use crate::report::{self, CompareError, ComparisonReport, Measures, Selection};
use crate::results::{Run, Store};
use crate::stats::Verdict;

pub(super) async fn execute(arguments: &CompareArguments) -> Result<(), Failure> {
    store::existing(&arguments.results.location, async |results| compare(arguments, results).await).await
}

async fn compare(arguments: &CompareArguments, results: &Store) -> Result<(), Failure> {
    let baseline = store::run(results, &arguments.baseline.run).await?;
    let candidate = store::run(results, &arguments.candidate.run).await?;
    let measures = match (arguments.all, arguments.measures.is_empty()) {
        (true, _) => Measures::All,
        (false, false) => Measures::Named(arguments.measures.clone()),
        (false, true) => Measures::Main,
    };
    let report =
        report::compare(results, (&baseline, &arguments.baseline), (&candidate, &arguments.candidate), &measures)
            .await
            .map_err(failure)?;
    if arguments.json {
        exit::print_json(&report)?;
    } else if arguments.markdown {
        exit::print(&report::render_comparison_markdown(&report))?;
    } else {
        exit::print(&report::render_comparison(&report, terminal::width()))?;
    }
    match arguments.fail_above {
        Some(share) => judge(&report, share),
        None => Ok(()),
    }
}

fn judge(report: &ComparisonReport, share: f64) -> Result<(), Failure> {
    let risen: Vec<String> =
        report.rows.iter().filter(|row| row.rose_by_more_than(share)).map(|row| row.name()).collect();
    if risen.is_empty() {
        return Ok(());
    }
    Err(Failure::Ours(anyhow!("{} figures rose by more than {}%: {}", risen.len(), share * 100.0, risen.join("; "))))
}

fn failure(error: CompareError) -> Failure {
    match error {
        CompareError::Store(error) => store::failure(error),
        error => Failure::users(error),
    }
}

/// Each run against the first, for a report.
pub(super) async fn sections(results: &Store, runs: &[Run]) -> Result<Vec<ComparisonSection>, Failure> {
    let mut sections = Vec::new();
    let Some((first, others)) = runs.split_first() else { return Ok(sections) };
    let whole = |run: &Run| Selection::whole(&run.id);
    for other in others {
        let compared = report::compare(results, (first, &whole(first)), (other, &whole(other)), &Measures::Main).await;
        match compared {
            Ok(report) => sections.push(section(&report)),
            // Two runs of different things stand beside each other in a report; there is nothing to compare.
            Err(CompareError::NothingInCommon { .. }) => {}
            Err(error) => return Err(failure(error)),
        }
    }
    Ok(sections)
}

fn section(report: &ComparisonReport) -> ComparisonSection {
    let rows = report.rows.iter().map(|row| ComparisonRow {
        what: row.name(),
        baseline: report::shown(row.baseline_median, &row.measure.unit),
        candidate: report::shown(row.candidate_median, &row.measure.unit),
        effect: row.comparison.effect.as_ref().map(report::shown_ratio).unwrap_or_default(),
        verdict: row.verdict.clone(),
        class: match row.comparison.verdict {
            Verdict::Increase { .. } => RowClass::Worse,
            Verdict::Decrease { .. } => RowClass::Better,
            Verdict::NoDifference { .. } => RowClass::Same,
            Verdict::Undecidable { .. } => RowClass::Unknown,
        },
    });
    let side = |side: &report::ComparedSide| match &side.label {
        Some(label) => format!("{} \"{label}\"", side.run),
        None => side.run.clone(),
    };
    ComparisonSection {
        title: format!("Run {} against run {}", side(&report.candidate), side(&report.baseline)),
        warnings: report
            .differences
            .iter()
            .map(|found| format!("{} differs: {} and {}", found.name, found.baseline, found.candidate))
            .collect(),
        rows: rows.collect(),
    }
}
