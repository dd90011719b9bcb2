//! Components that serve `wasi:http`: a function's component composed with the adapter.

use crate::error::BuildError;

/// `sha256:` and the digest of the adapter, which is part of what a composed component is made of.
pub(crate) fn adapter_digest() -> String {
    String::new()
}

/// The component that serves the function's component over HTTP.
pub(crate) fn compose(function: &str, _component: &[u8]) -> Result<Vec<u8>, BuildError> {
    Err(BuildError::Compose {
        function: function.to_owned(),
        reason: "this build of faasbench was made without the adapter".to_owned(),
    })
}
