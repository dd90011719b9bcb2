//! A stored run in the formats of other tools, a few thousand rows at a time.

mod csv;
mod document;
mod parquet;
mod rows;
mod sebs;

pub use csv::write_csv;
pub use document::{RUN_SCHEMA, RunDocument, write_json};
pub use parquet::write_parquet;
pub use rows::{ExportError, RunTable};
pub use sebs::write_sebs;
