//! Which plots fit a run.

mod compared;
mod counters;
mod disk_io;
mod finding;
mod memory;
mod other;
mod over_time;
mod spread;
mod time;
mod view;

use std::collections::BTreeSet;

use super::picture::Plot;
use crate::report::{RunDetail, RunReport};
use view::View;

/// Plots that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The experiment that they are about.
    pub experiment: String,
    /// What they show together.
    pub heading: String,
    /// Sentences that belong to them: what was left out, what there is not.
    pub remarks: Vec<String>,
    /// In order of importance; none where the remarks say it all.
    pub plots: Vec<Plot>,
}

/// The plots of a run, in the order in which they should be read.
pub fn plots(report: &RunReport, detail: &RunDetail) -> Vec<Group> {
    let view = View::new(report, detail);
    let mut groups = Vec::new();
    let answers_itself = |name: &str| report.findings.iter().any(|finding| finding.experiment == name);
    for experiment in view.experiments().into_iter().filter(|name| !answers_itself(name)) {
        groups.extend(match experiment {
            "time" => time::groups(&view),
            "memory" => memory::groups(&view),
            "disk-io" => disk_io::groups(&view),
            "papi" => counters::groups(&view),
            other => other::groups(&view, other),
        });
    }
    groups.extend(report.findings.iter().map(finding::group));
    groups.retain(|group| !group.plots.is_empty() || !group.remarks.is_empty());
    name_apart(&mut groups);
    groups
}

/// Gives plots whose names became the same a number.
fn name_apart(groups: &mut [Group]) {
    let mut taken = BTreeSet::new();
    for plot in groups.iter_mut().flat_map(|group| &mut group.plots) {
        let name = plot.name.clone();
        let mut number = 2;
        while !taken.insert(plot.name.clone()) {
            plot.name = format!("{name}-{number}");
            number += 1;
        }
    }
}
