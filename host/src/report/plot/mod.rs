//! Plots of a stored run: which ones fit it, and each of them as SVG and PNG from one drawing function.
//!
//! [`plots`] chooses them; [`files`] gives them as files. Behind every plot stand a sentence and a table that say the
//! same in words and numbers.

mod canvas;
mod choose;
mod draw;
mod error;
mod files;
mod font;
mod jitter;
pub(in crate::report) mod label;
mod palette;
mod picture;
mod scale;
mod spot;

pub use choose::{Group, plots};
pub use error::PlotError;
pub use files::{PlotFile, files};
pub use picture::{Data, Plot};
