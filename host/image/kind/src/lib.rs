//! What an image is.

use std::fmt;
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
    /// An OCI image layout with the native binary, as a folder; beside it the same as an archive: [`Image::archive`].
    Oci,
    /// The same with a health check that the container runtime runs, for Nuclio without its processor.
    OciWithHealthCheck,
    /// The layout, with the program that carries nested calls over TLS in a second layer, for Google Cloud and AWS Lambda.
    OciWithCaller,
    /// AWS Lambda's archive: `bootstrap`, mode 0755, and what carries nested calls.
    LambdaZip,
    /// Azure Functions' archive: `host.json`, `handler`, `NAME/function.json`, and what carries nested calls.
    AzureZip,
    /// OpenWhisk's archive: `exec`, mode 0755.
    OpenWhiskZip,
    /// Gestalt's archive: the binary under the function's name.
    GestaltZip,
    /// A folder with `spin.toml` and the component.
    SpinApplication,
}

impl ImageKind {
    /// All of them.
    pub const ALL: [ImageKind; 11] = [
        ImageKind::Component,
        ImageKind::HttpComponent,
        ImageKind::Binary,
        ImageKind::Oci,
        ImageKind::OciWithHealthCheck,
        ImageKind::OciWithCaller,
        ImageKind::LambdaZip,
        ImageKind::AzureZip,
        ImageKind::OpenWhiskZip,
        ImageKind::GestaltZip,
        ImageKind::SpinApplication,
    ];

    /// Its name, as it is serialised.
    pub fn name(self) -> &'static str {
        match self {
            ImageKind::Component => "component",
            ImageKind::HttpComponent => "http-component",
            ImageKind::Binary => "binary",
            ImageKind::Oci => "oci",
            ImageKind::OciWithHealthCheck => "oci-with-health-check",
            ImageKind::OciWithCaller => "oci-with-caller",
            ImageKind::LambdaZip => "lambda-zip",
            ImageKind::AzureZip => "azure-zip",
            ImageKind::OpenWhiskZip => "open-whisk-zip",
            ImageKind::GestaltZip => "gestalt-zip",
            ImageKind::SpinApplication => "spin-application",
        }
    }

    /// Whether what is inside is a WASM component and not a native binary.
    pub fn is_wasm(self) -> bool {
        matches!(self, ImageKind::Component | ImageKind::HttpComponent | ImageKind::SpinApplication)
    }

    /// Whether it is an OCI image layout.
    pub fn is_oci(self) -> bool {
        matches!(self, ImageKind::Oci | ImageKind::OciWithHealthCheck | ImageKind::OciWithCaller)
    }

    /// Whether the program is in it that carries nested calls over TLS, which the binary itself can't.
    pub fn has_caller(self) -> bool {
        matches!(self, ImageKind::OciWithCaller | ImageKind::LambdaZip | ImageKind::AzureZip)
    }
}

impl fmt::Display for ImageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
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
    /// `sha256:` and 64 hexadecimal digits: of the file; of an OCI layout, its image manifest's (its image index's when it is
    /// for several architectures); of another folder, of the list of its files' names and digests.
    pub digest: String,
    /// The same of the native binary or the component inside, which is the same for all platforms. For several
    /// architectures, the first one's.
    pub code_digest: String,
    /// Size of the file, or of all of a folder's files, bytes.
    pub bytes: u64,
    /// Size of the native binary or the component inside, bytes.
    pub code_bytes: u64,
    /// `x86_64`, `aarch64` or `wasm32`; several are joined by `+`.
    pub architecture: String,
}

impl Image {
    /// An OCI image as one file for `docker load` and `podman load`; `None` for other kinds.
    pub fn archive(&self) -> Option<PathBuf> {
        self.kind.is_oci().then(|| self.path.with_extension("tar"))
    }

    /// The name under which an OCI image is loaded, such as `faasbench/function1:0123456789ab`: its tag is the beginning of
    /// its digest, so equal names are equal images. `None` for other kinds.
    pub fn reference(&self) -> Option<String> {
        self.kind.is_oci().then(|| format!("faasbench/{}:{}", self.function, tag(&self.digest)))
    }
}

/// The first 12 digits of a digest.
pub fn tag(digest: &str) -> &str {
    let hexadecimal = digest.strip_prefix("sha256:").unwrap_or(digest);
    hexadecimal.get(..12).unwrap_or(hexadecimal)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_kinds_name_is_how_it_is_serialised() {
        for kind in ImageKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
