//! Which servers are trusted.

use std::path::Path;
use std::sync::OnceLock;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// A client's configuration that trusts the system's certificates (`SSL_CERT_FILE`, `SSL_CERT_DIR` and the usual places), or
/// Mozilla's where the system has none, and those of a file.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn configuration(certificates: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = system().clone();
    if let Some(path) = certificates {
        let wrong = |reason: String| format!("the certificates in {} can't be used: {reason}", path.display());
        let mut added = 0_usize;
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))? {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            added += 1;
        }
        if added == 0 {
            return Err(wrong("there is none in it (PEM is expected)".to_owned()));
        }
    }
    trust::client_config(roots).map_err(|error| error.to_string())
}

/// Reading them takes some milliseconds, and they stay the same.
fn system() -> &'static RootCertStore {
    static SYSTEM: OnceLock<RootCertStore> = OnceLock::new();
    SYSTEM.get_or_init(trust::system_roots)
}
