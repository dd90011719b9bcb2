//! Tables of a page.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::report::plot::Plot;
use crate::report::plot::label::clean;
use crate::report::shown::{ShownRow, ShownTable};
use crate::report::tables::{counts, median, p95};
use crate::report::{Figure, RunReport, format};

/// Most rows of a table of files: beyond, `--json` and the exports have all.
const MOST_FILES: usize = 200;
/// Most rows of one table; a run of thousands of workloads is read by other programs.
const MOST_ROWS: usize = 2_000;

/// The figures of an experiment in one state, with a row for each venue.
fn by_venue(table: &ShownTable<'_>) -> Markup {
    let with_p95 = table.has_p95();
    let mut previous = None;
    let mut rows = Vec::new();
    for row in table.rows.iter().take(MOST_ROWS) {
        let begins = previous != Some(&row.workload);
        previous = Some(&row.workload);
        for (position, (figure, ratio)) in row.venues().into_iter().enumerate() {
            rows.push((begins && position == 0, position == 0, row, figure, ratio));
        }
    }
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "function/size" }
                    th scope="col" { "measure" }
                    th scope="col" { "where" }
                    th.number scope="col" { "median" }
                    @if with_p95 { th.number scope="col" { "p95" } }
                    th.number scope="col" { "/ native" }
                    th.number scope="col" { "n" }
                }
            }
            tbody {
                @for (begins, is_first, row, figure, ratio) in &rows {
                    tr.begins[*begins] {
                        th scope="row" { @if *begins { (clean(&row.workload)) } }
                        td { @if *is_first { (clean(&row.label)) } }
                        td { (clean(figure.venue())) }
                        td.number { (median(Some(figure))) }
                        @if with_p95 { td.number { (p95(Some(figure), None)) } }
                        td.number { @if let Some(ratio) = ratio { (format::ratio(&ratio.ratio)) } }
                        td.number { (counts(Some(figure), None)) }
                    }
                }
            }
        }
    }
}

/// The figures of an experiment in one state.
pub(super) fn figures(table: &ShownTable<'_>) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(table.title) {
            @if table.has_platforms() { (by_venue(table)) } @else { (by_engine(table)) }
        }
        @if table.rows.len() > MOST_ROWS {
            p.remark { (MOST_ROWS) " of " (table.rows.len()) " rows are shown; `faasbench show --json` has all." }
        }
    }
}

/// The figures of an experiment in one state, both engines beside each other.
fn by_engine(table: &ShownTable<'_>) -> Markup {
    let with_p95 = table.has_p95();
    let mut previous = None;
    let rows: Vec<(bool, &ShownRow<'_>)> = table
        .rows
        .iter()
        .take(MOST_ROWS)
        .map(|row| {
            let begins = previous != Some(&row.workload);
            previous = Some(&row.workload);
            (begins, row)
        })
        .collect();
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "function/size" }
                    th scope="col" { "measure" }
                    th.number scope="col" { "native" }
                    th.number scope="col" { "WASM" }
                    @if with_p95 { th.number scope="col" { "p95 native, WASM" } }
                    th.number scope="col" { "WASM / native" }
                    th.number scope="col" { "n" }
                }
            }
            tbody {
                @for (begins, row) in &rows {
                    tr.begins[*begins] {
                        th scope="row" { @if *begins { (clean(&row.workload)) } }
                        td { (clean(&row.label)) }
                        td.number { (median(row.native)) }
                        td.number { (median(row.wasm)) }
                        @if with_p95 { td.number { (p95(row.native, row.wasm)) } }
                        td.number { @if let Some(ratio) = row.ratio { (format::ratio(&ratio.ratio)) } }
                        td.number { (counts(row.native, row.wasm)) }
                    }
                }
            }
        }
    }
}

/// What was read and written file by file, folded away.
pub(super) fn files(report: &RunReport, experiment: &str) -> Markup {
    let of_files: Vec<&Figure> = report
        .figures
        .iter()
        .filter(|figure| figure.experiment == experiment && figure.measure.file.is_some() && figure.median.is_some())
        .collect();
    html! {
        @if !of_files.is_empty() {
            details {
                summary { "File by file, as WASM's own calls were counted (" (of_files.len()) " figures)" }
                div.scroll tabindex="0" role="region" aria-label="Files" {
                    table {
                        thead {
                            tr {
                                th scope="col" { "function/size" }
                                th scope="col" { "file" }
                                th scope="col" { "measure" }
                                th.number scope="col" { "median" }
                            }
                        }
                        tbody {
                            @for figure in of_files.iter().take(MOST_FILES) {
                                tr {
                                    th scope="row" { (clean(&format!("{}/{}", figure.function, figure.size))) }
                                    td { (clean(figure.measure.file.as_deref().unwrap_or_default())) }
                                    td { (clean(&figure.measure.name)) }
                                    td.number { (median(Some(figure))) }
                                }
                            }
                        }
                    }
                }
                @if of_files.len() > MOST_FILES {
                    p.remark { (MOST_FILES) " of " (of_files.len()) " are shown; `faasbench show --json` has all." }
                }
            }
        }
    }
}

/// What could not be read, and why.
pub(super) fn absences(report: &RunReport, experiment: &str) -> Markup {
    let mut by_reason: BTreeMap<&str, (usize, Vec<&str>)> = BTreeMap::new();
    for figure in report.figures.iter().filter(|figure| figure.experiment == experiment) {
        for absence in &figure.absences {
            let entry = by_reason.entry(&absence.reason).or_default();
            entry.0 += absence.n;
            if !entry.1.contains(&figure.measure.name.as_str()) {
                entry.1.push(&figure.measure.name);
            }
        }
    }
    html! {
        @if !by_reason.is_empty() {
            details {
                summary { "What could not be read" }
                ul {
                    @for (reason, (n, measures)) in &by_reason {
                        li { (clean(&measures.join(", "))) ": " (n) " values: " (clean(reason)) }
                    }
                }
            }
        }
    }
}

/// The numbers behind a plot.
pub(super) fn data(plot: &Plot) -> Markup {
    let data = plot.data();
    html! {
        div.scroll tabindex="0" role="region" aria-label=(format!("Data of: {}", clean(plot.title()))) {
            table {
                thead {
                    tr { @for name in &data.header { th scope="col" { (clean(name)) } } }
                }
                tbody {
                    @for row in &data.rows {
                        tr {
                            @for (index, cell) in row.iter().enumerate() {
                                @if index == 0 { th scope="row" { (clean(cell)) } } @else { td.number { (clean(cell)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
