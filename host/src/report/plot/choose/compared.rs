//! Plots that put engines beside each other: values with intervals, ratios, heat maps.

use std::collections::BTreeMap;

use super::super::canvas::Shape;
use super::super::draw::Series;
use super::super::draw::{Cell, Drawing, Heat, Mark, Marks, Row};
use super::super::label::slug;
use super::super::palette::INK;
use super::super::picture::{Data, Plot};
use super::super::scale::Wish;
use super::view::{View, capped, engine_name, engine_series, engines, workloads};
use crate::report::{Figure, Ratio, format};
use crate::stats::Estimate;

/// More rows than this are no longer read at a glance.
const MOST_ROWS: usize = 24;
/// So many rows are said in a sentence.
const SAID: usize = 12;

/// What a plot of figures shows.
pub(super) struct Wanted<'t> {
    /// A part of the file name.
    pub(super) name: &'t str,
    pub(super) title: &'t str,
    /// The axis' title without its unit.
    pub(super) what: &'t str,
    /// Bars, from zero, rather than points.
    pub(super) as_bars: bool,
}

/// Figures of one measure by workload and engine. None where there are none.
pub(super) fn values(view: &View<'_>, figures: &[&Figure], wanted: &Wanted<'_>) -> Option<(Plot, Option<String>)> {
    let unit = figures.first()?.measure.unit.clone();
    let names = engines(figures.iter().map(|figure| figure.venue()));
    let by_place: BTreeMap<(&str, &str, &str), &Figure> = figures
        .iter()
        .map(|figure| ((figure.function.as_str(), figure.size.as_str(), figure.venue()), *figure))
        .collect();
    let (shown, left_out) = capped(workloads(figures), MOST_ROWS, "functions");
    let mut rows = Vec::new();
    let mut data = Data { header: vec!["function".to_owned()], rows: Vec::new() };
    data.header.extend(names.iter().map(|engine| engine_name(engine)));
    let mut said = Vec::new();
    for (function, size) in shown {
        let name = view.name((function, size));
        let mut marks = Vec::new();
        let mut cells = vec![name.clone()];
        for (series, engine) in names.iter().enumerate() {
            let median = by_place.get(&(function, size, *engine)).and_then(|figure| figure.median.as_ref());
            cells.push(median.map_or(String::new(), |median| format::estimate(median, &unit)));
            if let Some(median) = median {
                marks.push(mark(series, &engine_name(engine), median, &unit));
            }
        }
        let each = marks.iter().map(|mark| mark.says.as_str());
        said.push(format!("{name}: {}", each.collect::<Vec<_>>().join(", ")));
        data.rows.push(cells);
        rows.push(Row { name, marks });
    }
    let series = names.iter().enumerate().map(|(place, engine)| engine_series(engine, place)).collect();
    let wish = if wanted.as_bars { Wish::FromZero } else { Wish::Wide };
    let drawing =
        Marks { rows, series, what: wanted.what.to_owned(), unit, wish, as_bars: wanted.as_bars, sides: None };
    let plot = Plot {
        name: slug(wanted.name),
        title: wanted.title.to_owned(),
        description: sentence("Medians with their 95 % intervals", &said),
        data,
        drawing: Drawing::Marks(drawing),
    };
    Some((plot, left_out))
}

fn mark(series: usize, engine: &str, median: &Estimate, unit: &str) -> Mark {
    Mark {
        series,
        value: median.value,
        interval: median.interval.map(|interval| (interval.low, interval.high)),
        shown: format::value(median.value, unit),
        says: format!("{engine} {}", format::estimate(median, unit)),
    }
}

/// Ratios of one measure by workload, the greatest first; `sides` says what less and more than 1 mean. None where there
/// are none.
pub(super) fn ratios(
    view: &View<'_>,
    ratios: &[&Ratio],
    wanted: &Wanted<'_>,
    sides: (&str, &str),
) -> Option<(Plot, Option<String>)> {
    let first = ratios.first()?;
    let (above, below) = (engine_name(&first.numerator), engine_name(&first.denominator));
    let mut sorted = ratios.to_vec();
    sorted.sort_by(|a, b| b.ratio.value.total_cmp(&a.ratio.value));
    let (shown, left_out) = capped(sorted, MOST_ROWS, "functions (those with the greatest ratios)");
    let mut rows = Vec::new();
    let mut data =
        Data { header: vec!["function".to_owned(), format!("{above} / {below}"), "n".to_owned()], rows: vec![] };
    let mut said = Vec::new();
    for ratio in shown {
        let name = view.name((&ratio.function, &ratio.size));
        let text = format::ratio(&ratio.ratio);
        said.push(format!("{name}: {text}"));
        data.rows.push(vec![name.clone(), text.clone(), ratio.ratio.samples.to_string()]);
        let interval = ratio.ratio.interval.map(|interval| (interval.low, interval.high));
        let says = format!("{above} / {below}: {text}");
        rows.push(Row { name, marks: vec![Mark { series: 0, value: ratio.ratio.value, interval, shown: text, says }] });
    }
    let series = vec![Series { name: format!("{above} / {below}"), colour: INK, shape: Shape::Circle }];
    let drawing = Marks {
        rows,
        series,
        what: wanted.what.to_owned(),
        unit: "ratio".to_owned(),
        wish: Wish::Ratio,
        as_bars: false,
        sides: Some((format!("{above} {}", sides.0), format!("{above} {}", sides.1))),
    };
    let plot = Plot {
        name: slug(wanted.name),
        title: wanted.title.to_owned(),
        description: sentence(&format!("{above} divided by {below}, medians, with 95 % intervals"), &said),
        data,
        drawing: Drawing::Marks(drawing),
    };
    Some((plot, left_out))
}

/// Figures as a heat map; a column is an engine, or a state of it. None where less than two columns have values.
pub(super) fn heat(
    view: &View<'_>,
    columns: &[(String, Vec<&Figure>)],
    wanted: &Wanted<'_>,
) -> Option<(Plot, Option<String>)> {
    let columns: Vec<&(String, Vec<&Figure>)> = columns.iter().filter(|column| !column.1.is_empty()).collect();
    if columns.len() < 2 {
        return None;
    }
    let all: Vec<&Figure> = columns.iter().flat_map(|column| column.1.iter().copied()).collect();
    let (shown, left_out) = capped(workloads(&all), MOST_ROWS, "functions");
    let by_place: Vec<BTreeMap<(&str, &str), &Figure>> = columns
        .iter()
        .map(|column| {
            column.1.iter().map(|figure| ((figure.function.as_str(), figure.size.as_str()), *figure)).collect()
        })
        .collect();
    let mut rows = Vec::new();
    let mut data = Data { header: vec!["function".to_owned()], rows: Vec::new() };
    data.header.extend(columns.iter().map(|column| column.0.clone()));
    let mut said = Vec::new();
    for workload in shown {
        let name = view.name(workload);
        let cells: Vec<Option<Cell>> = by_place
            .iter()
            .zip(&columns)
            .map(|(figures, (column, _))| {
                let figure = figures.get(&workload)?;
                let median = figure.median.as_ref()?;
                let shown = format::value(median.value, &figure.measure.unit);
                Some(Cell { value: median.value, says: format!("{column} {shown}"), shown })
            })
            .collect();
        let each = cells.iter().flatten().map(|cell| cell.says.as_str());
        said.push(format!("{name}: {}", each.collect::<Vec<_>>().join(", ")));
        let texts = cells.iter().map(|cell| cell.as_ref().map_or(String::new(), |cell| cell.shown.clone()));
        data.rows.push([name.clone()].into_iter().chain(texts).collect());
        rows.push((name, cells));
    }
    let heat = Heat { columns: columns.iter().map(|column| column.0.clone()).collect(), rows };
    let plot = Plot {
        name: slug(wanted.name),
        title: wanted.title.to_owned(),
        description: sentence("Medians, coloured by their ratio to the smallest of the row", &said),
        data,
        drawing: Drawing::Heat(heat),
    };
    Some((plot, left_out))
}

/// A sentence with the numbers of the first rows.
pub(super) fn sentence(about: &str, said: &[String]) -> String {
    let shown = said.iter().take(SAID).cloned().collect::<Vec<_>>().join("; ");
    match said.len().saturating_sub(SAID) {
        0 => format!("{about}. {shown}."),
        more => format!("{about}. {shown}; and {more} more, which the table below has."),
    }
}
