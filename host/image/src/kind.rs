//! What an image is.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a function is packaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ImageKind {
    /// The function's own component, over `wit/lab.wit`.
    Component,
    /// The component composed with the adapter: it exports `wasi:http/incoming-handler`.
    HttpComponent,
    /// The static native binary.
    Binary,
    /// An OCI image layout with the native binary, as a folder.
    Oci,
    /// AWS Lambda's archive: `bootstrap`, mode 0755.
    LambdaZip,
    /// Azure Functions' archive: `host.json`, `handler`, `NAME/function.json`.
    AzureZip,
    /// OpenWhisk's archive: `exec`, mode 0755.
    OpenWhiskZip,
    /// Gestalt's archive: the binary under the function's name.
    GestaltZip,
    /// A folder with `spin.toml` and the component.
    SpinApplication,
}

/// A function packaged for a platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Image {
    /// Which function is in it.
    pub function: String,
    /// How it is packaged.
    pub kind: ImageKind,
    /// Where it is: a file, or a folder for a layout.
    pub path: PathBuf,
    /// `sha256:` and 64 hexadecimal digits: of the file; of an OCI layout, its image manifest's.
    pub digest: String,
    /// The same of the native binary or the component inside, which is the same for all platforms.
    pub code_digest: String,
    /// Size of the file, or of all of a folder's files, bytes.
    pub bytes: u64,
    /// Size of the native binary or the component inside, bytes.
    pub code_bytes: u64,
    /// `x86_64`, `aarch64` or `wasm32`.
    pub architecture: String,
}
