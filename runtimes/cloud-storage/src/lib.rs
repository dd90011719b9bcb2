//! [`native::Storage`] in S3, Google Cloud Storage and Azure Blob Storage, by the notation of [`native::Location`].
//!
//! The host links this, and so do the images of the functions that work on objects. It needs nothing of its system: no
//! certificates of its own (those of the system are taken where there are some), no C library beyond the one it is linked to.

mod client;
mod configuration;
mod details;
mod driver;
mod failure;
mod reader;
mod storage;
mod stores;
mod writer;

pub use configuration::{Patience, Variables};
pub use details::{ObjectDetails, ObjectPage};
pub use storage::{CloudStorage, open};
pub use writer::PART_BYTES;
