//! The plots of an experiment that has none of its own.

use std::collections::BTreeSet;

use super::super::label::shortened;
use super::Group;
use super::compared::{Wanted, values};
use super::over_time;
use super::view::View;
use crate::report::{Figure, Measure, State};

const MOST_PLOTS: usize = 16;

pub(super) fn groups(view: &View<'_>, experiment: &str) -> Vec<Group> {
    let mut groups = Vec::new();
    for (state, heading) in [(State::Warm, "Warm"), (State::Cold, "Cold"), (State::ColdCompiled, "Cold, compiled")] {
        let mut group = Group {
            experiment: experiment.to_owned(),
            heading: heading.to_owned(),
            remarks: Vec::new(),
            plots: Vec::new(),
        };
        let figures: Vec<&Figure> = view
            .report
            .figures
            .iter()
            .filter(|figure| figure.experiment == experiment && figure.state == state && figure.measure.file.is_none())
            .filter(|figure| figure.median.is_some())
            .collect();
        let measures: BTreeSet<&Measure> = figures.iter().map(|figure| &figure.measure).collect();
        if measures.len() > MOST_PLOTS {
            group.remarks.push(format!("Shown: {MOST_PLOTS} of {} measures. The tables have all.", measures.len()));
        }
        for measure in measures.into_iter().take(MOST_PLOTS) {
            let of_measure: Vec<&Figure> =
                figures.iter().copied().filter(|figure| figure.measure == *measure).collect();
            let title = shortened(&measure.name, 60);
            let name = format!("{experiment}-{heading}-{}", measure.name);
            let wanted = Wanted { name: &name, title: &title, what: "median", as_bars: false };
            group.add(values(view, &of_measure, &wanted));
        }
        groups.push(group);
    }
    groups.push(over_time::group(view, experiment, "Over time"));
    groups
}
