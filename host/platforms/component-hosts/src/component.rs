//! What a composed component takes from its host.

use std::path::Path;

use platform::PlatformError;
use wasmparser::{Parser, Payload};

/// The interface of variables.
const ENVIRONMENT: &str = "wasi:cli/environment@";

/// Refuses a component that has its settings inside: what a deployment gives to its environment would be lost.
pub(crate) fn check_takes_environment(path: &Path, platform: &str) -> Result<(), PlatformError> {
    let bytes = std::fs::read(path).map_err(|error| {
        PlatformError::Invalid(format!("the component {} can't be read: {error}; build it again", path.display()))
    })?;
    match imports_environment(&bytes) {
        Ok(true) => Ok(()),
        Ok(false) => Err(PlatformError::Invalid(format!(
            "the component {} has its settings inside and takes none of its host; build one with `faasbench build \
             --platform {platform}`",
            path.display()
        ))),
        Err(reason) => {
            Err(PlatformError::Invalid(format!("{} is no component: {reason}; build it again", path.display())))
        }
    }
}

fn imports_environment(bytes: &[u8]) -> Result<bool, String> {
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| error.to_string())? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            // Those of what is nested are met by the composition itself.
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    if import.map_err(|error| error.to_string())?.name.name.starts_with(ENVIRONMENT) {
                        return Ok(true);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(false)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_component_and_what_takes_nothing_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.wasm");
        let said = |bytes: &[u8]| {
            std::fs::write(&file, bytes).unwrap();
            check_takes_environment(&file, "wasmcloud").unwrap_err().to_string()
        };
        assert!(said(b"#!/bin/sh").contains("is no component"));
        // A component of nothing.
        assert!(said(b"\0asm\x0d\0\x01\0").contains("has its settings inside"));
        assert!(check_takes_environment(&folder.path().join("none"), "wasmcloud").unwrap_err().is_users());
    }
}
