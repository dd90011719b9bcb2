//! Values in the order measured: shows drift and warming up.

use plotters::prelude::DrawingBackend;

use super::super::canvas::{Anchor, Canvas, Refused};
use super::super::jitter::thinned;
use super::super::palette::{AXIS, MUTED};
use super::super::scale::{Axis, Wish, is_drawable};
use super::super::spot::Spot;
use super::WIDTH;
use super::frame::{self, BELOW, Field, SMALL, Series};
use crate::report::format;

/// The values of each series.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::plot) struct Order {
    pub(in crate::report::plot) series: Vec<Series>,
    /// As many as there are series: the values, and of how many they are.
    pub(in crate::report::plot) values: Vec<(Vec<f64>, usize)>,
    /// What the vertical axis shows.
    pub(in crate::report::plot) what: String,
    pub(in crate::report::plot) unit: String,
}

const MOST_POINTS: usize = 160;

impl Order {
    pub(super) fn height(&self) -> f64 {
        250.0
    }

    pub(super) fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Result<Vec<Spot>, Refused> {
        let all = || self.values.iter().flat_map(|(values, _)| values.iter().copied());
        let axis = match Axis::fit(all(), &self.unit, Wish::Wide, 5) {
            axis if axis.is_logarithmic() => axis,
            _ => Axis::fit(all(), &self.unit, Wish::Narrow, 5),
        };
        let last = self.values.iter().map(|(_, n)| *n).max().unwrap_or(1).max(2) as f64;
        let numbers = Axis::fit([1.0, last], "1", Wish::Narrow, 5);
        let legend = frame::legend_height(&self.series);
        let field = Field {
            left: frame::left_room(&axis),
            top: legend + 22.0,
            right: WIDTH - 16.0,
            bottom: self.height() - BELOW,
        };
        frame::legend(canvas, &self.series)?;
        canvas.text(&axis.title(&self.what), SMALL, MUTED, Anchor::Left, (2.0, legend + 6.0))?;
        frame::left(canvas, &axis, field)?;
        canvas.line(AXIS, 1.0, &[(field.left, field.bottom), (field.right, field.bottom)])?;
        for (number, label) in numbers.ticks.iter().filter(|(number, _)| number.fract() == 0.0) {
            let x = numbers.at(*number, field.left, field.right);
            canvas.line(AXIS, 1.0, &[(x, field.bottom), (x, field.bottom + 4.0)])?;
            canvas.text(label, SMALL, MUTED, Anchor::Middle, (x, field.bottom + 13.0))?;
        }
        frame::title_below(canvas, &numbers.title("invocation, in the order measured"), field)?;
        let mut spots = Vec::new();
        for (series, (values, n)) in self.series.iter().zip(&self.values) {
            // Evenly spaced values of more than there are: each stands for its place among all.
            let spacing = if values.len() > 1 { (n - 1) as f64 / (values.len() - 1) as f64 } else { 1.0 };
            let placed: Vec<(f64, f64)> =
                values.iter().enumerate().map(|(index, value)| (1.0 + index as f64 * spacing, *value)).collect();
            for (number, value) in thinned(&placed, MOST_POINTS).into_iter().filter(|(_, value)| is_drawable(*value)) {
                let place = (numbers.at(number, field.left, field.right), axis.at(value, field.bottom, field.top));
                canvas.point(series.shape, series.colour, 0.7, place, 2.5)?;
                let says = format!("{}, number {number:.0}: {}", series.name, format::value(value, &self.unit));
                spots.push(canvas.spot(place, place, says));
            }
        }
        Ok(spots)
    }
}
