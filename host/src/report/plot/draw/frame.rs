//! What most plots have: a legend, axes with their ticks, a column of names.

use plotters::prelude::DrawingBackend;
use plotters::style::RGBColor;

use super::super::canvas::{Anchor, Canvas, Drawn, Shape};
use super::super::font;
use super::super::palette::{AXIS, GRID, INK, MUTED};
use super::super::scale::Axis;
use super::WIDTH;

/// Font size of names and values, px.
pub(super) const TEXT: f64 = 13.0;
/// Font size of ticks and titles of axes, px.
pub(super) const SMALL: f64 = 12.0;
/// Height of the legend, px.
pub(super) const LEGEND: f64 = 26.0;
/// What a horizontal axis takes below the plot, px.
pub(super) const BELOW: f64 = 42.0;

/// What one colour stands for.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::plot) struct Series {
    pub(in crate::report::plot) name: String,
    pub(in crate::report::plot) colour: RGBColor,
    pub(in crate::report::plot) shape: Shape,
}

/// A plot's inner field: left, top, right, bottom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// How many lines the legend needs.
pub(super) fn legend_height(series: &[Series]) -> f64 {
    LEGEND + 18.0 * places(series).last().map_or(0.0, |(_, line)| *line as f64)
}

/// Where each name of the legend begins, and on which line.
fn places(series: &[Series]) -> Vec<(f64, usize)> {
    let (mut x, mut line) = (4.0, 0);
    let mut places = Vec::new();
    for one in series {
        let wide = 18.0 + font::width(&one.name, TEXT) + 16.0;
        if x + wide > WIDTH && x > 4.0 {
            (x, line) = (4.0, line + 1);
        }
        places.push((x, line));
        x += wide;
    }
    places
}

/// The names of the series with their colours, on top.
pub(super) fn legend<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, series: &[Series]) -> Drawn {
    for (one, (x, line)) in series.iter().zip(places(series)) {
        let y = 11.0 + 18.0 * line as f64;
        canvas.point(one.shape, one.colour, 1.0, (x + 6.0, y), 5.0)?;
        let name = font::fitted(&one.name, TEXT, WIDTH - 40.0);
        canvas.text(&name, TEXT, INK, Anchor::Left, (x + 17.0, y))?;
    }
    Ok(())
}

/// A horizontal axis below a field: its grid through the field, ticks and title.
pub(super) fn below<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, axis: &Axis, what: &str, field: Field) -> Drawn {
    let mut free_from = f64::NEG_INFINITY;
    for (value, label) in &axis.ticks {
        let x = axis.at(*value, field.left, field.right);
        canvas.line(GRID, 1.0, &[(x, field.top), (x, field.bottom)])?;
        // Names that would touch are left out: the lines are still there.
        let half = font::width(label, SMALL) / 2.0;
        let inside = x + half <= WIDTH && x - half >= 0.0;
        if inside && x - half > free_from {
            canvas.text(label, SMALL, MUTED, Anchor::Middle, (x, field.bottom + 12.0))?;
            free_from = x + half + 6.0;
        }
    }
    canvas.line(AXIS, 1.0, &[(field.left, field.bottom), (field.right, field.bottom)])?;
    title_below(canvas, &axis.title(what), field)
}

/// The title of a horizontal axis, in the middle of its field where that fits.
pub(super) fn title_below<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, title: &str, field: Field) -> Drawn {
    let title = font::fitted(title, SMALL, WIDTH - 8.0);
    let half = font::width(&title, SMALL) / 2.0;
    let middle = ((field.left + field.right) / 2.0).min(WIDTH - half - 2.0).max(half + 2.0);
    canvas.text(&title, SMALL, MUTED, Anchor::Middle, (middle, field.bottom + 31.0))
}

/// A vertical axis left of a field: its grid through the field and its ticks.
pub(super) fn left<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, axis: &Axis, field: Field) -> Drawn {
    for (value, label) in &axis.ticks {
        let y = axis.at(*value, field.bottom, field.top);
        canvas.line(GRID, 1.0, &[(field.left, y), (field.right, y)])?;
        canvas.text(label, SMALL, MUTED, Anchor::Right, (field.left - 6.0, y))?;
    }
    Ok(())
}

/// The room that a vertical axis' ticks need.
pub(super) fn left_room(axis: &Axis) -> f64 {
    axis.ticks.iter().map(|(_, label)| font::width(label, SMALL)).fold(20.0, f64::max) + 10.0
}

/// The width of a column of names, at most `most`.
pub(super) fn column<'a>(names: impl Iterator<Item = &'a str>, size: f64, most: f64) -> f64 {
    let wide = |name: &str| if name.len() > 200 { most } else { font::width(name, size) };
    names.map(wide).fold(0.0, f64::max).min(most)
}
