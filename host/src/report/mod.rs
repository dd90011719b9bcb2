//! Reports: what a stored run says, as data and as tables for a terminal. They read results and nothing else, so any
//! report can be made again from a stored run.

mod answer;
mod collect;
mod detail;
mod figure;
mod format;
mod gather;
mod series;
mod sparkline;
mod tables;
mod thin;

pub use answer::{Answer, question};
pub use collect::{ReportError, collect, collect_with_detail};
pub use detail::{Distribution, Point, Repetition, RunDetail, TimeSeries};
pub use figure::{Absence, Failure, Figure, Measure, Ratio, ReportedRun, RunReport, SCHEMA, State};
pub use tables::render;
