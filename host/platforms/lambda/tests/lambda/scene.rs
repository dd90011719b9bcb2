//! What the tests share.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use aws_credential_types::Credentials;
use image_kind::{Image, ImageKind};
use lambda_platform::LambdaPlatform;
use platform::{DeploymentId, DeploymentSpec, Limits, Scale};
use remote_platform::Connection;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;

/// An archive with a `bootstrap` of this text, and perhaps other files.
pub(crate) fn archive(folder: &Path, text: &str, others: &[&str]) -> Image {
    let path = folder.join(format!("{text}.zip"));
    let mut writer = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    for name in ["bootstrap"].iter().chain(others) {
        writer.start_file(*name, SimpleFileOptions::default().unix_permissions(0o755)).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap();
    let bytes = fs::read(&path).unwrap();
    let hexadecimal: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Image {
        function: "function1".to_owned(),
        kind: ImageKind::LambdaZip,
        path,
        digest: format!("sha256:{hexadecimal}"),
        code_digest: format!("sha256:{hexadecimal}"),
        bytes: bytes.len() as u64,
        code_bytes: text.len() as u64,
        architecture: "x86_64".to_owned(),
    }
}

pub(crate) fn spec(name: &str, image: &Image) -> DeploymentSpec {
    DeploymentSpec {
        id: DeploymentId::new(),
        function: "function1".to_owned(),
        name: name.to_owned(),
        image: image.clone(),
        scale: Scale::default(),
        limits: Limits::default(),
        environment: BTreeMap::from([("COLOUR".to_owned(), "blue".to_owned())]),
    }
}

pub(crate) fn connection(endpoint: Option<&str>, options: Value) -> Connection {
    Connection {
        platform: "lambda",
        target: "test".to_owned(),
        endpoint: endpoint.map(str::to_owned),
        options: options.as_object().cloned().unwrap_or_default(),
        storage: None,
        storage_environment: BTreeMap::new(),
        registry: None,
    }
}

/// The platform at an endpoint, with credentials that mean nothing.
pub(crate) async fn platform(endpoint: &str, options: Value) -> LambdaPlatform {
    with_connection(connection(Some(endpoint), options)).await
}

pub(crate) async fn with_connection(connection: Connection) -> LambdaPlatform {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret-of-the-test", None, None, "test");
    let mut loader =
        lambda_platform::defaults().credentials_provider(credentials).region(aws_config::Region::new("eu-central-1"));
    if let Some(endpoint) = &connection.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    LambdaPlatform::new(connection, &loader.load().await).unwrap()
}

/// Options of most tests.
pub(crate) fn no_options() -> Value {
    json!({})
}

/// An archive that somebody else made.
pub(crate) fn image_of(path: &Path) -> Image {
    let bytes = fs::read(path).unwrap();
    let hexadecimal: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Image {
        function: "function1".to_owned(),
        kind: ImageKind::LambdaZip,
        path: path.to_owned(),
        digest: format!("sha256:{hexadecimal}"),
        code_digest: format!("sha256:{hexadecimal}"),
        bytes: bytes.len() as u64,
        code_bytes: bytes.len() as u64,
        architecture: "x86_64".to_owned(),
    }
}
