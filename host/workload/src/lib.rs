//! The catalogue of functions, their sizes, and what they work on.

mod cache;
mod catalogue;
mod error;
mod generate;
mod input;
mod prepare;
mod result_digest;
mod size;

pub use cache::{BUCKET, INPUT, OUTPUT};
pub use catalogue::{FUNCTIONS, Function, UnknownFunction, find};
pub use error::WorkloadError;
pub use input::from_directory;
pub use prepare::{Prepared, prepare};
pub use result_digest::result_digest;
pub use size::{Size, UnknownSize};
