//! Values with their intervals, one below the other: as points, or as bars where lengths are compared.

use plotters::prelude::DrawingBackend;

use super::super::canvas::{Anchor, Canvas, Refused};
use super::super::font;
use super::super::palette::{AXIS, INK, MUTED};
use super::super::scale::{Axis, Wish, is_drawable};
use super::super::spot::Spot;
use super::WIDTH;
use super::frame::{self, BELOW, Field, Series, TEXT};

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::plot) struct Mark {
    /// Which series it belongs to.
    pub(in crate::report::plot) series: usize,
    pub(in crate::report::plot) value: f64,
    /// Its interval.
    pub(in crate::report::plot) interval: Option<(f64, f64)>,
    /// What is written beside it.
    pub(in crate::report::plot) shown: String,
    /// What pointing at it says.
    pub(in crate::report::plot) says: String,
}

/// A name and its values.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::plot) struct Row {
    pub(in crate::report::plot) name: String,
    pub(in crate::report::plot) marks: Vec<Mark>,
}

/// Rows of values.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::plot) struct Marks {
    pub(in crate::report::plot) rows: Vec<Row>,
    pub(in crate::report::plot) series: Vec<Series>,
    /// What the axis shows.
    pub(in crate::report::plot) what: String,
    pub(in crate::report::plot) unit: String,
    pub(in crate::report::plot) wish: Wish,
    /// Bars, from zero, rather than points.
    pub(in crate::report::plot) as_bars: bool,
    /// What the line at 1 means, left and right of it, for ratios.
    pub(in crate::report::plot) sides: Option<(String, String)>,
}

const MARK: f64 = 17.0;
const GAP: f64 = 9.0;

impl Marks {
    fn row_height(row: &Row) -> f64 {
        MARK * row.marks.len().max(1) as f64 + GAP
    }

    fn top(&self) -> f64 {
        let legend = if self.series.len() > 1 { frame::legend_height(&self.series) } else { 4.0 };
        legend + if self.sides.is_some() { 18.0 } else { 0.0 }
    }

    pub(super) fn height(&self) -> f64 {
        self.top() + self.rows.iter().map(Self::row_height).sum::<f64>() + BELOW
    }

    pub(super) fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Result<Vec<Spot>, Refused> {
        let marks = || self.rows.iter().flat_map(|row| &row.marks);
        let values = marks().flat_map(|mark| {
            let (low, high) = mark.interval.unwrap_or((mark.value, mark.value));
            [mark.value, low, high]
        });
        let names = frame::column(self.rows.iter().map(|row| row.name.as_str()), TEXT, 150.0);
        let shown = frame::column(marks().map(|mark| mark.shown.as_str()), TEXT, 150.0);
        let field =
            Field { left: names + 12.0, top: self.top(), right: WIDTH - shown - 14.0, bottom: self.height() - BELOW };
        let about = ((field.right - field.left) / 55.0).floor().clamp(2.0, 6.0) as usize;
        let axis = Axis::fit(values, &self.unit, self.wish, about);
        if self.series.len() > 1 {
            frame::legend(canvas, &self.series)?;
        }
        frame::below(canvas, &axis, &self.what, field)?;
        let base = axis.at(axis.base(), field.left, field.right);
        if let Some((below, above)) = &self.sides {
            let one = axis.at(1.0, field.left, field.right);
            canvas.line(AXIS, 2.0, &[(one, field.top - 4.0), (one, field.bottom)])?;
            let y = field.top - 12.0;
            if one - font::width(below, 12.0) - 8.0 > 0.0 {
                canvas.text(below, 12.0, MUTED, Anchor::Right, (one - 6.0, y))?;
            }
            canvas.text(above, 12.0, MUTED, Anchor::Left, (one + 6.0, y))?;
        } else if self.as_bars {
            canvas.line(AXIS, 1.0, &[(base, field.top), (base, field.bottom)])?;
        }
        let mut spots = Vec::new();
        let mut y = field.top;
        for row in &self.rows {
            let height = Self::row_height(row);
            let name = font::fitted(&row.name, TEXT, names + 4.0);
            canvas.text(&name, TEXT, INK, Anchor::Left, (2.0, y + height / 2.0))?;
            for (place, mark) in row.marks.iter().enumerate() {
                let middle = y + GAP / 2.0 + MARK * (place as f64 + 0.5);
                self.mark(canvas, &axis, field, mark, middle, base)?;
                spots.push(canvas.spot((field.left, middle - MARK / 2.0), (WIDTH, middle + MARK / 2.0), {
                    format!("{}, {}", row.name, mark.says)
                }));
            }
            y += height;
        }
        Ok(spots)
    }

    fn mark<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        axis: &Axis,
        field: Field,
        mark: &Mark,
        y: f64,
        base: f64,
    ) -> Result<(), Refused> {
        let Some(series) = self.series.get(mark.series) else { return Ok(()) };
        let place = |value: f64| axis.at(value, field.left, field.right);
        if is_drawable(mark.value) {
            let x = place(mark.value);
            if self.as_bars {
                let (from, to) = (base.min(x), base.max(x).max(base.min(x) + 1.0));
                canvas.rectangle(series.colour, 1.0, (from, y - 6.0), (to, y + 6.0))?;
            }
            if let Some((low, high)) = mark.interval.filter(|(low, high)| is_drawable(*low) && is_drawable(*high)) {
                let (from, to) = (place(low), place(high));
                let colour = if self.as_bars { INK } else { series.colour };
                let cap = if self.as_bars { 3.5 } else { 4.0 };
                let wide = if self.as_bars { 1.5 } else { 2.0 };
                canvas.line(colour, wide, &[(from, y), (to, y)])?;
                canvas.line(colour, wide, &[(from, y - cap), (from, y + cap)])?;
                canvas.line(colour, wide, &[(to, y - cap), (to, y + cap)])?;
            }
            if !self.as_bars {
                canvas.point(series.shape, series.colour, 1.0, (x, y), 4.5)?;
            }
        }
        let shown = font::fitted(&mark.shown, TEXT, 154.0);
        canvas.text(&shown, TEXT, INK, Anchor::Right, (WIDTH - 2.0, y))
    }
}
