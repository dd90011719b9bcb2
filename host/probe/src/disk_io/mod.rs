//! What a process reads and writes, and making the page cache cold.

mod counters;
mod page_cache;
mod residency;

pub use counters::*;
pub use page_cache::*;
pub use residency::*;
