//! Object storage for the functions: a local directory, S3, Google Cloud Storage, Azure Blob Storage; and an S3 endpoint over
//! a directory.
//!
//! [`open`] gives the storage at a location, in the notation of [`native::Location`]. [`upload`], [`download`] and [`clean`]
//! move the objects of workloads. [`server::serve`] shows a directory as S3 to platforms that can't see the directory.

mod clean;
mod copy;
mod digest;
mod download;
mod failure;
mod object_storage;
mod open;
mod progress;
pub mod server;
mod upload;

pub use clean::{Cleaned, clean};
pub use cloud_storage::{CloudStorage, ObjectDetails, ObjectPage, Patience, Variables};
pub use copy::CONCURRENCY;
pub use download::{Downloaded, download};
pub use failure::TransferError;
pub use object_storage::ObjectStorage;
pub use open::{open, open_with};
pub use progress::Progress;
pub use upload::{Uploaded, upload};
