//! What the fuzz targets share: the functions' platform in memory, changes to events, and the memory that a call took.

mod memory_lab;
mod mutation;
mod peak_memory;
mod work;

pub use memory_lab::{FUNCTIONS, MemoryLab};
pub use mutation::mutate_event;
pub use peak_memory::PeakAllocator;
pub use work::is_quick;
