//! An experiment's answer: a sentence, tables, plots. Data, so that it can be stored, printed and drawn anywhere.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an experiment found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The experiment's name.
    pub experiment: String,
    /// The question.
    pub question: String,
    /// The answer in a sentence or a few, with its numbers and their n.
    pub answer: String,
    /// Tables.
    pub tables: Vec<Table>,
    /// Plots.
    pub plots: Vec<Plot>,
    /// What a reader must know: what was left out, what was assumed, where a number is from.
    pub notes: Vec<String>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, each with a cell for every column.
    pub rows: Vec<Vec<Cell>>,
}

/// A table's column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Column {
    /// Its heading.
    pub name: String,
    /// The unit of its numbers: `ns`, `us`, `s`, `bytes`, `1`, `%`, `USD`, `1/s`, `GB-s`; reports scale ns, bytes to readable ones.
    pub unit: Option<String>,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Cell {
    /// A number with its interval, where it has one, and the number of samples behind it.
    Estimate {
        /// The number.
        value: f64,
        /// Lower end of its 95% interval.
        low: Option<f64>,
        /// Upper end.
        high: Option<f64>,
        /// Samples.
        n: u64,
    },
    /// A count or another exact number.
    Number(f64),
    /// Words.
    Text(String),
    /// Nothing, and why.
    Absent {
        /// Why.
        absent: String,
    },
}

/// An axis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Axis {
    /// What it shows.
    pub label: String,
    /// Its unit, as a column's.
    pub unit: String,
    /// Whether it is logarithmic.
    pub logarithmic: bool,
}

/// A point.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Where.
    pub x: f64,
    /// How much.
    pub y: f64,
    /// The interval of `y`: lower end.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

impl Point {
    /// A point without an interval.
    pub fn at(x: f64, y: f64) -> Point {
        Point { x, y, low: None, high: None }
    }
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// Points joined by straight lines.
    Line,
    /// A value that holds until the next point.
    Step,
    /// Points alone.
    Dot,
    /// Bars from `low` to `high` along x at the row `y`: a waterfall.
    Span,
    /// Bars from 0 to `y`.
    Bar,
}

/// A series of points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// How it is drawn.
    pub mark: Mark,
    /// Its points.
    pub points: Vec<Point>,
    /// Names of the points, where they have some (of bars, of a waterfall's spans); as many as points, or none.
    pub labels: Vec<String>,
}

/// A plot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plot {
    /// What it shows.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// What is drawn.
    pub series: Vec<Series>,
}
