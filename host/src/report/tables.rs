//! A report as tables for a terminal.

use std::fmt::Write as _;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table, TableComponent};

use super::detail::{Distribution, RunDetail};
use super::figure::{Figure, RunReport};
use super::shown::{self, ShownTable};
use super::sparkline::{Scale, sparkline};
use super::{finding, format};

/// The answers and the tables of a report, with small distributions where there is a `detail` to draw them from. `width` is
/// the terminal's, `None` when there is none.
pub fn render(report: &RunReport, detail: Option<&RunDetail>, width: Option<u16>) -> String {
    let mut text = String::new();
    for answer in &report.answers {
        // A String takes all that is written to it.
        let _ = writeln!(text, "{}: {}\n{}\n", answer.experiment, answer.question, answer.sentence);
    }
    for shown in shown::tables(report) {
        let _ = writeln!(text, "{}\n{}\n", shown.title, table(&shown, detail, width));
    }
    for found in &report.findings {
        text.push_str(&finding::render(found, width));
    }
    text.push_str(&code(report, width));
    text.push_str(&failures(report));
    text
}

/// Size and digest of what was run.
fn code(report: &RunReport, width: Option<u16>) -> String {
    if report.run.code.is_empty() {
        return String::new();
    }
    let mut table = empty(width);
    table.set_header(["function", "where", "code", "digest", "image", "digest"]);
    for column in [2, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut previous = None;
    for one in &report.run.code {
        let first = if previous == Some(&one.function) { String::new() } else { one.function.clone() };
        previous = Some(&one.function);
        let size = |bytes: Option<u64>| bytes.map_or("-".to_owned(), |bytes| format::value(bytes as f64, "bytes"));
        let short = |digest: &Option<String>| {
            let digest = digest.as_deref().map(|digest| digest.strip_prefix("sha256:").unwrap_or(digest));
            digest.map(|digest| digest.chars().take(12).collect::<String>())
        };
        table.add_row([
            first,
            one.venue().to_owned(),
            size(one.bytes),
            short(&one.digest).unwrap_or_else(|| "-".to_owned()),
            one.image_digest.as_ref().map(|_| size(one.image_bytes)).unwrap_or_default(),
            short(&one.image_digest).unwrap_or_default(),
        ]);
    }
    format!("code: what was run (native code in a worker is faasbench itself)\n{table}\n")
}

fn empty(width: Option<u16>) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_style(TableComponent::HeaderLines, '─');
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    table
}

/// A row for each venue: there are more than fit beside each other.
fn by_venue(shown: &ShownTable<'_>, width: Option<u16>) -> Table {
    let mut table = empty(width);
    let with_p95 = shown.has_p95();
    let mut header = vec!["function/size", "measure", "where", "median"];
    if with_p95 {
        header.push("p95");
    }
    header.extend(["/ native", "n"]);
    table.set_header(&header);
    for column in 3..header.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut previous = None;
    for row in &shown.rows {
        let mut workload = if previous == Some(&row.workload) { String::new() } else { row.workload.clone() };
        previous = Some(&row.workload);
        let mut label = row.label.clone();
        for (figure, ratio) in row.venues() {
            let mut cells = vec![
                std::mem::take(&mut workload),
                std::mem::take(&mut label),
                figure.venue().to_owned(),
                median(Some(figure)),
            ];
            if with_p95 {
                cells.push(p95(Some(figure), None));
            }
            cells.push(ratio.map(|ratio| format::ratio(&ratio.ratio)).unwrap_or_default());
            cells.push(counts(Some(figure), None));
            table.add_row(cells);
        }
    }
    table
}

fn table(shown: &ShownTable<'_>, detail: Option<&RunDetail>, width: Option<u16>) -> Table {
    if shown.has_platforms() {
        return by_venue(shown, width);
    }
    let mut table = empty(width);
    let with_p95 = shown.has_p95();
    let mut header = vec!["function/size", "measure", "native", "wasm"];
    if with_p95 {
        header.push("p95 native, wasm");
    }
    header.extend(["wasm / native", "n"]);
    if detail.is_some() {
        header.extend(["native", "wasm"]);
    }
    table.set_header(&header);
    for column in 2..header.len() {
        let distribution = detail.is_some() && column + 2 >= header.len();
        if let Some(column) = table.column_mut(column).filter(|_| !distribution) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut previous = None;
    for row in &shown.rows {
        let first = if previous == Some(&row.workload) { String::new() } else { row.workload.clone() };
        previous = Some(&row.workload);
        let mut cells = vec![first, row.label.clone(), median(row.native), median(row.wasm)];
        if with_p95 {
            cells.push(p95(row.native, row.wasm));
        }
        cells.push(row.ratio.map(|ratio| format::ratio(&ratio.ratio)).unwrap_or_default());
        cells.push(counts(row.native, row.wasm));
        if let Some(detail) = detail {
            cells.extend(distributions(detail, row.native, row.wasm));
        }
        table.add_row(cells);
    }
    table
}

/// Both engines' values on one scale.
fn distributions(detail: &RunDetail, native: Option<&Figure>, wasm: Option<&Figure>) -> [String; 2] {
    let find = |figure: Option<&Figure>| {
        let figure = figure?;
        detail.distributions.iter().find(|found| {
            found.measure == figure.measure
                && found.function == figure.function
                && found.size == figure.size
                && found.engine == figure.engine
                && found.platform == figure.platform
                && found.state == figure.state
                && found.experiment == figure.experiment
        })
    };
    let found = [find(native), find(wasm)];
    let all: Vec<&Distribution> = found.into_iter().flatten().collect();
    let Some(scale) = Scale::of(&all) else { return [String::new(), String::new()] };
    found.map(|one| one.map(|one| sparkline(one, scale)).unwrap_or_default())
}

pub(super) fn median(figure: Option<&Figure>) -> String {
    let Some(figure) = figure else { return String::new() };
    match &figure.median {
        Some(median) => {
            let mark = if figure.multiplexed > 0 { "~" } else { "" };
            format!("{mark}{}", format::estimate(median, &figure.measure.unit))
        }
        None => "-".to_owned(),
    }
}

pub(super) fn p95(native: Option<&Figure>, wasm: Option<&Figure>) -> String {
    let one = |figure: Option<&Figure>| {
        let figure = figure?;
        Some(figure.p95.map_or("-".to_owned(), |p95| format::value(p95.value, &figure.measure.unit)))
    };
    [one(native), one(wasm)].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

pub(super) fn counts(native: Option<&Figure>, wasm: Option<&Figure>) -> String {
    let n = |figure: Option<&Figure>| Some(figure?.median.map_or(0, |median| median.samples));
    match (n(native), n(wasm)) {
        (Some(native), Some(wasm)) if native == wasm => native.to_string(),
        (native, wasm) => [native, wasm].into_iter().flatten().map(|n| n.to_string()).collect::<Vec<_>>().join(", "),
    }
}

fn failures(report: &RunReport) -> String {
    let mut text = String::new();
    for failure in &report.failures {
        let _ = writeln!(
            text,
            "failed: {} of {} {}/{} on {}: {}: {}",
            failure.n,
            failure.experiment,
            failure.function,
            failure.size,
            failure.venue(),
            failure.kind,
            failure.message
        );
    }
    text
}
