//! What can be asked of a build.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::BuildError;
use crate::http_component::HttpEnvironment;
use crate::kind::ImageKind;

/// A processor architecture that native binaries are built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Architecture {
    /// x86_64, also called amd64.
    X86_64,
    /// aarch64, also called arm64.
    Aarch64,
}

impl Architecture {
    /// All of them.
    pub const ALL: [Architecture; 2] = [Architecture::X86_64, Architecture::Aarch64];

    /// This machine's; `None` when it is neither.
    pub fn of_this_machine() -> Option<Architecture> {
        std::env::consts::ARCH.parse().ok()
    }

    /// `x86_64` or `aarch64`.
    pub fn name(self) -> &'static str {
        match self {
            Architecture::X86_64 => "x86_64",
            Architecture::Aarch64 => "aarch64",
        }
    }

    /// Rust's name of the target: static, with musl.
    pub fn target(self) -> &'static str {
        match self {
            Architecture::X86_64 => "x86_64-unknown-linux-musl",
            Architecture::Aarch64 => "aarch64-unknown-linux-musl",
        }
    }

    /// The name in OCI images, which is Go's.
    pub fn oci_name(self) -> &'static str {
        match self {
            Architecture::X86_64 => "amd64",
            Architecture::Aarch64 => "arm64",
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Architecture {
    type Err = BuildError;

    fn from_str(text: &str) -> Result<Architecture, BuildError> {
        match text {
            "x86_64" | "amd64" => Ok(Architecture::X86_64),
            "aarch64" | "arm64" => Ok(Architecture::Aarch64),
            other => Err(BuildError::UnknownArchitecture { name: other.to_owned() }),
        }
    }
}

/// A protocol that a native binary can speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// Azure Functions' custom handler.
    Azure,
    /// Fn's http-stream.
    Fn,
    /// One process per request.
    Gestalt,
    /// Plain HTTP.
    Http,
    /// AWS Lambda's Runtime API.
    Lambda,
    /// Nuclio's, under its processor.
    Nuclio,
    /// Apache OpenWhisk's: ActionLoop and blackbox.
    OpenWhisk,
    /// Riff's gRPC streams.
    Riff,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Protocol; 8] = [
        Protocol::Azure,
        Protocol::Fn,
        Protocol::Gestalt,
        Protocol::Http,
        Protocol::Lambda,
        Protocol::Nuclio,
        Protocol::OpenWhisk,
        Protocol::Riff,
    ];

    /// Its name, which is also the cargo feature's.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Azure => "azure",
            Protocol::Fn => "fn",
            Protocol::Gestalt => "gestalt",
            Protocol::Http => "http",
            Protocol::Lambda => "lambda",
            Protocol::Nuclio => "nuclio",
            Protocol::OpenWhisk => "openwhisk",
            Protocol::Riff => "riff",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Protocol {
    type Err = BuildError;

    fn from_str(text: &str) -> Result<Protocol, BuildError> {
        Protocol::ALL
            .into_iter()
            .find(|protocol| protocol.name() == text)
            .ok_or_else(|| BuildError::UnknownProtocol { name: text.to_owned() })
    }
}

/// What a build is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Another build has to end first.
    Waiting {
        /// What is waited for.
        reason: String,
    },
    /// A rustup target is being installed.
    InstallingTarget {
        /// Rust's name of it.
        target: String,
    },
    /// Cargo has begun to compile this crate, or took it as it was.
    Compiling {
        /// The crate.
        name: String,
        /// How many crates are finished.
        finished: usize,
    },
    /// Something in the cache was not what it should be; it is made anew.
    Damaged {
        /// What it is.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A function is being packaged.
    Packaging {
        /// The function.
        function: String,
        /// How.
        kind: ImageKind,
    },
}

/// Takes what a build says about itself. It is called on the thread that builds.
pub type ProgressCallback = Arc<dyn Fn(Progress) + Send + Sync>;

/// Ends a build from another thread. Clones end the same build.
#[derive(Debug, Clone, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// Ends the build at the next opportunity, in a fraction of a second.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`Cancellation::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn check(&self) -> Result<(), BuildError> {
        if self.is_cancelled() { Err(BuildError::Cancelled) } else { Ok(()) }
    }
}

/// How to build.
#[derive(Clone, Default)]
pub struct Options {
    /// For which architectures; empty: this machine's. Only OCI images can be for several.
    pub architectures: Vec<Architecture>,
    /// The only protocol that the binary speaks; `None`: all of them.
    pub protocol: Option<Protocol>,
    /// How to package, where the platform takes several kinds; `None`: the platform's first.
    pub kind: Option<ImageKind>,
    /// Where components that serve HTTP take their settings from; `None`: from their host where they are built for a platform,
    /// and there are none where for a kind of image alone.
    pub http_environment: Option<HttpEnvironment>,
    /// A folder that gets a copy of each image; `None`: only the cache has them.
    pub output: Option<PathBuf>,
    /// Takes what the build says about itself.
    pub progress: Option<ProgressCallback>,
    /// Ends the build from another thread.
    pub cancellation: Cancellation,
}

impl Options {
    pub(crate) fn tell(&self, progress: Progress) {
        if let Some(callback) = &self.progress {
            callback(progress);
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("architectures", &self.architectures)
            .field("protocol", &self.protocol)
            .field("kind", &self.kind)
            .field("http_environment", &self.http_environment)
            .field("output", &self.output)
            .field("progress", &self.progress.is_some())
            .field("cancellation", &self.cancellation)
            .finish()
    }
}
