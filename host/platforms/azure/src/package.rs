//! The archive as it is published.

use std::io::{Cursor, Read, Seek, Write};

use remote_platform::CALLER;
use serde_json::Value;
use zip::result::ZipResult;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::AuthLevel;

/// An archive whose function asks for this level and is at `/api/NAME`; the rest is as it was, and all of it where that is so
/// already.
pub(crate) fn published(archive: Vec<u8>, level: AuthLevel, name: &str) -> ZipResult<Vec<u8>> {
    let mut read = ZipArchive::new(Cursor::new(archive))?;
    let mut written = ZipWriter::new(Cursor::new(Vec::new()));
    let mut is_other = false;
    for index in 0..read.len() {
        let path = read.by_index(index)?.name()?.into_owned();
        if !path.ends_with("/function.json") {
            written.raw_copy_file(read.by_index_raw(index)?)?;
            continue;
        }
        let mut text = Vec::new();
        read.by_index(index)?.take(1 << 20).read_to_end(&mut text)?;
        let changed = changed(&text, level, name);
        is_other |= changed.is_some();
        written.start_file(path, SimpleFileOptions::default().unix_permissions(0o644))?;
        written.write_all(changed.as_deref().unwrap_or(&text))?;
    }
    if is_other { Ok(written.finish()?.into_inner()) } else { Ok(read.into_inner().into_inner()) }
}

/// A `function.json` whose trigger asks for a level and has a route; `None` where it is so already.
fn changed(text: &[u8], level: AuthLevel, name: &str) -> Option<Vec<u8>> {
    let before: Value = serde_json::from_slice(text).ok()?;
    let mut document = before.clone();
    for binding in document["bindings"].as_array_mut()? {
        if binding["type"] == "httpTrigger" {
            binding["authLevel"] = level.word().into();
            binding["route"] = name.into();
        }
    }
    (document != before).then(|| document.to_string().into_bytes())
}

/// Whether an archive holds the program that carries nested calls.
pub(crate) fn has_caller(archive: impl Read + Seek) -> ZipResult<bool> {
    Ok(ZipArchive::new(archive)?.index_for_name(CALLER).is_some())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_the_level_and_the_route_of_the_trigger_change() {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let files = [
            ("handler", 0o755, "ELF"),
            (
                "f/function.json",
                0o644,
                r#"{"bindings":[{"type":"httpTrigger","authLevel":"anonymous","route":"f"},{"type":"http"}]}"#,
            ),
        ];
        for (name, mode, text) in files {
            writer.start_file(name, SimpleFileOptions::default().unix_permissions(mode)).unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        }
        let archive = writer.finish().unwrap().into_inner();
        assert!(!has_caller(Cursor::new(&archive)).unwrap());
        assert_eq!(published(archive.clone(), AuthLevel::Anonymous, "f").unwrap(), archive);
        for (level, name, word) in [(AuthLevel::Function, "f", "function"), (AuthLevel::Anonymous, "g", "anonymous")] {
            let changed = published(archive.clone(), level, name).unwrap();
            let mut read = ZipArchive::new(Cursor::new(changed)).unwrap();
            assert_eq!(read.by_name("handler").unwrap().unix_mode().unwrap() & 0o777, 0o755);
            let mut text = String::new();
            read.by_name("f/function.json").unwrap().read_to_string(&mut text).unwrap();
            let document: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(
                (&document["bindings"][0]["authLevel"], &document["bindings"][0]["route"]),
                (&word.into(), &name.into())
            );
            assert!(document["bindings"][1].get("authLevel").is_none());
        }
    }
}
