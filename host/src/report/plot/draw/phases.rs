//! What a cold start is made of: its phases one after the other.

use plotters::prelude::DrawingBackend;

use super::super::canvas::{Anchor, Canvas, Refused};
use super::super::font;
use super::super::palette::{INK, MUTED};
use super::super::scale::{Axis, Wish, is_drawable};
use super::super::spot::Spot;
use super::WIDTH;
use super::frame::{self, BELOW, Field, SMALL, Series, TEXT};

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::plot) struct Stack {
    /// What it is about; written once for neighbours that share it.
    pub(in crate::report::plot) group: String,
    pub(in crate::report::plot) name: String,
    /// Series, value, what pointing at it says.
    pub(in crate::report::plot) parts: Vec<(usize, f64, String)>,
    /// What is written beside it.
    pub(in crate::report::plot) shown: String,
}

/// Bars of phases.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::plot) struct Phases {
    pub(in crate::report::plot) stacks: Vec<Stack>,
    pub(in crate::report::plot) series: Vec<Series>,
    pub(in crate::report::plot) what: String,
    pub(in crate::report::plot) unit: String,
}

const BAR: f64 = 18.0;
const GAP: f64 = 10.0;

impl Phases {
    fn groups(&self) -> usize {
        self.stacks.chunk_by(|a, b| a.group == b.group).count()
    }

    pub(super) fn height(&self) -> f64 {
        frame::legend_height(&self.series) + BAR * self.stacks.len() as f64 + GAP * self.groups() as f64 + BELOW
    }

    pub(super) fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Result<Vec<Spot>, Refused> {
        let sum =
            |stack: &Stack| stack.parts.iter().map(|part| part.1).filter(|value| is_drawable(*value)).sum::<f64>();
        let groups = frame::column(self.stacks.iter().map(|stack| stack.group.as_str()), TEXT, 120.0);
        let names = frame::column(self.stacks.iter().map(|stack| stack.name.as_str()), SMALL, 60.0);
        let shown = frame::column(self.stacks.iter().map(|stack| stack.shown.as_str()), TEXT, 90.0);
        let field = Field {
            left: groups + names + 20.0,
            top: frame::legend_height(&self.series),
            right: WIDTH - shown - 12.0,
            bottom: self.height() - BELOW,
        };
        let about = ((field.right - field.left) / 50.0).floor().clamp(2.0, 6.0) as usize;
        let axis = Axis::fit(self.stacks.iter().map(sum), &self.unit, Wish::FromZero, about);
        frame::legend(canvas, &self.series)?;
        frame::below(canvas, &axis, &self.what, field)?;
        let mut spots = Vec::new();
        let mut y = field.top;
        for group in self.stacks.chunk_by(|a, b| a.group == b.group) {
            y += GAP / 2.0;
            let middle = y + BAR * group.len() as f64 / 2.0;
            canvas.text(&font::fitted(&group[0].group, TEXT, groups + 4.0), TEXT, INK, Anchor::Left, (2.0, middle))?;
            for stack in group {
                let middle = y + BAR / 2.0;
                let name = font::fitted(&stack.name, SMALL, names + 4.0);
                canvas.text(&name, SMALL, MUTED, Anchor::Right, (field.left - 8.0, middle))?;
                let mut reached = 0.0;
                for (series, value, says) in &stack.parts {
                    let (Some(series), true) = (self.series.get(*series), is_drawable(*value)) else { continue };
                    let from = axis.at(reached, field.left, field.right);
                    reached += value.max(0.0);
                    let to = axis.at(reached, field.left, field.right);
                    canvas.rectangle(series.colour, 1.0, (from, middle - 6.5), (to, middle + 6.5))?;
                    let says = format!("{}, {}, {says}", stack.group, stack.name);
                    spots.push(canvas.spot((from, middle - BAR / 2.0), (to, middle + BAR / 2.0), says));
                }
                canvas.text(&stack.shown, TEXT, INK, Anchor::Right, (WIDTH - 2.0, middle))?;
                y += BAR;
            }
            y += GAP / 2.0;
        }
        Ok(spots)
    }
}
