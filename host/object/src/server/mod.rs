//! An S3 endpoint over a directory of the layout of [`native::DirectoryStorage`]: the same folder is both at once.

mod access_key;
mod conditions;
mod etag;
mod folder;
mod incoming;
mod listing;
mod multipart;
mod outgoing;
mod running;
mod service;

pub use access_key::{AccessKey, HalfAccessKey};
pub use running::{RunningServer, ServeError, ServeOptions, serve};
