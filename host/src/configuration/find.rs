//! Finding and reading the file.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::{Configuration, ConfigurationError, File, secrets};

/// What the file is called where it is looked for.
pub const FILE_NAME: &str = "faasbench.toml";

/// Reads the configuration: the file that is named, else the first `faasbench.toml` in `folder` and its parents. Without one
/// there are the platforms themselves.
///
/// # Errors
/// What is wrong with it, and where.
pub fn load(named: Option<&Path>, folder: &Path) -> Result<Configuration, ConfigurationError> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => match folder.ancestors().map(|folder| folder.join(FILE_NAME)).find(|path| path.is_file()) {
            Some(path) => path,
            None => return Configuration::new(None, File::default()),
        },
    };
    let text = std::fs::read_to_string(&path)
        .map_err(|source| ConfigurationError::Unreadable { path: path.clone(), source })?;
    let file = read(&path, &text)?;
    Configuration::new(Some(path), file)
}

fn read(path: &Path, text: &str) -> Result<File, ConfigurationError> {
    let invalid = |error: toml::de::Error, key| ConfigurationError::Invalid {
        path: path.to_owned(),
        line: error.span().map_or(1, |span| line_of(text, span.start)),
        key,
        reason: error.message().to_owned(),
    };
    let table = DeTable::parse(text).map_err(|error| invalid(error, None))?;
    if let Some((key, span)) = secrets::find(table.get_ref()) {
        let line = line_of(text, span.start);
        return Err(ConfigurationError::Credential { path: path.to_owned(), line, key });
    }
    toml::from_str(text).map_err(|error| {
        let key = error.span().and_then(|span| key_at(table.get_ref(), &span));
        invalid(error, key)
    })
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// The key whose name or value is at a place, with the tables that it is in.
fn key_at(table: &DeTable<'_>, place: &Range<usize>) -> Option<String> {
    let holds = |span: Range<usize>| span.start <= place.start && place.end <= span.end;
    table.iter().find_map(|(key, value)| {
        let within = match value.get_ref() {
            DeValue::Table(table) => key_at(table, place).map(|within| format!("{}.{within}", key.get_ref())),
            _ => None,
        };
        let whole = || (holds(key.span()) || holds(value.span())).then(|| key.get_ref().to_string());
        within.or_else(whole)
    })
}

/// An absolute path beside the configuration.
pub(super) fn beside(path: Option<&PathBuf>, relative: &str) -> PathBuf {
    let folder = path.and_then(|path| path.parent()).unwrap_or(Path::new("."));
    let joined = folder.join(relative);
    std::path::absolute(&joined).unwrap_or(joined)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[track_caller]
    fn error(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE_NAME), text).unwrap();
        load(None, folder.path()).unwrap_err().to_string()
    }

    #[test]
    fn it_is_found_in_a_parent() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE_NAME), "[targets.mine]\nplatform = 'wasm'\nmemory = 64").unwrap();
        let below = folder.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        let target = load(None, &below).unwrap().target("mine").unwrap();
        assert_eq!((target.platform, target.settings.memory_bytes), ("wasm", Some(64 << 20)));
    }

    #[test]
    fn a_file_that_is_named_must_be_there() {
        let error = load(Some(Path::new("/nowhere/at/all.toml")), Path::new("/")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/at/all.toml") && error.contains("--config"), "{error}");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_with_what_is_accepted() {
        let error = error("[targets.a]\nplatform = 'wasm'\nmemmory = 3\n");
        for part in ["faasbench.toml:3", "memmory", "keep-alive", "concurrency"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(self::error("[target.a]\n").contains("targets"));
    }

    #[test]
    fn a_wrong_value_is_named_with_its_key_and_line() {
        for (text, line, parts) in [
            ("[defaults]\ncpu = 'all'\n", 2, ["defaults.cpu", "string"]),
            ("[defaults]\nmin = -1\n", 2, ["defaults.min", "-1"]),
            ("\n[defaults]\nmemory = 'much'\n", 3, ["defaults.memory", "256MiB"]),
            ("[defaults]\n\ntimeout = 'soon'\n", 3, ["defaults.timeout", "30s"]),
            ("[targets.a]\nmemory = 3\n", 1, ["targets.a", "platform"]),
        ] {
            let error = error(text);
            assert!(error.contains(&format!("faasbench.toml:{line}: ")), "{error}");
            for part in parts {
                assert!(error.contains(part), "{part}: {error}");
            }
        }
        let broken = error("[defaults]\nmemory = \n");
        assert!(broken.contains("faasbench.toml:2: "), "{broken}");
    }

    #[test]
    fn a_credential_is_refused_and_not_shown() {
        let error = error("[targets.a]\nplatform = 'wasm'\n[targets.a.env]\nDB_PASSWORD = 'hunter2'\n");
        for part in ["faasbench.toml:4", "DB_PASSWORD", "environment"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(!error.contains("hunter2"));
    }
}
