//! A report as one HTML file: it needs no network, no other file, and works without its script.

mod environment;
mod finding;
mod page;
mod run;
mod subject;
mod table;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;

pub use page::render;
pub use subject::{ComparisonRow, ComparisonSection, PageOptions, PageRun, RowClass};
