//! Reports: what a stored run says, as data and as tables for a terminal. They read results and nothing else, so any
//! report can be made again from a stored run.

mod answer;
mod collect;
mod comparison;
mod comparison_table;
mod detail;
mod difference;
mod figure;
mod finding;
mod format;
mod gather;
pub mod html;
mod observation;
pub mod plot;
mod selection;
mod series;
mod shell;
mod shown;
mod sparkline;
mod tables;
mod thin;

pub use answer::question;
pub use collect::{ReportError, collect, collect_with_detail};
pub use comparison::{
    COMPARISON_SCHEMA, CompareError, ComparedFigure, ComparedSide, ComparisonReport, Measures, compare,
};
pub use comparison_table::{render_comparison, render_comparison_markdown};
pub use detail::{Distribution, Point, Repetition, RunDetail, TimeSeries};
pub use difference::{Difference, differences, environment as environment_differences};
pub use figure::{
    Absence, Answer, Failure, Figure, Measure, MeasuredCode, Ratio, ReportedRun, RunReport, SCHEMA, State,
};
pub use format::{ratio as shown_ratio, value as shown};
pub use selection::{Selection, SelectionError};
pub use shell::shell_words;
pub use tables::render;
