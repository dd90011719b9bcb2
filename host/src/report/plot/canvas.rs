//! What plots draw on: the drawing library's area in pixels of a plot's own size, with text that sits alike in SVG and in
//! bitmaps.

use plotters::coord::Shift;
use plotters::element::{Circle, PathElement, Polygon, Rectangle};
use plotters::prelude::{DrawingArea, DrawingBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, ShapeStyle, TextStyle};

use super::font;
use super::spot::Spot;

/// Pixels drawn for one pixel of a plot's size: the library places at whole pixels only, and screens are dense.
pub(super) const DENSITY: f64 = 2.0;

/// What is drawn on in the end. The library's text differs in size and height between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Medium {
    /// Text is set by the reader's machine.
    Svg,
    /// Text is drawn by the library.
    Bitmap,
}

/// Where a text's given place is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    /// At its left end.
    Left,
    /// In its middle.
    Middle,
    /// At its right end.
    Right,
}

/// The shape of a point: tells series apart without colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A disc.
    Circle,
    /// A square.
    Square,
    /// A triangle.
    Triangle,
    /// A square on its corner.
    Diamond,
}

/// Why drawing stopped: what the library said.
#[derive(Debug)]
pub(super) struct Refused(pub(super) String);

/// Whether drawing went on.
pub(super) type Drawn = Result<(), Refused>;

/// A surface with a place for a plot on it.
pub(super) struct Canvas<'a, DB: DrawingBackend> {
    area: &'a DrawingArea<DB, Shift>,
    medium: Medium,
    /// How far down the plot begins, below its title.
    top: f64,
}

impl<'a, DB: DrawingBackend> Canvas<'a, DB> {
    pub(super) fn new(area: &'a DrawingArea<DB, Shift>, medium: Medium, top: f64) -> Self {
        Canvas { area, medium, top }
    }

    fn place(&self, x: f64, y: f64) -> (i32, i32) {
        ((x * DENSITY).round() as i32, ((y + self.top) * DENSITY).round() as i32)
    }

    /// A place that says something when pointed at.
    pub(super) fn spot(&self, (left, top): (f64, f64), (right, bottom): (f64, f64), text: String) -> Spot {
        let ((left, top), (right, bottom)) = (self.place(left, top), self.place(right, bottom));
        Spot { place: [left, top, right, bottom], text }
    }

    pub(super) fn line(&self, colour: RGBColor, width: f64, points: &[(f64, f64)]) -> Drawn {
        let points: Vec<(i32, i32)> = points.iter().map(|(x, y)| self.place(*x, *y)).collect();
        self.draw(&PathElement::new(points, stroke(colour, width)))
    }

    pub(super) fn rectangle(&self, colour: RGBColor, opacity: f64, from: (f64, f64), to: (f64, f64)) -> Drawn {
        let style = ShapeStyle { color: colour.mix(opacity), filled: true, stroke_width: 0 };
        self.draw(&Rectangle::new([self.place(from.0, from.1), self.place(to.0, to.1)], style))
    }

    pub(super) fn point(&self, shape: Shape, colour: RGBColor, opacity: f64, (x, y): (f64, f64), radius: f64) -> Drawn {
        let style = ShapeStyle { color: colour.mix(opacity), filled: true, stroke_width: 0 };
        let corners = |corners: &[(f64, f64)]| {
            let place = |(dx, dy): &(f64, f64)| self.place(x + dx * radius, y + dy * radius);
            Polygon::new(corners.iter().map(place).collect::<Vec<_>>(), style)
        };
        match shape {
            Shape::Circle => self.draw(&Circle::new(self.place(x, y), (radius * DENSITY).round() as i32, style)),
            Shape::Square => {
                let half = radius * 0.9;
                self.draw(&Rectangle::new([self.place(x - half, y - half), self.place(x + half, y + half)], style))
            }
            Shape::Triangle => self.draw(&corners(&[(0.0, -1.15), (1.1, 0.85), (-1.1, 0.85)])),
            Shape::Diamond => self.draw(&corners(&[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)])),
        }
    }

    /// A line of text whose middle is at this height.
    pub(super) fn text(&self, text: &str, size: f64, colour: RGBColor, anchor: Anchor, (x, y): (f64, f64)) -> Drawn {
        let (factor, drop) = match self.medium {
            Medium::Svg => (font::SVG_EM, 0.0),
            // The library sets a bitmap's text a sixth of its size too high.
            Medium::Bitmap => (font::BITMAP_EM, 0.16),
        };
        let horizontal = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let font_size = size * factor * DENSITY;
        let style = TextStyle::from((font::FAMILY, font_size).into_font())
            .color(&colour)
            .pos(Pos::new(horizontal, VPos::Center));
        let (x, y) = self.place(x, y + drop * size * factor);
        self.area.draw_text(text, &style, (x, y)).map_err(|error| Refused(error.to_string()))
    }

    fn draw<E>(&self, element: &E) -> Drawn
    where
        for<'e> &'e E: plotters::element::PointCollection<'e, (i32, i32)>,
        E: plotters::element::Drawable<DB>,
    {
        self.area.draw(element).map_err(|error| Refused(error.to_string()))
    }
}

fn stroke(colour: RGBColor, width: f64) -> ShapeStyle {
    ShapeStyle { color: colour.to_rgba(), filled: false, stroke_width: (width * DENSITY).round().max(1.0) as u32 }
}
