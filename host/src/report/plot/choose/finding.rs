//! The plots that findings hold.

use experiments::{Finding, Mark};

use super::super::canvas::Shape;
use super::super::draw::{Chart, Drawing, Look, Place, Scale, Series, Track};
use super::super::label::{shortened, slug};
use super::super::palette::{BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION};
use super::super::picture::{Data, Plot};
use super::Group;
use crate::report::finding::{in_base_unit, shown};

/// How series are told apart.
const LOOKS: [(plotters::style::RGBColor, Shape); 6] = [
    (BLUE, Shape::Circle),
    (VERMILION, Shape::Square),
    (GREEN, Shape::Triangle),
    (PURPLE, Shape::Diamond),
    (ORANGE, Shape::Circle),
    (SKY, Shape::Square),
];
/// Most series of one plot.
const MOST_SERIES: usize = 12;
/// Most rows of a plot's table.
const MOST_ROWS: usize = 200;

/// A finding's plots.
pub(super) fn group(finding: &Finding) -> Group {
    let mut remarks = Vec::new();
    for plot in finding.plots.iter().filter(|plot| plot.series.len() > MOST_SERIES) {
        remarks.push(format!(
            "{}: the first {MOST_SERIES} of {} series are drawn; `faasbench show --json` has all.",
            plot.title,
            plot.series.len()
        ));
    }
    Group {
        experiment: finding.experiment.clone(),
        heading: finding.experiment.clone(),
        remarks,
        plots: finding.plots.iter().map(|plot| drawn(finding, plot)).collect(),
    }
}

fn drawn(finding: &Finding, plot: &experiments::Plot) -> Plot {
    let (_, x_unit) = in_base_unit(0.0, &plot.x.unit);
    let (_, y_unit) = in_base_unit(0.0, &plot.y.unit);
    let mut data = Data { header: ["series", "x", "y", "interval"].map(str::to_owned).to_vec(), rows: Vec::new() };
    let mut tracks = Vec::new();
    for (number, one) in plot.series.iter().take(MOST_SERIES).enumerate() {
        let (colour, shape) = LOOKS[number % LOOKS.len()];
        let look = match one.mark {
            Mark::Line => Look::Line,
            Mark::Step => Look::Step,
            Mark::Dot => Look::Dot,
            Mark::Bar => Look::Bar,
            Mark::Span => Look::Span,
        };
        let interval_unit = if look == Look::Span { &plot.x.unit } else { &plot.y.unit };
        let mut places = Vec::new();
        for (index, point) in one.points.iter().enumerate() {
            let name = one.labels.get(index).cloned().unwrap_or_default();
            let interval = point.low.zip(point.high);
            if data.rows.len() < MOST_ROWS {
                let between = interval
                    .map(|(low, high)| format!("{} to {}", shown(low, interval_unit), shown(high, interval_unit)));
                let y = if look == Look::Span { name.clone() } else { shown(point.y, &plot.y.unit) };
                data.rows.push(vec![one.name.clone(), shown(point.x, &plot.x.unit), y, between.unwrap_or_default()]);
            }
            let based = |value: f64| in_base_unit(value, interval_unit).0;
            places.push(Place {
                x: in_base_unit(point.x, &plot.x.unit).0,
                y: in_base_unit(point.y, &plot.y.unit).0,
                interval: interval.map(|(low, high)| (based(low), based(high))),
                name,
            });
        }
        tracks.push(Track { series: Series { name: shortened(&one.name, 40), colour, shape }, look, places });
    }
    let said: Vec<String> = plot
        .series
        .iter()
        .take(MOST_SERIES)
        .map(|one| format!("{}: {} points", shortened(&one.name, 40), one.points.len()))
        .collect();
    let scale = |axis: &experiments::Axis, unit: &str| Scale {
        what: axis.label.clone(),
        unit: unit.to_owned(),
        is_logarithmic: axis.logarithmic,
    };
    Plot {
        name: slug(&format!("{}-{}", finding.experiment, plot.title)),
        title: plot.title.clone(),
        description: format!("{} over {}. {}.", plot.y.label, plot.x.label, said.join("; ")),
        data,
        drawing: Drawing::Chart(Chart { tracks, x: scale(&plot.x, x_unit), y: scale(&plot.y, y_unit) }),
    }
}
