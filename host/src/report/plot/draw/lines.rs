//! Readings over time, with the invocations marked.

use plotters::prelude::DrawingBackend;

use super::super::canvas::{Anchor, Canvas, Refused};
use super::super::font;
use super::super::jitter::thinned;
use super::super::palette::{AXIS, BAND, MUTED};
use super::super::scale::{Axis, Wish, is_drawable};
use super::super::spot::Spot;
use super::WIDTH;
use super::frame::{self, BELOW, Field, SMALL, Series};
use crate::report::format;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::plot) struct Line {
    pub(in crate::report::plot) series: Series,
    /// Elapsed ns and value.
    pub(in crate::report::plot) points: Vec<(f64, f64)>,
}

/// From when to when an invocation went.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::plot) struct Span {
    /// Its number; 0 is the cold one.
    pub(in crate::report::plot) index: u32,
    pub(in crate::report::plot) begin_ns: f64,
    /// Absent where its end was not recorded.
    pub(in crate::report::plot) end_ns: Option<f64>,
}

/// Lines over one axis of time.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::plot) struct Lines {
    pub(in crate::report::plot) lines: Vec<Line>,
    pub(in crate::report::plot) spans: Vec<Span>,
    pub(in crate::report::plot) what: String,
    pub(in crate::report::plot) unit: String,
    /// The greatest value that the axis must reach: plots that are compared share it.
    pub(in crate::report::plot) up_to: f64,
}

const MOST_POINTS: usize = 240;
const MOST_SPANS: usize = 60;

impl Lines {
    pub(super) fn height(&self) -> f64 {
        280.0 + frame::legend_height(&self.series()) - frame::LEGEND
    }

    fn series(&self) -> Vec<Series> {
        self.lines.iter().map(|line| line.series.clone()).collect()
    }

    pub(super) fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Result<Vec<Spot>, Refused> {
        let points = || self.lines.iter().flat_map(|line| line.points.iter());
        let axis = Axis::fit(points().map(|point| point.1).chain([self.up_to]), &self.unit, Wish::FromZero, 5);
        let ends = self.spans.iter().flat_map(|span| [Some(span.begin_ns), span.end_ns]).flatten();
        let time = Axis::fit(points().map(|point| point.0).chain(ends), "ns", Wish::FromZero, 6);
        let series = self.series();
        let legend = frame::legend_height(&series);
        let field = Field {
            left: frame::left_room(&axis),
            top: legend + 38.0,
            right: WIDTH - 16.0,
            bottom: self.height() - BELOW,
        };
        self.spans(canvas, &time, field)?;
        frame::legend(canvas, &series)?;
        canvas.text(&axis.title(&self.what), SMALL, MUTED, Anchor::Left, (2.0, legend + 6.0))?;
        frame::left(canvas, &axis, field)?;
        for (value, label) in &time.ticks {
            let x = time.at(*value, field.left, field.right);
            canvas.line(AXIS, 1.0, &[(x, field.bottom), (x, field.bottom + 4.0)])?;
            canvas.text(label, SMALL, MUTED, Anchor::Middle, (x, field.bottom + 13.0))?;
        }
        canvas.line(AXIS, 1.0, &[(field.left, field.bottom), (field.right, field.bottom)])?;
        frame::title_below(canvas, &time.title("time since the process was first seen"), field)?;
        let mut spots = Vec::new();
        for line in &self.lines {
            let drawable: Vec<(f64, f64)> =
                line.points.iter().copied().filter(|point| is_drawable(point.0) && is_drawable(point.1)).collect();
            let mut path = Vec::new();
            for (elapsed, value) in thinned(&drawable, MOST_POINTS) {
                let place = (time.at(elapsed, field.left, field.right), axis.at(value, field.bottom, field.top));
                path.push(place);
                if drawable.len() <= 60 {
                    canvas.point(line.series.shape, line.series.colour, 1.0, place, 3.0)?;
                }
                let (value, elapsed) = (format::value(value, &self.unit), format::value(elapsed, "ns"));
                spots.push(canvas.spot(place, place, format!("{}, {value} at {elapsed}", line.series.name)));
            }
            if path.len() > 1 {
                canvas.line(line.series.colour, 1.75, &path)?;
            }
        }
        Ok(spots)
    }

    fn spans<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, time: &Axis, field: Field) -> Result<(), Refused> {
        let mut free_from = f64::NEG_INFINITY;
        for span in thinned(&self.spans.iter().collect::<Vec<_>>(), MOST_SPANS) {
            let from = time.at(span.begin_ns, field.left, field.right);
            let to = span.end_ns.map_or(from, |end| time.at(end, field.left, field.right));
            canvas.rectangle(BAND, 1.0, (from, field.top - 6.0), (to.max(from + 1.0), field.bottom))?;
            canvas.line(AXIS, 1.0, &[(from, field.top - 6.0), (from, field.bottom)])?;
            let name = if span.index == 0 { "cold".to_owned() } else { span.index.to_string() };
            let half = font::width(&name, SMALL) / 2.0;
            let middle = ((from + to) / 2.0).max(field.left + half);
            if middle - half > free_from && middle + half < WIDTH {
                canvas.text(&name, SMALL, MUTED, Anchor::Middle, (middle, field.top - 14.0))?;
                free_from = middle + half + 6.0;
            }
        }
        Ok(())
    }
}
