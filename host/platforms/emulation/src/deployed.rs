//! What tests deploy.

use std::collections::BTreeMap;
use std::path::Path;

use image_kind::{Image, ImageKind};
use platform::{DeploymentId, DeploymentSpec, Limits, Scale};
use remote_platform::Connection;

/// An image of `function1` at `path`. `seed` makes its digest.
pub fn image(kind: ImageKind, path: &Path, seed: u8) -> Image {
    let digest = format!("sha256:{}", format!("{seed:02x}").repeat(32));
    Image {
        function: "function1".to_owned(),
        kind,
        path: path.to_owned(),
        code_digest: digest.clone(),
        digest,
        bytes: 4,
        code_bytes: 4,
        architecture: "x86_64".to_owned(),
    }
}

/// A deployment of it, with nothing asked for.
pub fn spec(name: &str, image: Image) -> DeploymentSpec {
    DeploymentSpec {
        id: DeploymentId::new(),
        function: image.function.clone(),
        name: name.to_owned(),
        image,
        scale: Scale::default(),
        limits: Limits::default(),
        environment: BTreeMap::new(),
    }
}

/// A target at `endpoint` with these options.
///
/// # Panics
/// When the options are no table.
pub fn connection(platform: &'static str, endpoint: &str, options: serde_json::Value) -> Connection {
    let serde_json::Value::Object(options) = options else { panic!("{options} is no table") };
    Connection {
        platform,
        target: "mine".to_owned(),
        endpoint: Some(endpoint.to_owned()),
        options,
        storage: None,
        storage_environment: BTreeMap::new(),
        registry: None,
    }
}
