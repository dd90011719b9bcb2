//! The plots of a run as files.

use super::choose::plots;
use super::error::PlotError;
use super::picture::Plot;
use crate::report::{RunDetail, RunReport};

/// One plot as files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlotFile {
    /// The files' name without its ending: lower-case letters, digits and dashes.
    pub name: String,
    /// The content of the SVG file.
    pub svg: String,
    /// The content of the PNG file.
    pub png: Vec<u8>,
}

/// The plots of a run, drawn one after the other as they are asked for.
pub fn files(report: &RunReport, detail: &RunDetail) -> impl Iterator<Item = Result<PlotFile, PlotError>> {
    plots(report, detail).into_iter().flat_map(|group| group.plots).map(|plot| file(&plot))
}

fn file(plot: &Plot) -> Result<PlotFile, PlotError> {
    Ok(PlotFile { name: plot.name().to_owned(), svg: plot.svg()?, png: plot.png()? })
}
