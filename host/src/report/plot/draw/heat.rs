//! A heat map: rows of values, each coloured by how far it is from the best of its row.

use plotters::prelude::DrawingBackend;

use super::super::canvas::{Anchor, Canvas, Refused};
use super::super::font;
use super::super::palette::{GRID, INK, MUTED, STEPS};
use super::super::spot::Spot;
use super::WIDTH;
use super::frame::{self, SMALL, TEXT};

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::plot) struct Cell {
    pub(in crate::report::plot) value: f64,
    /// What is written in it.
    pub(in crate::report::plot) shown: String,
    /// What pointing at it says.
    pub(in crate::report::plot) says: String,
}

/// Rows and columns; small is good.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::plot) struct Heat {
    pub(in crate::report::plot) columns: Vec<String>,
    pub(in crate::report::plot) rows: Vec<(String, Vec<Option<Cell>>)>,
}

const ROW: f64 = 30.0;
const HEAD: f64 = 26.0;
const FOOT: f64 = 46.0;
/// The greatest ratio to the row's best that each step but the last stands for, and its name.
const LIMITS: [(f64, &str); 4] = [(1.05, "best"), (1.5, "to 1.5x"), (2.0, "to 2x"), (4.0, "to 4x")];

/// Which step a value takes; none where a ratio says nothing.
fn step(value: f64, best: f64) -> usize {
    if value <= best {
        return 0;
    }
    if best <= 0.0 {
        return LIMITS.len();
    }
    LIMITS.iter().position(|(limit, _)| value / best <= *limit).unwrap_or(LIMITS.len())
}

impl Heat {
    pub(super) fn height(&self) -> f64 {
        HEAD + ROW * self.rows.len() as f64 + FOOT
    }

    pub(super) fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Result<Vec<Spot>, Refused> {
        let names = frame::column(self.rows.iter().map(|row| row.0.as_str()), TEXT, 150.0);
        let left = names + 12.0;
        let wide = (WIDTH - left) / self.columns.len().max(1) as f64;
        for (place, column) in self.columns.iter().enumerate() {
            let middle = left + wide * (place as f64 + 0.5);
            canvas.text(&font::fitted(column, TEXT, wide - 4.0), TEXT, INK, Anchor::Middle, (middle, HEAD / 2.0))?;
        }
        let mut spots = Vec::new();
        for (index, (name, cells)) in self.rows.iter().enumerate() {
            let top = HEAD + ROW * index as f64;
            canvas.text(&font::fitted(name, TEXT, names + 4.0), TEXT, INK, Anchor::Left, (2.0, top + ROW / 2.0))?;
            let best = cells.iter().flatten().map(|cell| cell.value).fold(f64::INFINITY, f64::min);
            for (place, cell) in cells.iter().enumerate() {
                let from = (left + wide * place as f64, top);
                let middle = (from.0 + wide / 2.0, top + ROW / 2.0);
                let Some(cell) = cell else {
                    canvas.text("not measured", SMALL, MUTED, Anchor::Middle, middle)?;
                    continue;
                };
                let (ground, ink) = STEPS[step(cell.value, best)];
                let to = (from.0 + wide - 2.0, top + ROW - 2.0);
                canvas.rectangle(ground, 1.0, from, to)?;
                canvas.text(&font::fitted(&cell.shown, TEXT, wide - 6.0), TEXT, ink, Anchor::Middle, middle)?;
                spots.push(canvas.spot(from, to, format!("{name}, {}", cell.says)));
            }
        }
        let foot = HEAD + ROW * self.rows.len() as f64;
        canvas.line(GRID, 1.0, &[(left, foot + 2.0), (WIDTH, foot + 2.0)])?;
        let swatch = WIDTH / STEPS.len() as f64;
        for (place, (ground, _)) in STEPS.iter().enumerate() {
            let x = swatch * place as f64;
            canvas.rectangle(*ground, 1.0, (x, foot + 12.0), (x + swatch - 2.0, foot + 22.0))?;
            let name = LIMITS.get(place).map_or("more", |limit| limit.1);
            canvas.text(name, SMALL, MUTED, Anchor::Middle, (x + swatch / 2.0, foot + 33.0))?;
        }
        Ok(spots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_grows_with_the_ratio_to_the_best() {
        let steps: Vec<usize> = [1.0, 1.04, 1.4, 2.0, 3.0, 400.0].map(|value| step(value, 1.0)).to_vec();
        assert_eq!(steps, [0, 0, 1, 2, 3, 4]);
        assert_eq!((step(0.0, 0.0), step(5.0, 0.0)), (0, 4));
    }
}
