//! A comparison as a table, for a terminal or as Markdown.

use std::fmt::Write as _;

use comfy_table::presets::{ASCII_MARKDOWN, NOTHING};
use comfy_table::{CellAlignment, ContentArrangement, Table, TableComponent};

use super::comparison::{ComparedFigure, ComparedSide, ComparisonReport};
use super::format;
use crate::stats::Verdict;

/// The comparison for a terminal of `width` columns; `None` when there is none.
pub fn render_comparison(report: &ComparisonReport, width: Option<u16>) -> String {
    let mut text = format!("baseline   {}\ncandidate  {}\n\n", side(&report.baseline), side(&report.candidate));
    for difference in &report.differences {
        // A String takes all that is written to it.
        let _ = writeln!(text, "differs: {}: {} and {}", difference.name, difference.baseline, difference.candidate);
    }
    if !report.differences.is_empty() {
        text.push_str("What differs above may be what the figures show.\n\n");
    }
    let mut table = table(report);
    table.load_preset(NOTHING).set_style(TableComponent::HeaderLines, '─');
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    let _ = writeln!(text, "{table}\n\n{}", summary(report));
    text
}

/// The comparison as Markdown, for a pull request: what changed first, the rest folded.
pub fn render_comparison_markdown(report: &ComparisonReport) -> String {
    let mut text = format!(
        "### faasbench: {} against {}\n\n{}\n",
        escape(&side(&report.candidate)),
        escape(&side(&report.baseline)),
        summary(report)
    );
    if !report.differences.is_empty() {
        text.push_str("\nThe circumstances differ, and may be what the figures show:\n\n");
        for difference in &report.differences {
            let words = [&difference.name, &difference.baseline, &difference.candidate].map(|word| escape(word));
            let _ = writeln!(text, "- {}: {} and {}", words[0], words[1], words[2]);
        }
    }
    let mut table = table(report);
    table.load_preset(ASCII_MARKDOWN);
    let _ = writeln!(text, "\n<details><summary>All {} figures</summary>\n\n{table}\n\n</details>", report.rows.len());
    text
}

fn side(side: &ComparedSide) -> String {
    let label = side.label.as_ref().map(|label| format!(" \"{label}\"")).unwrap_or_default();
    let part = side.selection.split_once(':').map(|(_, part)| format!(" ({part})")).unwrap_or_default();
    format!("run {}{label}{part}", side.run)
}

/// Keeps Markdown and HTML out of a user's text.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '#' | '\\' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            '\n' | '\r' => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

fn table(report: &ComparisonReport) -> Table {
    let mut table = Table::new();
    table.set_header(["figure", "baseline", "candidate", "ratio", "n", "verdict"]);
    for column in 1..5 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for row in &report.rows {
        let unit = &row.measure.unit;
        let ratio = row.comparison.effect.map(|effect| format::ratio(&effect)).unwrap_or_default();
        let n = if row.baseline_n == row.candidate_n {
            row.baseline_n.to_string()
        } else {
            format!("{}, {}", row.baseline_n, row.candidate_n)
        };
        table.add_row([
            row.name(),
            format::value(row.baseline_median, unit),
            format::value(row.candidate_median, unit),
            ratio,
            n,
            row.verdict.clone(),
        ]);
    }
    table
}

/// How many rose, fell, stayed, and the strongest of those that changed.
fn summary(report: &ComparisonReport) -> String {
    let count = |test: fn(&Verdict) -> bool| report.rows.iter().filter(|row| test(&row.comparison.verdict)).count();
    let rose = count(|verdict| matches!(verdict, Verdict::Increase { .. }));
    let fell = count(|verdict| matches!(verdict, Verdict::Decrease { .. }));
    let same = count(|verdict| matches!(verdict, Verdict::NoDifference { .. }));
    let open = count(|verdict| matches!(verdict, Verdict::Undecidable { .. }));
    let mut text =
        format!("{} figures compared: {rose} rose, {fell} fell, {same} show no difference", report.rows.len());
    if open > 0 {
        let _ = write!(text, ", {open} can't be decided");
    }
    text.push_str(". All verdicts together hold with 95% confidence.");
    if report.unmatched > 0 {
        let _ = write!(text, " {} figures are on one side only.", report.unmatched);
    }
    let mut changed: Vec<&ComparedFigure> =
        report.rows.iter().filter(|row| row.comparison.verdict.is_difference()).collect();
    let strength = |row: &ComparedFigure| row.comparison.effect.map_or(0.0, |effect| effect.value.ln().abs());
    changed.sort_by(|a, b| strength(b).total_cmp(&strength(a)));
    for row in changed.iter().take(5) {
        let _ = write!(text, "\n- {}: {}", row.name(), row.verdict);
    }
    text
}
