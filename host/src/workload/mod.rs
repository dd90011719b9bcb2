//! The catalogue of functions, their sizes, and what they work on.

mod catalogue;
mod result_digest;
mod size;

pub use catalogue::{FUNCTIONS, Function, UnknownFunction, find};
pub use result_digest::result_digest;
pub use size::{Size, UnknownSize};
