//! How an API is reached, beside its address.

use std::path::PathBuf;

/// How an API is reached, beside its address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiSettings {
    /// A file of certificates (PEM) that are trusted beside the system's: for installations with a CA of their own.
    pub certificates: Option<PathBuf>,
    /// The proxy of all requests, `http://host:port`. `None`: what `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`
    /// say, which never applies to this machine's own addresses.
    pub proxy: Option<String>,
}
