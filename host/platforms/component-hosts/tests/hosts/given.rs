//! What the tests deploy, and to what.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use image_kind::{Image, ImageKind};
use platform::{DeploymentId, DeploymentSpec, Limits, Scale};
use remote_platform::Connection;
use serde_json::Value;

/// A target with these options, of a name of its own: tests must not find each other's processes.
pub(crate) fn connection(platform: &'static str, options: Value) -> Connection {
    let Value::Object(options) = options else { panic!("options are a table") };
    Connection {
        platform,
        target: format!("test-{}", DeploymentId::new()),
        endpoint: None,
        options,
        storage: Some("http://127.0.0.1:9/objects".to_owned()),
        storage_environment: BTreeMap::from([("AWS_SECRET_ACCESS_KEY".to_owned(), "open sesame".to_owned())]),
        registry: None,
    }
}

/// The smallest component that takes its settings from the environment; it does nothing.
pub(crate) fn component() -> Vec<u8> {
    let name = b"wasi:cli/environment@0.2.6";
    let mut import = vec![1, 0, u8::try_from(name.len()).unwrap()];
    import.extend(name);
    import.extend([5, 0]);
    // An instance's type without anything in it, and the import of one.
    let mut bytes = b"\0asm\x0d\0\x01\0\x07\x03\x01\x42\0\x0a".to_vec();
    bytes.push(u8::try_from(import.len()).unwrap());
    bytes.extend(import);
    bytes
}

/// A deployment of what is at `path`.
pub(crate) fn spec(kind: ImageKind, path: PathBuf) -> DeploymentSpec {
    DeploymentSpec {
        id: DeploymentId::new(),
        function: "function1".to_owned(),
        name: "function1".to_owned(),
        image: Image {
            function: "function1".to_owned(),
            kind,
            path,
            digest: format!("sha256:{}", "1".repeat(64)),
            code_digest: String::new(),
            bytes: 0,
            code_bytes: 0,
            architecture: "wasm32".to_owned(),
        },
        scale: Scale::default(),
        limits: Limits::default(),
        environment: BTreeMap::from([("GREETING".to_owned(), "hello world".to_owned())]),
    }
}

/// A component in a folder.
pub(crate) fn http_component(folder: &Path) -> DeploymentSpec {
    let path = folder.join("function1.wasm");
    std::fs::write(&path, component()).unwrap();
    spec(ImageKind::HttpComponent, path)
}

/// A Spin application in a folder.
pub(crate) fn spin_application(folder: &Path) -> DeploymentSpec {
    let path = folder.join("application");
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("function1.wasm"), component()).unwrap();
    let manifest = "spin_manifest_version = 2\n\n[application]\nname = \"function1\"\nversion = \"0.1.0\"\n\n\
                    [[trigger.http]]\nroute = \"/...\"\ncomponent = \"function1\"\n\n[component.function1]\n\
                    source = \"function1.wasm\"\nallowed_outbound_hosts = [\"http://127.0.0.1:*\"]\n";
    std::fs::write(path.join("spin.toml"), manifest).unwrap();
    spec(ImageKind::SpinApplication, path)
}
