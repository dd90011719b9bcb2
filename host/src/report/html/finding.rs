//! An experiment's finding on a page: its tables and notes.

use experiments::{Cell, Finding, Table};
use maud::{Markup, html};

use crate::report::finding::cell;
use crate::report::plot::label::clean;

/// Most rows of one table; `--json` has all.
const MOST_ROWS: usize = 2_000;

/// The tables and the notes.
pub(super) fn section(finding: &Finding) -> Markup {
    html! {
        @for (index, one) in finding.tables.iter().enumerate() {
            // The first one is what most came for.
            @if index == 0 {
                h3 { (clean(&one.title)) }
                (table(one))
            } @else {
                details.table {
                    summary { (clean(&one.title)) }
                    (table(one))
                }
            }
        }
        @for note in &finding.notes { p.remark { (clean(note)) } }
    }
}

fn table(table: &Table) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(clean(&table.title)) {
            table {
                thead {
                    tr { @for column in &table.columns { th scope="col" { (clean(&column.name)) } } }
                }
                tbody {
                    @for row in table.rows.iter().take(MOST_ROWS) {
                        tr {
                            @for (one, column) in row.iter().zip(&table.columns) {
                                @match one {
                                    Cell::Text(text) => td { (clean(text)) },
                                    Cell::Absent { absent } => td.number title=(clean(absent)) { "–" },
                                    number => td.number { (clean(&cell(number, column.unit.as_deref()))) },
                                }
                            }
                        }
                    }
                }
            }
        }
        @if table.rows.len() > MOST_ROWS {
            p.remark { (MOST_ROWS) " of " (table.rows.len()) " rows are shown; `faasbench show --json` has all." }
        }
    }
}
