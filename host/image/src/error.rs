//! Why an image could not be built.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::kind::ImageKind;
use crate::options::{Architecture, Protocol};
use crate::platforms::PLATFORM_IMAGES;

/// Why an image could not be built. Messages name what it happened to and what to do next.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// There is no such platform.
    #[error("there is no platform `{name}`; there are {}", platform_names())]
    UnknownPlatform {
        /// What was asked for.
        name: String,
    },
    /// There is no such function.
    #[error("there is no function `{name}`; there are {}", crate::builder::function_names().join(", "))]
    UnknownFunction {
        /// What was asked for.
        name: String,
    },
    /// There is no such architecture.
    #[error("there are no native images for the architecture `{name}`; there are those for x86_64 and aarch64")]
    UnknownArchitecture {
        /// What was asked for.
        name: String,
    },
    /// There is no such protocol.
    #[error("there is no protocol `{name}`; there are {}", protocol_names())]
    UnknownProtocol {
        /// What was asked for.
        name: String,
    },
    /// The platform does not take images of this kind.
    #[error("{platform} does not take an image of the kind {kind}; it takes {kinds}")]
    NotTaken {
        /// The platform.
        platform: &'static str,
        /// What was asked for.
        kind: ImageKind,
        /// What it takes.
        kinds: String,
    },
    /// A binary with only this protocol could not talk to the platform.
    #[error(
        "a binary that speaks only {protocol} can't run on {platform}, which speaks {protocols}; leave --protocol out"
    )]
    WrongProtocol {
        /// The platform.
        platform: &'static str,
        /// What was asked for.
        protocol: Protocol,
        /// What it speaks.
        protocols: String,
    },
    /// Only OCI images can be for several architectures.
    #[error("an image of the kind {kind} is for one architecture; build for each of them by itself")]
    OneArchitecture {
        /// What was asked for.
        kind: ImageKind,
    },
    /// The sources of the native binaries are not where they were.
    #[error(
        "the sources of faasbench are not at {path}{}; native images are built from them: get a checkout and set FAASBENCH_SOURCE to its folder",
        if *.from_variable { ", which FAASBENCH_SOURCE names" } else { " any more" }
    )]
    NoSource {
        /// Where they should be.
        path: PathBuf,
        /// Whether the variable said so, and not the build of faasbench.
        from_variable: bool,
    },
    /// A manifest of the sources can't be understood.
    #[error("{path} can't be understood: {reason}; FAASBENCH_SOURCE must name a complete checkout of faasbench")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// Cargo or rustc could not be started.
    #[error(
        "`{program}` could not be started ({source}); native images are built with Rust: install it from https://rustup.rs and see that `{program}` is on the PATH"
    )]
    NoToolchain {
        /// `cargo` or `rustc`.
        program: &'static str,
        /// The reason.
        source: io::Error,
    },
    /// rustc does not work.
    #[error("`rustc` in {folder} failed: {said}; see that `rustc --version` works there")]
    BrokenToolchain {
        /// Where it was run.
        folder: PathBuf,
        /// What it said.
        said: String,
    },
    /// rustc has no standard library for the target, and rustup could not install it.
    #[error(
        "the Rust target {target} is missing and could not be installed{said}; run `rustup target add {target}` in {folder} and build again"
    )]
    MissingTarget {
        /// Rust's name of it.
        target: &'static str,
        /// Where its toolchain is chosen.
        folder: PathBuf,
        /// What rustup said, with a colon before it.
        said: String,
    },
    /// There is no linker for another architecture.
    #[error(
        "there is no linker for {architecture}: rustc brings no rust-lld here; put `{linker}` on the PATH, or install Rust through https://rustup.rs, which brings it"
    )]
    MissingLinker {
        /// The architecture.
        architecture: Architecture,
        /// What would do.
        linker: &'static str,
    },
    /// There is no C compiler for another architecture.
    #[error(
        "there is no C compiler for {architecture}: none of {compilers} is on the PATH; run `apt-get install {package}`, or install clang"
    )]
    MissingCompiler {
        /// The architecture.
        architecture: Architecture,
        /// Those that would do.
        compilers: String,
        /// Debian's package of one.
        package: &'static str,
    },
    /// Cargo could not build.
    #[error("cargo could not build {what}; `{command}` said:\n{said}")]
    Cargo {
        /// The binaries.
        what: String,
        /// The command.
        command: String,
        /// The end of what it said.
        said: String,
    },
    /// The sources were edited while they were compiled, again and again.
    #[error("the sources in {folder} changed while they were compiled; build again when nobody edits them")]
    SourcesChanged {
        /// Where they are.
        folder: PathBuf,
    },
    /// A file or folder could not be read or written.
    #[error("could not {what} {path}: {source}")]
    Io {
        /// What was to be done, as in "write".
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// There is no room left.
    #[error(
        "the disk that holds {path} is full; free some of it, or set FAASBENCH_CACHE to a folder on another disk, and build again: nothing half-written is left"
    )]
    DiskFull {
        /// What was to be written.
        path: PathBuf,
    },
    /// Somebody else could write into the cache, and what is in it is run.
    #[error(
        "the cache of images at {path} can be written by others; run `chmod go-w {path}` or set FAASBENCH_CACHE to a folder of your own"
    )]
    NotPrivate {
        /// The folder.
        path: PathBuf,
    },
    /// What should be an image is none.
    #[error("{path} is no image as faasbench makes them: {reason}; remove it and build again")]
    Damaged {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The component could not be made to serve HTTP.
    #[error("the component of {function} could not be composed with the HTTP adapter: {reason}")]
    Compose {
        /// The function.
        function: String,
        /// The reason.
        reason: String,
    },
    /// The build was cancelled.
    #[error("the build was cancelled; what was finished is kept")]
    Cancelled,
}

impl BuildError {
    /// Something could not be done to a file or folder.
    pub(crate) fn io(what: &'static str, path: &Path, source: io::Error) -> BuildError {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                BuildError::DiskFull { path: path.to_owned() }
            }
            _ => BuildError::Io { what, path: path.to_owned(), source },
        }
    }

    /// The same, to be used with `map_err`.
    pub(crate) fn at(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BuildError {
        move |source| BuildError::io(what, path, source)
    }
}

fn platform_names() -> String {
    PLATFORM_IMAGES.iter().map(|row| row.platform).collect::<Vec<_>>().join(", ")
}

fn protocol_names() -> String {
    Protocol::ALL.iter().map(|protocol| protocol.name()).collect::<Vec<_>>().join(", ")
}
