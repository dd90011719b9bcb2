//! Findings for a terminal.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table, TableComponent};
use experiments::{Cell, Finding};

use super::quantity::cell;

/// Most rows of a table on a terminal; `--json` and the page have all.
const MOST_ROWS: usize = 60;

/// Tables and notes; the answer stands above all.
pub(in crate::report) fn render(finding: &Finding, width: Option<u16>) -> String {
    let mut text = String::new();
    for table in &finding.tables {
        // A String takes all that is written to it.
        let _ = writeln!(text, "{}: {}\n{}", finding.experiment, table.title, drawn(table, width));
        if table.rows.len() > MOST_ROWS {
            let _ = writeln!(text, "{MOST_ROWS} of {} rows are shown; `--json` has all", table.rows.len());
        }
        let absences: BTreeSet<&str> = table
            .rows
            .iter()
            .flatten()
            .filter_map(|cell| if let Cell::Absent { absent } = cell { Some(absent.as_str()) } else { None })
            .collect();
        for absence in absences {
            let _ = writeln!(text, "–: {absence}");
        }
        text.push('\n');
    }
    for note in &finding.notes {
        let _ = writeln!(text, "note: {note}");
    }
    if !finding.notes.is_empty() {
        text.push('\n');
    }
    text
}

fn drawn(data: &experiments::Table, width: Option<u16>) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_style(TableComponent::HeaderLines, '─');
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    table.set_header(data.columns.iter().map(|column| column.name.as_str()));
    for (index, _) in data.columns.iter().enumerate() {
        let is_text = data.rows.iter().all(|row| matches!(row.get(index), Some(Cell::Text(_)) | None));
        if let Some(column) = table.column_mut(index).filter(|_| !is_text) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for row in data.rows.iter().take(MOST_ROWS) {
        let cells = row.iter().zip(&data.columns);
        table.add_row(cells.map(|(one, column)| cell(one, column.unit.as_deref())));
    }
    table
}
