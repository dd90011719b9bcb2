//! How values are spread: each value as a point, the quartiles as a box with the median and its interval, and below
//! them, on the same axis, the share of values up to each value (the empirical cumulative distribution, ECDF).

use plotters::prelude::DrawingBackend;

use super::super::canvas::{Anchor, Canvas, Drawn, Refused};
use super::super::jitter::{jitter, thinned};
use super::super::palette::{AXIS, GRID, INK, MUTED};
use super::super::scale::{Axis, Wish, is_drawable};
use super::super::spot::Spot;
use super::WIDTH;
use super::frame::{self, BELOW, Field, SMALL, Series, TEXT};
use crate::report::format;

/// The values of one series.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::plot) struct Sample {
    pub(in crate::report::plot) series: usize,
    /// In rising order, finite.
    pub(in crate::report::plot) sorted: Vec<f64>,
    /// Median, and its interval.
    pub(in crate::report::plot) median: f64,
    pub(in crate::report::plot) interval: Option<(f64, f64)>,
    /// First and third quartile.
    pub(in crate::report::plot) quartiles: (f64, f64),
    /// What pointing at the box says.
    pub(in crate::report::plot) says: String,
}

/// Samples beside each other.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::plot) struct Distributions {
    pub(in crate::report::plot) samples: Vec<Sample>,
    pub(in crate::report::plot) series: Vec<Series>,
    pub(in crate::report::plot) what: String,
    pub(in crate::report::plot) unit: String,
}

/// More points than this hide each other; more steps are not seen.
const MOST_POINTS: usize = 120;
const MOST_STEPS: usize = 240;
const BAND: f64 = 58.0;
const SHARES: f64 = 112.0;
const LEFT: f64 = 62.0;

impl Distributions {
    pub(super) fn height(&self) -> f64 {
        6.0 + BAND * self.samples.len() as f64 + 16.0 + SHARES + BELOW
    }

    pub(super) fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Result<Vec<Spot>, Refused> {
        let values = self.samples.iter().flat_map(|sample| sample.sorted.iter().copied());
        let axis = match Axis::fit(values.clone(), &self.unit, Wish::Wide, 6) {
            axis if axis.is_logarithmic() => axis,
            _ => Axis::fit(values, &self.unit, Wish::Narrow, 5),
        };
        let field = Field { left: LEFT, top: 6.0, right: WIDTH - 16.0, bottom: 6.0 + BAND * self.samples.len() as f64 };
        let shares = Field { top: field.bottom + 16.0, bottom: field.bottom + 16.0 + SHARES, ..field };
        frame::below(canvas, &axis, &self.what, Field { top: field.top, ..shares })?;
        for share in [0.0, 0.5, 1.0] {
            let y = shares.bottom - share * SHARES;
            canvas.line(if share == 0.0 { AXIS } else { GRID }, 1.0, &[(field.left, y), (field.right, y)])?;
            canvas.text(&format!("{:.0} %", 100.0 * share), SMALL, MUTED, Anchor::Right, (field.left - 6.0, y))?;
        }
        let mut spots = Vec::new();
        for (place, sample) in self.samples.iter().enumerate() {
            let Some(series) = self.series.get(sample.series) else { continue };
            let top = field.top + BAND * place as f64;
            canvas.point(series.shape, series.colour, 1.0, (7.0, top + 21.0), 5.0)?;
            canvas.text(&series.name, TEXT, INK, Anchor::Left, (16.0, top + 21.0))?;
            self.points(canvas, &axis, field, sample, series, top, &mut spots)?;
            summary(canvas, &axis, field, sample, series, top)?;
            let (from, to) =
                (axis.at(sample.quartiles.0, LEFT, field.right), axis.at(sample.quartiles.1, LEFT, field.right));
            spots.push(canvas.spot((from, top + 40.0), (to.max(from + 2.0), top + 54.0), sample.says.clone()));
            self.share(canvas, &axis, shares, sample, series, &mut spots)?;
        }
        Ok(spots)
    }

    #[expect(clippy::too_many_arguments, reason = "one drawing step in pieces")]
    fn points<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        axis: &Axis,
        field: Field,
        sample: &Sample,
        series: &Series,
        top: f64,
        spots: &mut Vec<Spot>,
    ) -> Drawn {
        let shown = thinned(&sample.sorted, MOST_POINTS);
        for (index, value) in shown.into_iter().enumerate().filter(|(_, value)| is_drawable(*value)) {
            let place = (axis.at(value, field.left, field.right), top + 21.0 + 13.0 * jitter(index));
            canvas.point(series.shape, series.colour, 0.45, place, 2.5)?;
            spots.push(canvas.spot(place, place, format!("{}, {}", series.name, format::value(value, &self.unit))));
        }
        Ok(())
    }

    fn share<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        axis: &Axis,
        field: Field,
        sample: &Sample,
        series: &Series,
        spots: &mut Vec<Spot>,
    ) -> Drawn {
        let n = sample.sorted.len();
        let ranks: Vec<usize> = (0..n).collect();
        let mut steps =
            vec![(axis.at(sample.sorted.first().copied().unwrap_or(0.0), field.left, field.right), field.bottom)];
        for rank in thinned(&ranks, MOST_STEPS) {
            let x = axis.at(sample.sorted[rank], field.left, field.right);
            let y = field.bottom - (rank + 1) as f64 / n as f64 * SHARES;
            // Up at the value: the share counts it.
            if let Some(&(_, before)) = steps.last() {
                steps.push((x, before));
            }
            steps.push((x, y));
            // As many answers as a pointer can tell apart.
            if rank % n.div_ceil(40) == 0 || rank + 1 == n {
                let share = 100.0 * (rank + 1) as f64 / n as f64;
                let value = format::value(sample.sorted[rank], &self.unit);
                let says = format!("{}, {share:.0} % of the values are at most {value}", series.name);
                spots.push(canvas.spot((x, y), (x, y), says));
            }
        }
        steps.push((field.right, field.bottom - SHARES));
        canvas.line(series.colour, 1.75, &steps)
    }
}

/// Box from the first to the third quartile, line from the smallest to the greatest value, the median, its interval.
fn summary<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    axis: &Axis,
    field: Field,
    sample: &Sample,
    series: &Series,
    top: f64,
) -> Drawn {
    let place = |value: f64| axis.at(value, field.left, field.right);
    let y = top + 47.0;
    let ends = (sample.sorted.first().copied(), sample.sorted.last().copied());
    if let (Some(low), Some(high)) = ends {
        canvas.line(series.colour, 1.0, &[(place(low), y), (place(high), y)])?;
    }
    let (from, to) = (place(sample.quartiles.0), place(sample.quartiles.1));
    canvas.rectangle(series.colour, 0.3, (from, y - 5.5), (to.max(from + 1.0), y + 5.5))?;
    if let Some((low, high)) = sample.interval {
        canvas.line(INK, 1.5, &[(place(low), y), (place(high), y)])?;
        for end in [low, high] {
            canvas.line(INK, 1.5, &[(place(end), y - 3.0), (place(end), y + 3.0)])?;
        }
    }
    canvas.line(INK, 2.5, &[(place(sample.median), y - 7.0), (place(sample.median), y + 7.0)])
}
