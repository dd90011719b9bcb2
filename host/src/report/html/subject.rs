//! What a page is about.

use crate::report::{RunDetail, RunReport};

/// One run of a page.
#[derive(Debug, Clone, Copy)]
pub struct PageRun<'a> {
    /// Its figures.
    pub report: &'a RunReport,
    /// What its plots are drawn from.
    pub detail: &'a RunDetail,
}

/// Two runs compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparisonSection {
    /// Which ones.
    pub title: String,
    /// What differs between their circumstances.
    pub warnings: Vec<String>,
    /// One for each figure that both have.
    pub rows: Vec<ComparisonRow>,
}

/// One figure on both sides, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparisonRow {
    /// What it is about.
    pub what: String,
    /// The baseline's median.
    pub baseline: String,
    /// The candidate's median.
    pub candidate: String,
    /// Candidate over baseline.
    pub effect: String,
    /// The verdict.
    pub verdict: String,
    /// How the verdict is coloured.
    pub class: RowClass,
}

/// Whether a change is welcome: of everything that is compared, less is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowClass {
    /// It fell.
    Better,
    /// It rose.
    Worse,
    /// No difference was found.
    Same,
    /// Nothing can be said.
    Unknown,
}

/// What a page needs beside its runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageOptions {
    /// After how many seconds the page loads itself again; none for a page that is done.
    pub refresh_seconds: Option<u32>,
    /// When it is made, Unix time, ns.
    pub generated_unix_ns: i64,
    /// The version of faasbench that makes it.
    pub program_version: String,
}
