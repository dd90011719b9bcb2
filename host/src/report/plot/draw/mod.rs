//! The kinds of plots: what each is drawn from, how large it is, and its one drawing function.

mod chart;
mod distribution;
mod frame;
mod heat;
mod lines;
mod marks;
mod order;
mod phases;

use plotters::prelude::DrawingBackend;

use super::canvas::{Canvas, Refused};
use super::spot::Spot;

pub(super) use chart::{Chart, Look, Place, Scale, Track};
pub(super) use distribution::{Distributions, Sample};
pub(super) use frame::Series;
pub(super) use heat::{Cell, Heat};
pub(super) use lines::{Line, Lines, Span};
pub(super) use marks::{Mark, Marks, Row};
pub(super) use order::Order;
pub(super) use phases::{Phases, Stack};

/// The width of every plot: two beside each other on a wide screen, one on a phone, where its text is still read.
pub(super) const WIDTH: f64 = 460.0;

/// One plot of any kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Drawing {
    Marks(Marks),
    Phases(Phases),
    Distributions(Distributions),
    Order(Order),
    Lines(Lines),
    Heat(Heat),
    Chart(Chart),
}

impl Drawing {
    /// In pixels of its own; the width is `WIDTH`.
    pub(super) fn height(&self) -> f64 {
        match self {
            Drawing::Marks(marks) => marks.height(),
            Drawing::Phases(phases) => phases.height(),
            Drawing::Distributions(distributions) => distributions.height(),
            Drawing::Order(order) => order.height(),
            Drawing::Lines(lines) => lines.height(),
            Drawing::Heat(heat) => heat.height(),
            Drawing::Chart(chart) => chart.height(),
        }
    }

    /// Draws it and says what is where.
    pub(super) fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Result<Vec<Spot>, Refused> {
        match self {
            Drawing::Marks(marks) => marks.draw(canvas),
            Drawing::Phases(phases) => phases.draw(canvas),
            Drawing::Distributions(distributions) => distributions.draw(canvas),
            Drawing::Order(order) => order.draw(canvas),
            Drawing::Lines(lines) => lines.draw(canvas),
            Drawing::Heat(heat) => heat.draw(canvas),
            Drawing::Chart(chart) => chart.draw(canvas),
        }
    }
}
