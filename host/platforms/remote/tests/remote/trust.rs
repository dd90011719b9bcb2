//! Which servers are trusted.

use std::sync::Arc;
use std::time::Duration;

use platform::PlatformError;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use remote_platform::header::HeaderMap;
use remote_platform::{Api, ApiRequest, ApiSettings, Method};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

use crate::server::{Server, answer};

/// A server's TLS for `localhost`, and the certificate of the CA behind it (PEM).
fn tls() -> (TlsAcceptor, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let configuration = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    (TlsAcceptor::from(Arc::new(configuration)), authority_certificate.pem())
}

fn get() -> ApiRequest {
    ApiRequest::new("listing functions", Method::GET, "/")
}

#[tokio::test]
async fn a_ca_of_ones_own_is_trusted_when_it_is_named() {
    let (tls, pem) = tls();
    let server = Server::start_over(Some(tls), |_, _| answer("200 OK", "[]")).await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, pem).unwrap();
    let base = format!("https://localhost:{}", server.address.port());
    let settings = ApiSettings { certificates: Some(file), ..ApiSettings::default() };
    let api = Api::with("openfaas", &base, None, &settings).unwrap();
    api.ask(&get(), &[]).await.unwrap();
    let called = api.invoke("f", &base, HeaderMap::new(), "".into(), false, Duration::from_secs(5)).await.unwrap();
    assert!(called.status == 200 && called.timings.connect_ns.is_some());

    let stranger = Api::new("openfaas", &base, None).unwrap();
    let error = stranger.ask(&get(), &[]).await.unwrap_err();
    let is_told = |error: &PlatformError| {
        matches!(error, PlatformError::Unreachable { reason, advice, .. }
            if reason.contains("certificate") && advice.contains("SSL_CERT_FILE"))
    };
    assert!(is_told(&error), "{error}");
    let called = stranger.invoke("f", &base, HeaderMap::new(), "".into(), false, Duration::from_secs(5)).await;
    assert!(is_told(&called.unwrap_err()));

    // The certificate is not for this name.
    let elsewhere = format!("https://127.0.0.1:{}", server.address.port());
    let error = Api::with("openfaas", &elsewhere, None, &settings).unwrap().ask(&get(), &[]).await.unwrap_err();
    assert!(is_told(&error), "{error}");
}

#[test]
fn a_file_without_certificates_is_refused() {
    let folder = TempDir::new().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    for file in [empty, folder.path().join("missing.pem")] {
        let settings = ApiSettings { certificates: Some(file.clone()), ..ApiSettings::default() };
        let error = Api::with("openfaas", "https://host", None, &settings).unwrap_err().to_string();
        assert!(error.contains(file.to_str().unwrap()), "{error}");
    }
}
