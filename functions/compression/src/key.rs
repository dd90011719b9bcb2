//! Which object keys can be files below a directory.

use std::collections::BTreeSet;

/// Longest name of one segment of a key, bytes: what common file systems take.
const SEGMENT_BYTES_MAX: usize = 255;
/// Longest key, bytes: what S3, Google Cloud Storage and Azure Blob take, and short of any system's longest path.
const KEY_BYTES_MAX: usize = 1024;
/// Longest piece of a key that an error repeats, characters.
const SHOWN_CHARACTERS: usize = 200;

/// Whether `key` names a file strictly below the directory that it is joined to, on any system; or why it does not.
pub(crate) fn check(key: &str) -> Result<(), &'static str> {
    if key.len() > KEY_BYTES_MAX {
        return Err("which has more than 1,024 bytes");
    }
    if key.contains('\0') {
        return Err("which holds a NUL character");
    }
    if key.contains('\\') {
        return Err("which holds a backslash, a separator on some systems");
    }
    for segment in key.split('/') {
        match segment {
            "" => return Err("which starts or ends with a slash, or has two in a row"),
            "." | ".." => return Err("which holds a segment `.` or `..`"),
            long if long.len() > SEGMENT_BYTES_MAX => return Err("which has a segment of more than 255 bytes"),
            _ => {}
        }
    }
    Ok(())
}

/// A key as an error shows it: quoted, and no more than its beginning.
pub(crate) fn shown(key: &str) -> String {
    match key.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{:?}... ({} bytes)", &key[..end], key.len()),
        None => format!("{key:?}"),
    }
}

/// The directories of a tree of files, to find keys that cannot stand side by side in it.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeSet<String>,
    directories: BTreeSet<String>,
}

impl Tree {
    /// Takes in the checked `key` and returns the directories that are new with it, outermost first. An error says why
    /// the key has no place beside those that came before.
    pub(crate) fn add(&mut self, key: &str) -> Result<Vec<String>, String> {
        if self.directories.contains(key) {
            return Err("which is the directory of another object's key".to_owned());
        }
        let mut new = Vec::new();
        for (end, _) in key.match_indices('/') {
            let directory = &key[..end];
            if self.files.contains(directory) {
                return Err(format!("whose directory {directory:?} is an object of its own"));
            }
            if self.directories.insert(directory.to_owned()) {
                new.push(directory.to_owned());
            }
        }
        if !self.files.insert(key.to_owned()) {
            return Err("which was listed twice".to_owned());
        }
        Ok(new)
    }

    /// All keys, in the order of their bytes.
    pub(crate) fn into_files(self) -> Vec<String> {
        self.files.into_iter().collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_leaves_its_directory_is_refused() {
        let long = "x".repeat(256);
        let deep = "x/".repeat(512) + "x";
        let hostile = [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../a",
            "a/../../b",
            "a/..",
            "a//b",
            "a/",
            "./a",
            "a/./b",
            "a\\..\\b",
            "a\0b",
            &long,
            &deep,
        ];
        for key in hostile {
            assert!(check(key).is_err(), "{key:?}");
        }
    }

    #[test]
    fn an_error_shows_no_more_than_the_beginning_of_a_key() {
        assert_eq!(shown("a\0é"), r#""a\0é""#);
        assert_eq!(shown(&"é".repeat(200)), format!("{:?}", "é".repeat(200)));
        assert_eq!(shown(&"é".repeat(5000)), format!("{:?}... (10000 bytes)", "é".repeat(200)));
    }

    #[test]
    fn ordinary_keys_are_accepted() {
        for key in ["a", "a/b/c.txt", "...", "..a", "a..b/c..", " ", "é/日本.txt", "a:b", "C:/x", "-rf", "*"] {
            assert!(check(key).is_ok(), "{key:?}");
        }
    }

    #[test]
    fn a_key_that_is_the_directory_of_another_has_no_place() {
        let mut tree = Tree::default();
        assert_eq!(tree.add("a/b/c").unwrap(), ["a", "a/b"]);
        assert_eq!(tree.add("a/b/d").unwrap(), [""; 0]);
        assert!(tree.add("a/b").is_err());
        assert!(tree.add("a/b/c/d").unwrap_err().contains("\"a/b/c\""));
        assert!(tree.add("a/b/c").unwrap_err().contains("twice"));
    }
}
