//! Series over two axes: lines, steps, points, bars, and spans in rows (a waterfall).

use plotters::prelude::DrawingBackend;

use super::super::canvas::{Anchor, Canvas, Refused};
use super::super::font;
use super::super::jitter::thinned;
use super::super::palette::{AXIS, INK, MUTED};
use super::super::scale::{Axis, Wish, is_drawable};
use super::super::spot::Spot;
use super::WIDTH;
use super::frame::{self, BELOW, Field, SMALL, Series};
use crate::report::format;

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report::plot) enum Look {
    Line,
    Step,
    Dot,
    Bar,
    Span,
}

/// A point, with its interval: of `y`, or along `x` for a span.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::plot) struct Place {
    pub(in crate::report::plot) x: f64,
    pub(in crate::report::plot) y: f64,
    pub(in crate::report::plot) interval: Option<(f64, f64)>,
    pub(in crate::report::plot) name: String,
}

/// One series.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::plot) struct Track {
    pub(in crate::report::plot) series: Series,
    pub(in crate::report::plot) look: Look,
    pub(in crate::report::plot) places: Vec<Place>,
}

/// An axis' words.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::plot) struct Scale {
    pub(in crate::report::plot) what: String,
    pub(in crate::report::plot) unit: String,
    pub(in crate::report::plot) is_logarithmic: bool,
}

/// Series over two axes.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::plot) struct Chart {
    pub(in crate::report::plot) tracks: Vec<Track>,
    pub(in crate::report::plot) x: Scale,
    pub(in crate::report::plot) y: Scale,
}

const MOST_POINTS: usize = 400;
/// Height of a row of a waterfall, px.
const ROW: f64 = 16.0;
/// Width of a bar, px.
const BAR: f64 = 8.0;

impl Chart {
    fn is_waterfall(&self) -> bool {
        !self.tracks.is_empty() && self.tracks.iter().all(|track| track.look == Look::Span)
    }

    /// The rows of a waterfall, from the top.
    fn rows(&self) -> f64 {
        self.tracks.iter().flat_map(|track| &track.places).map(|place| place.y).fold(0.0, f64::max) + 1.0
    }

    fn series(&self) -> Vec<Series> {
        self.tracks.iter().map(|track| track.series.clone()).collect()
    }

    fn top(&self) -> f64 {
        frame::legend_height(&self.series()) + if self.is_waterfall() { 4.0 } else { 22.0 }
    }

    pub(super) fn height(&self) -> f64 {
        let field = if self.is_waterfall() { (self.rows() * ROW).min(1_600.0) } else { 200.0 };
        self.top() + field + BELOW
    }

    pub(super) fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Result<Vec<Spot>, Refused> {
        let places = || self.tracks.iter().flat_map(|track| track.places.iter().map(move |place| (track.look, place)));
        let wish = |scale: &Scale| if scale.is_logarithmic { Wish::Wide } else { Wish::FromZero };
        let along_x = places().flat_map(|(look, place)| match (look, place.interval) {
            (Look::Span, Some((low, high))) => vec![low, high],
            _ => vec![place.x],
        });
        let x = Axis::fit(along_x, &self.x.unit, wish(&self.x), 6);
        let along_y = places().flat_map(|(look, place)| match (look, place.interval) {
            (Look::Span, _) | (_, None) => vec![place.y],
            (_, Some((low, high))) => vec![place.y, low, high],
        });
        let y = Axis::fit(along_y, &self.y.unit, wish(&self.y), 5);
        frame::legend(canvas, &self.series())?;
        let names = frame::column(places().map(|(_, place)| place.name.as_str()), SMALL, 130.0);
        let left = if self.is_waterfall() { names + 10.0 } else { frame::left_room(&y) };
        let field = Field { left, top: self.top(), right: WIDTH - 16.0, bottom: self.height() - BELOW };
        if !self.is_waterfall() {
            let title = y.title(&self.y.what);
            canvas.text(&title, SMALL, MUTED, Anchor::Left, (2.0, frame::legend_height(&self.series()) + 6.0))?;
            frame::left(canvas, &y, field)?;
        }
        frame::below(canvas, &x, &self.x.what, field)?;
        let mut spots = Vec::new();
        for (number, track) in self.tracks.iter().enumerate() {
            match track.look {
                Look::Span => self.spans(canvas, track, &x, field, &mut spots)?,
                Look::Bar => self.bars(canvas, (number, track), &x, &y, field, &mut spots)?,
                _ => self.points(canvas, track, &x, &y, field, &mut spots)?,
            }
        }
        Ok(spots)
    }

    fn says(&self, track: &Track, place: &Place) -> String {
        let name = if place.name.is_empty() { &track.series.name } else { &place.name };
        let (x, y) = (format::value(place.x, &self.x.unit), format::value(place.y, &self.y.unit));
        format!("{name}, {y} at {x}")
    }

    fn points<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        track: &Track,
        x: &Axis,
        y: &Axis,
        field: Field,
        spots: &mut Vec<Spot>,
    ) -> Result<(), Refused> {
        let is_drawn = |place: &&Place| is_drawable(place.x) && is_drawable(place.y);
        let drawable: Vec<&Place> = track.places.iter().filter(is_drawn).collect();
        let mut path: Vec<(f64, f64)> = Vec::new();
        let (colour, shape) = (track.series.colour, track.series.shape);
        for place in thinned(&drawable, MOST_POINTS) {
            let at = (x.at(place.x, field.left, field.right), y.at(place.y, field.bottom, field.top));
            if track.look == Look::Step
                && let Some(last) = path.last().copied()
            {
                path.push((at.0, last.1));
            }
            path.push(at);
            if let Some((low, high)) = place.interval.filter(|(low, high)| is_drawable(*low) && is_drawable(*high)) {
                let ends = [low, high].map(|value| (at.0, y.at(value, field.bottom, field.top)));
                canvas.line(colour, 1.5, &ends)?;
            }
            if track.look == Look::Dot || (track.look == Look::Line && drawable.len() <= 40) {
                let radius = if drawable.len() > 120 { 1.8 } else { 3.0 };
                canvas.point(shape, colour, if track.look == Look::Dot { 0.75 } else { 1.0 }, at, radius)?;
            }
            spots.push(canvas.spot(at, at, self.says(track, place)));
        }
        if track.look != Look::Dot && path.len() > 1 {
            canvas.line(colour, 1.75, &path)?;
        }
        Ok(())
    }

    fn bars<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        (number, track): (usize, &Track),
        x: &Axis,
        y: &Axis,
        field: Field,
        spots: &mut Vec<Spot>,
    ) -> Result<(), Refused> {
        let base = y.at(y.base(), field.bottom, field.top);
        for place in track.places.iter().filter(|place| is_drawable(place.x) && is_drawable(place.y)) {
            // Bars of several series stand beside each other.
            let middle = x.at(place.x, field.left + BAR, field.right - BAR) + number as f64 * (BAR + 1.0);
            let top = y.at(place.y, field.bottom, field.top);
            let (from, to) = ((middle - BAR / 2.0, top.min(base)), (middle + BAR / 2.0, base.max(top.min(base) + 1.0)));
            canvas.rectangle(track.series.colour, 1.0, from, to)?;
            if let Some((low, high)) = place.interval.filter(|(low, high)| is_drawable(*low) && is_drawable(*high)) {
                canvas.line(INK, 1.5, &[low, high].map(|value| (middle, y.at(value, field.bottom, field.top))))?;
            }
            spots.push(canvas.spot(from, to, self.says(track, place)));
        }
        Ok(())
    }

    fn spans<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        track: &Track,
        x: &Axis,
        field: Field,
        spots: &mut Vec<Spot>,
    ) -> Result<(), Refused> {
        let row = (field.bottom - field.top) / self.rows();
        for place in &track.places {
            let Some((low, high)) = place.interval.filter(|(low, high)| is_drawable(*low) && is_drawable(*high)) else {
                continue;
            };
            let middle = field.top + row * (place.y + 0.5);
            let from = x.at(low, field.left, field.right);
            let to = x.at(high, field.left, field.right).max(from + 1.5);
            let half = (row * 0.36).min(6.0);
            canvas.line(AXIS, 0.5, &[(field.left, middle), (from, middle)])?;
            canvas.rectangle(track.series.colour, 1.0, (from, middle - half), (to, middle + half))?;
            if row >= 9.0 {
                let name = font::fitted(&place.name, SMALL, field.left - 8.0);
                canvas.text(&name, SMALL, INK, Anchor::Right, (field.left - 6.0, middle))?;
            }
            let length = format::value(high - low, &self.x.unit);
            let begin = format::value(low, &self.x.unit);
            let says = format!("{}, {length} from {begin} on", place.name);
            spots.push(canvas.spot((from, middle - row / 2.0), (to, middle + row / 2.0), says));
        }
        Ok(())
    }
}
