//! Builds and packages a function's image for each platform.
//!
//! [`Builder::build`] makes images: native binaries by cargo from the sources, components from what was compiled in, and
//! around them what each platform takes ([`PLATFORM_IMAGES`]): OCI image layouts without Docker, zips, Spin's manifest. What
//! was built before comes from a cache in milliseconds.

mod binary;
mod builder;
mod cache;
mod cargo;
mod error;
mod export;
mod http_component;
mod kind;
mod lockfile;
mod options;
mod package;
mod platforms;
mod registry;
mod registry_tag;
mod source;
mod strip;
mod toolchain;

pub use builder::{Builder, Built, function_names};
pub use error::BuildError;
pub use http_component::{HttpEnvironment, compose_http};
pub use kind::{Image, ImageKind, tag};
pub use options::{Architecture, Cancellation, Options, Progress, ProgressCallback, Protocol};
pub use platforms::{PLATFORM_IMAGES, PlatformImages, images_of};
pub use registry::{PushError, PushOptions, Pushed, check_place, push};
pub use registry_tag::remove_tag;
