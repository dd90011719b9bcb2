//! The client's side of TLS.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// The certificates that `SSL_CERT_FILE` and `SSL_CERT_DIR` name, or else those of the system; where there are none, as in an image
/// that holds nothing but its binary, those that Mozilla trusted when this was built. Reading them takes some milliseconds.
pub fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // What can't be read is left out: no trust is the outcome of it, never too much.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

/// A client that trusts these, without a certificate of its own.
///
/// # Errors
/// When the cryptography lacks what the versions of TLS need.
pub fn client_config(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
