//! What the commands accept that read stored runs.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::percentage::share;
use crate::report::Selection;
use crate::results::Location;

/// Where runs are stored.
#[derive(Debug, Args)]
pub(in crate::cli) struct ResultsLocation {
    /// Where runs are stored: a file, or `postgres://USER@HOST/DATABASE` (password: PGPASSWORD or ~/.pgpass)
    #[arg(
        long = "results",
        value_name = "FILE|URL",
        env = "FAASBENCH_RESULTS",
        hide_env_values = true,
        default_value = "faasbench.db"
    )]
    pub(in crate::cli) location: Location,
}

/// Show what a stored run says.
#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArguments {
    /// The run: `latest`, `latest~1` (the one before), its id or the beginning of it, or its label
    #[arg(default_value = "latest")]
    pub(in crate::cli) run: String,

    #[command(flatten)]
    pub(in crate::cli) results: ResultsLocation,

    /// Print the report as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Write a report as one HTML file.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReportArguments {
    /// The runs: `latest`, ids or their beginnings, or labels [default: latest]
    #[arg(value_name = "RUN")]
    pub(in crate::cli) runs: Vec<String>,

    /// The file to write
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    pub(in crate::cli) output: PathBuf,

    /// Write the plots as SVG and PNG files into this folder too
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) plots: Option<PathBuf>,

    /// Open the report in the browser
    #[arg(long)]
    pub(in crate::cli) open: bool,

    /// Write it again every few seconds until the run is over; the page reloads itself
    #[arg(long)]
    pub(in crate::cli) watch: bool,

    #[command(flatten)]
    pub(in crate::cli) results: ResultsLocation,

    /// Print what was written as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Compare two runs, or two parts of a run.
#[derive(Debug, Args)]
pub(in crate::cli) struct CompareArguments {
    /// What is compared with
    pub(in crate::cli) baseline: Selection,

    /// What may have changed
    pub(in crate::cli) candidate: Selection,

    /// Only these measures, comma-separated or repeated: wall, cpu-time, peak-rss, ... [default: each experiment's main ones]
    #[arg(long = "measure", value_name = "MEASURE", value_delimiter = ',', conflicts_with = "all")]
    pub(in crate::cli) measures: Vec<String>,

    /// Every measure that both have
    #[arg(long)]
    pub(in crate::cli) all: bool,

    /// End with exit code 1 where something certainly rose and by more than this
    #[arg(long, value_name = "PERCENT", value_parser = share)]
    pub(in crate::cli) fail_above: Option<f64>,

    /// Print Markdown, for a pull request
    #[arg(long, conflicts_with = "json")]
    pub(in crate::cli) markdown: bool,

    #[command(flatten)]
    pub(in crate::cli) results: ResultsLocation,

    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Formats of exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ExportFormat {
    /// The whole run as one document
    Json,
    /// One table, or all with a folder
    Csv,
    /// One table, or all with a folder
    Parquet,
    /// Timed invocations in the columns of SeBS's result.csv, times in microseconds
    Sebs,
}

/// Tables that can be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ExportTable {
    /// Calls of functions
    Invocations,
    /// Records out of responses
    Records,
    /// Time series
    Samples,
    /// Counted events
    Counters,
    /// Other numbers
    Metrics,
    /// What is no single number: outcomes of units, findings, parts of traces
    Documents,
    /// Remarks
    Notes,
    /// A file for each, into the folder that --output names
    All,
}

/// Write out all that is stored of a run.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArguments {
    /// The run: `latest`, `latest~1` (the one before), its id or the beginning of it, or its label
    #[arg(default_value = "latest")]
    pub(in crate::cli) run: String,

    /// The format
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    pub(in crate::cli) format: ExportFormat,

    /// Which table, for csv and parquet
    #[arg(long, value_name = "TABLE", default_value = "invocations")]
    pub(in crate::cli) table: ExportTable,

    /// The file to write, or the folder for `--table all` [default: standard output]
    #[arg(short, long, value_name = "PATH")]
    pub(in crate::cli) output: Option<PathBuf>,

    /// Only of this experiment
    #[arg(long, value_name = "EXPERIMENT")]
    pub(in crate::cli) experiment: Option<String>,

    /// Only of this function
    #[arg(short, long, value_name = "FUNCTION")]
    pub(in crate::cli) function: Option<String>,

    /// Only of this size
    #[arg(long, value_name = "SIZE")]
    pub(in crate::cli) size: Option<String>,

    /// Only of this engine
    #[arg(long, value_name = "ENGINE")]
    pub(in crate::cli) engine: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) results: ResultsLocation,
}

/// Look after stored runs.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ResultsCommand {
    /// List the stored runs, the newest first.
    List {
        #[command(flatten)]
        results: ResultsLocation,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what is stored of a run: command, plan, machine, notes, how many rows.
    Show {
        /// The run: `latest`, `latest~1` (the one before), its id or the beginning of it, or its label
        #[arg(default_value = "latest")]
        run: String,
        #[command(flatten)]
        results: ResultsLocation,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Add a remark to a run; it appears in its reports.
    Note {
        /// The run: `latest`, `latest~1` (the one before), its id or the beginning of it, or its label
        run: String,
        /// The remark
        text: String,
        #[command(flatten)]
        results: ResultsLocation,
    },
    /// Delete runs and all that they recorded.
    Delete {
        /// The runs: ids or their beginnings, or labels
        #[arg(required = true)]
        runs: Vec<String>,
        /// Don't ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        results: ResultsLocation,
    },
    /// Copy runs from another results file or database into this one; what is there already is not copied again.
    Import {
        /// Where they are: a results file, or `postgres://...`
        from: Location,
        /// Which runs: ids or their beginnings, or labels [default: all]
        #[arg(value_name = "RUN")]
        runs: Vec<String>,
        #[command(flatten)]
        results: ResultsLocation,
    },
}
