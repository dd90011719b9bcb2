//! Spin's application: a manifest beside the component.

use std::path::Path;

use super::sha256;
use crate::cache::write;
use crate::error::BuildError;

/// Writes `spin.toml` and `FUNCTION.wasm` into the folder `FUNCTION` below `folder`; gives the digest of the list of files.
pub(crate) fn write_application(folder: &Path, function: &str, component: &[u8]) -> Result<String, BuildError> {
    let root = folder.join(function);
    std::fs::create_dir_all(&root).map_err(BuildError::at("make", &root))?;
    let manifest = manifest(function);
    let component_name = format!("{function}.wasm");
    write(&root.join("spin.toml"), manifest.as_bytes())?;
    write(&root.join(&component_name), component)?;
    let list = format!("{} {component_name}\n{} spin.toml\n", sha256(component), sha256(manifest.as_bytes()));
    Ok(sha256(list.as_bytes()))
}

/// Functions' names are plain words, so that they need no quotes' escapes. Nested calls go to wherever the platform is.
fn manifest(function: &str) -> String {
    format!(
        r#"spin_manifest_version = 2

[application]
name = "{function}"
version = "{version}"

[[trigger.http]]
route = "/..."
component = "{function}"

[component.{function}]
source = "{function}.wasm"
allowed_outbound_hosts = ["http://127.0.0.1:*", "http://localhost:*"]
"#,
        version = env!("CARGO_PKG_VERSION"),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_names_the_component_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        write_application(folder.path(), "function1", b"component").unwrap();
        let text = std::fs::read_to_string(folder.path().join("function1/spin.toml")).unwrap();
        let manifest: toml::Table = text.parse().unwrap();
        assert_eq!(manifest["spin_manifest_version"].as_integer(), Some(2));
        assert_eq!(manifest["trigger"]["http"][0]["component"].as_str(), Some("function1"));
        let source = manifest["component"]["function1"]["source"].as_str().unwrap();
        assert_eq!(std::fs::read(folder.path().join("function1").join(source)).unwrap(), b"component");
    }
}
