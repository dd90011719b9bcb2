//! The archive as it is published.

use std::io::{Cursor, Read, Write};

use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::AuthLevel;

/// An archive whose functions ask for this level; the rest is as it was.
pub(crate) fn with_level(archive: Vec<u8>, level: AuthLevel) -> Result<Vec<u8>, zip::result::ZipError> {
    let word = match level {
        AuthLevel::Anonymous => return Ok(archive),
        AuthLevel::Function => "function",
    };
    let mut read = ZipArchive::new(Cursor::new(archive))?;
    let mut written = ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..read.len() {
        let name = read.by_index(index)?.name()?.into_owned();
        if !name.ends_with("/function.json") {
            written.raw_copy_file(read.by_index_raw(index)?)?;
            continue;
        }
        let mut text = Vec::new();
        read.by_index(index)?.take(1 << 20).read_to_end(&mut text)?;
        written.start_file(name, SimpleFileOptions::default().unix_permissions(0o644))?;
        written.write_all(&raised(&text, word))?;
    }
    Ok(written.finish()?.into_inner())
}

/// A `function.json` whose trigger asks for a level.
fn raised(text: &[u8], level: &str) -> Vec<u8> {
    let Ok(mut document) = serde_json::from_slice::<Value>(text) else { return text.to_vec() };
    for binding in document["bindings"].as_array_mut().into_iter().flatten() {
        if binding["type"] == "httpTrigger" {
            binding["authLevel"] = level.into();
        }
    }
    document.to_string().into_bytes()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_the_level_of_the_trigger_changes() {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let files = [
            ("handler", 0o755, "ELF"),
            (
                "f/function.json",
                0o644,
                r#"{"bindings":[{"type":"httpTrigger","authLevel":"anonymous"},{"type":"http"}]}"#,
            ),
        ];
        for (name, mode, text) in files {
            writer.start_file(name, SimpleFileOptions::default().unix_permissions(mode)).unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        }
        let archive = writer.finish().unwrap().into_inner();
        assert_eq!(with_level(archive.clone(), AuthLevel::Anonymous).unwrap(), archive);
        let raised = with_level(archive, AuthLevel::Function).unwrap();
        let mut read = ZipArchive::new(Cursor::new(raised)).unwrap();
        assert_eq!(read.by_name("handler").unwrap().unix_mode().unwrap() & 0o777, 0o755);
        let mut text = String::new();
        read.by_name("f/function.json").unwrap().read_to_string(&mut text).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["bindings"][0]["authLevel"], "function");
        assert!(document["bindings"][1].get("authLevel").is_none());
    }
}
