//! Packaging: the same bytes for the same content, always.

mod archive;
mod artifact;
mod layer;
mod oci;
mod spin;

pub(crate) use archive::{azure_zip, lambda_zip, single_file_zip};
pub(crate) use artifact::{Artifact, component_artifact, layout_artifact};
pub(crate) use oci::{Code, write_layout};
pub(crate) use spin::write_application;

use sha2::{Digest, Sha256};

/// The name of the program that carries nested calls, as deployers look for it: `remote_platform::CALLER`.
pub(crate) const CALLER: &str = "faasbench-caller";

/// Changes when the same code is packaged otherwise than before.
pub(crate) const FORMAT: u32 = 1;

/// `sha256:` and 64 hexadecimal digits.
pub(crate) fn sha256(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}
