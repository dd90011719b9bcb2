//! The values themselves: how they are spread, and in which order they came.

use super::super::draw::{Distributions, Drawing, Order, Sample, Series};
use super::super::jitter::thinned;
use super::super::label::slug;
use super::super::picture::{Data, Plot};
use super::super::scale::is_drawable;
use super::compared::sentence;
use super::view::{View, Workload, engine_name, engine_series, engines};
use crate::report::{Distribution, Figure, State, format};

/// Rows of a table of values in their order; more are not read.
const MOST_ROWS: usize = 100;

/// Both plots of one workload, where there are values.
pub(super) fn plots(
    view: &View<'_>,
    figures: &[&Figure],
    state: State,
    measure: &str,
    workload: Workload<'_>,
) -> Vec<Plot> {
    let of_workload = |distribution: &&Distribution| {
        distribution.experiment == "time"
            && distribution.state == state
            && distribution.measure.name == measure
            && (distribution.function.as_str(), distribution.size.as_str()) == workload
            && distribution.sorted.iter().any(|value| is_drawable(*value))
    };
    let found: Vec<&Distribution> = view.detail.distributions.iter().filter(of_workload).collect();
    let names = engines(found.iter().map(|distribution| distribution.venue()));
    let by_engine: Vec<&Distribution> =
        names.iter().filter_map(|engine| found.iter().find(|found| found.venue() == *engine).copied()).collect();
    if by_engine.is_empty() {
        return Vec::new();
    }
    let name = view.name(workload);
    let mut plots = vec![distribution(&name, &by_engine, figures)];
    if by_engine.iter().any(|distribution| distribution.in_order.len() > 1) {
        plots.push(order(&name, &by_engine));
    }
    plots
}

fn series(by_engine: &[&Distribution]) -> Vec<Series> {
    by_engine.iter().enumerate().map(|(place, found)| engine_series(found.venue(), place)).collect()
}

fn distribution(name: &str, by_engine: &[&Distribution], figures: &[&Figure]) -> Plot {
    const SHARES: [(f64, &str); 7] = [
        (0.0, "smallest"),
        (0.05, "5 %"),
        (0.25, "25 %"),
        (0.5, "median"),
        (0.75, "75 %"),
        (0.95, "95 %"),
        (1.0, "greatest"),
    ];
    let unit = by_engine[0].measure.unit.clone();
    let mut data = Data { header: vec!["up to this share of the values".to_owned()], rows: Vec::new() };
    data.rows.extend(SHARES.iter().map(|(_, share)| vec![(*share).to_owned()]));
    data.rows.push(vec!["number of values".to_owned()]);
    let mut samples = Vec::new();
    let mut said = Vec::new();
    for (place, found) in by_engine.iter().enumerate() {
        let sorted: Vec<f64> = found.sorted.iter().copied().filter(|value| is_drawable(*value)).collect();
        if sorted.is_empty() {
            continue;
        }
        let engine = engine_name(found.venue());
        let figure = figures.iter().find(|figure| {
            figure.venue() == found.venue() && figure.function == found.function && figure.size == found.size
        });
        let estimate = figure.and_then(|figure| figure.median);
        let median = estimate.map_or_else(|| quantile(&sorted, 0.5), |estimate| estimate.value);
        let interval = estimate.and_then(|estimate| estimate.interval).map(|interval| (interval.low, interval.high));
        let quartiles = (quantile(&sorted, 0.25), quantile(&sorted, 0.75));
        let shown =
            estimate.map_or_else(|| format::value(median, &unit), |estimate| format::estimate(&estimate, &unit));
        let (low, high) = (format::value(quartiles.0, &unit), format::value(quartiles.1, &unit));
        let says = format!("{engine}: median {shown}, half of the values between {low} and {high}");
        said.push(format!("{says}, {} values", found.n));
        data.header.push(engine);
        for (row, (share, _)) in data.rows.iter_mut().zip(SHARES) {
            row.push(format::value(if share == 0.5 { median } else { quantile(&sorted, share) }, &unit));
        }
        if let Some(last) = data.rows.last_mut() {
            last.push(found.n.to_string());
        }
        samples.push(Sample { series: place, sorted, median, interval, quartiles, says });
    }
    let what = "wall time".to_owned();
    let drawing = Distributions { samples, series: series(by_engine), what, unit };
    Plot {
        name: slug(&format!("time-distribution-{name}")),
        title: format!("{name}: how the warm times are spread"),
        description: sentence(
            "Each value as a point, the quartiles as a box, and the share of values up to each time",
            &said,
        ),
        data,
        drawing: Drawing::Distributions(drawing),
    }
}

fn order(name: &str, by_engine: &[&Distribution]) -> Plot {
    let unit = by_engine[0].measure.unit.clone();
    let longest = by_engine.iter().map(|found| found.in_order.len()).max().unwrap_or(0);
    let mut data = Data { header: vec!["place in the order".to_owned()], rows: Vec::new() };
    data.header.extend(by_engine.iter().map(|found| engine_name(found.venue())));
    let places: Vec<usize> = (0..longest).collect();
    for place in thinned(&places, MOST_ROWS) {
        let cells = by_engine
            .iter()
            .map(|found| found.in_order.get(place).map_or(String::new(), |value| format::value(*value, &unit)));
        data.rows.push([(place + 1).to_string()].into_iter().chain(cells).collect());
    }
    let said: Vec<String> = by_engine
        .iter()
        .filter(|found| found.in_order.len() > 1)
        .map(|found| {
            let (first, second) = found.in_order.split_at(found.in_order.len() / 2);
            let half = |values: &[f64]| {
                let mut sorted: Vec<f64> = values.to_vec();
                sorted.sort_by(f64::total_cmp);
                format::value(quantile(&sorted, 0.5), &unit)
            };
            format!(
                "{}: median of the first half {}, of the second {}",
                engine_name(found.venue()),
                half(first),
                half(second)
            )
        })
        .collect();
    let values = by_engine.iter().map(|found| (found.in_order.clone(), found.n)).collect();
    let drawing = Order { series: series(by_engine), values, what: "wall time".to_owned(), unit };
    Plot {
        name: slug(&format!("time-order-{name}")),
        title: format!("{name}: warm times in the order measured"),
        description: sentence("Shows drift and warming up", &said),
        data,
        drawing: Drawing::Order(drawing),
    }
}

/// Linear between the order statistics, of which there is at least one.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
    below + (above - below) * position.fract()
}
