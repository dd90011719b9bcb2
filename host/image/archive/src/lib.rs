//! From an OCI layout to the archive that every container daemon loads.

mod archive;

pub use archive::{Archive, archive, oci_architecture};
