//! The sources that native binaries are built from.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::error::BuildError;

/// Where the sources were when this was compiled.
const COMPILED_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const VARIABLE: &str = "FAASBENCH_SOURCE";
/// Files of the workspace that change what any of its crates becomes.
const COMMON: [&str; 5] = ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo/config.toml", "wit"];
/// Folders of a crate that its binaries and libraries are not made of.
const BESIDE: [&str; 4] = ["tests", "benches", "examples", "target"];

/// A checkout of faasbench.
#[derive(Debug, Clone)]
pub(crate) struct SourceTree {
    root: PathBuf,
}

impl SourceTree {
    /// The checkout in `folder`; without one, the one that `FAASBENCH_SOURCE` names, or the one this was compiled from.
    pub(crate) fn find(folder: Option<&Path>) -> Result<SourceTree, BuildError> {
        let variable = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
        let from_variable = folder.is_none() && variable.is_some();
        let path = folder.map(Path::to_owned).or(variable).unwrap_or_else(|| PathBuf::from(COMPILED_IN));
        let missing = || BuildError::NoSource { path: path.clone(), from_variable };
        let root = path.canonicalize().map_err(|_| missing())?;
        if !root.join("runtimes/image/Cargo.toml").is_file() || !root.join("Cargo.toml").is_file() {
            return Err(missing());
        }
        Ok(SourceTree { root })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A hash over all files that decide what the crate in `folder` becomes: its own, those of the crates of this workspace
    /// that it depends on, and the workspace's common ones.
    pub(crate) fn hash(&self, folder: &str) -> Result<blake3::Hash, BuildError> {
        let mut files = BTreeMap::new();
        for common in COMMON {
            add_files(&self.root, &self.root.join(common), &mut files)?;
        }
        for folder in self.crates_below(folder)? {
            add_files(&self.root, &folder, &mut files)?;
        }
        let mut hash = blake3::Hasher::new();
        for (path, content) in files {
            let name = path.as_os_str().as_bytes();
            hash.update(&(name.len() as u64).to_le_bytes()).update(name).update(content.as_bytes());
        }
        Ok(hash.finalize())
    }

    /// The folders of a crate and of the crates of this workspace that it depends on.
    fn crates_below(&self, folder: &str) -> Result<BTreeSet<PathBuf>, BuildError> {
        let workspace = read_manifest(&self.root.join("Cargo.toml"))?;
        let shared = workspace
            .get("workspace")
            .and_then(|workspace| workspace.get("dependencies"))
            .and_then(Value::as_table)
            .cloned()
            .unwrap_or_default();
        let mut found = BTreeSet::new();
        let mut open = vec![self.root.join(folder)];
        while let Some(folder) = open.pop() {
            if !found.insert(folder.clone()) {
                continue;
            }
            let manifest = read_manifest(&folder.join("Cargo.toml"))?;
            for (name, dependency) in dependencies(&manifest) {
                let from_workspace = dependency.get("workspace").and_then(Value::as_bool) == Some(true);
                let (base, dependency) = match shared.get(name) {
                    Some(shared) if from_workspace => (&self.root, shared),
                    _ => (&folder, dependency),
                };
                if let Some(path) = dependency.get("path").and_then(Value::as_str) {
                    let path = base.join(path);
                    open.push(path.canonicalize().map_err(BuildError::at("read", &path))?);
                }
            }
        }
        Ok(found)
    }
}

/// The dependencies of a manifest that go into a build, those for some targets only and those of build scripts too.
fn dependencies(manifest: &Table) -> impl Iterator<Item = (&str, &Value)> {
    let of_targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(|targets| targets.values());
    of_targets
        .filter_map(Value::as_table)
        .chain(std::iter::once(manifest))
        .flat_map(|table| ["dependencies", "build-dependencies"].into_iter().filter_map(|kind| table.get(kind)))
        .filter_map(Value::as_table)
        .flat_map(|table| table.iter().map(|(name, dependency)| (name.as_str(), dependency)))
}

fn read_manifest(path: &Path) -> Result<Table, BuildError> {
    let text = std::fs::read_to_string(path).map_err(BuildError::at("read", path))?;
    text.parse().map_err(|error: toml::de::Error| BuildError::Manifest {
        path: path.to_owned(),
        reason: error.message().to_owned(),
    })
}

/// Adds a file, or the files of a folder, with the hash of their contents. What is not there adds nothing.
fn add_files(
    root: &Path,
    path: &Path,
    files: &mut BTreeMap<PathBuf, blake3::Hash>,
) -> Result<(), BuildError> {
    let relative = || path.strip_prefix(root).unwrap_or(path).to_owned();
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(BuildError::io("read", path, error)),
        Ok(metadata) if metadata.is_dir() => {
            for entry in std::fs::read_dir(path).map_err(BuildError::at("read", path))? {
                let entry = entry.map_err(BuildError::at("read", path))?;
                let name = entry.file_name();
                let hidden = name.as_bytes().starts_with(b".");
                // An editor's file beside the sources may come and go.
                let of_editor = name.as_bytes().ends_with(b"~");
                if !hidden && !of_editor && !BESIDE.iter().any(|beside| name == *beside) {
                    add_files(root, &entry.path(), files)?;
                }
            }
            Ok(())
        }
        Ok(_) => {
            let content = std::fs::read(path).map_err(BuildError::at("read", path))?;
            files.insert(relative(), blake3::hash(&content));
            Ok(())
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;

    use super::*;

    /// A workspace of an image, a library it uses and a crate it does not use.
    fn workspace(folder: &Path) -> SourceTree {
        let crates = [
            ("runtimes/image", "[dependencies]\nused.workspace = true\n"),
            ("used", "[target.'cfg(unix)'.dependencies]\ndeep = { path = \"../deep\" }\n"),
            ("deep", ""),
            ("unused", ""),
        ];
        for (name, manifest) in crates {
            fs::create_dir_all(folder.join(name).join("src")).unwrap();
            fs::create_dir_all(folder.join(name).join("tests")).unwrap();
            fs::write(folder.join(name).join("Cargo.toml"), manifest).unwrap();
            fs::write(folder.join(name).join("src/lib.rs"), name).unwrap();
        }
        fs::write(folder.join("Cargo.toml"), "[workspace.dependencies]\nused = { path = \"used\" }\n").unwrap();
        fs::write(folder.join("Cargo.lock"), "").unwrap();
        SourceTree::find(Some(folder)).unwrap()
    }

    #[test]
    fn the_hash_changes_with_what_the_binary_is_made_of_and_with_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let source = workspace(folder.path());
        let hash = || source.hash("runtimes/image").unwrap();
        let first = hash();
        for beside in ["unused/src/lib.rs", "used/tests/it.rs", "used/src/.lib.rs.swp", "README.md"] {
            fs::write(folder.path().join(beside), "changed").unwrap();
            assert_eq!(hash(), first, "{beside}");
        }
        for inside in ["runtimes/image/src/lib.rs", "used/src/more.rs", "deep/src/lib.rs", "deep/Cargo.toml", "Cargo.lock"] {
            let before = hash();
            fs::write(folder.path().join(inside), "# changed").unwrap();
            assert_ne!(hash(), before, "{inside}");
        }
    }

    #[test]
    fn a_folder_without_the_sources_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let error = SourceTree::find(Some(folder.path())).unwrap_err().to_string();
        assert!(error.contains("FAASBENCH_SOURCE"), "{error}");
        workspace(folder.path());
        fs::write(folder.path().join("used/Cargo.toml"), "not = [").unwrap();
        let error = SourceTree::find(Some(folder.path())).unwrap().hash("runtimes/image").unwrap_err();
        assert!(matches!(error, BuildError::Manifest { .. }), "{error}");
    }

    #[test]
    fn the_images_of_this_checkout_are_made_of_functions_and_runtimes() {
        let source = SourceTree::find(None).unwrap();
        let crates = source.crates_below("runtimes/image").unwrap();
        for folder in ["functions/lab", "functions/thumbnailer", "runtimes/lambda", "runtimes/runtime", "runtimes/native"] {
            assert!(crates.contains(&source.root().join(folder)), "{folder} of {crates:?}");
        }
        assert!(!crates.iter().any(|folder| folder.starts_with(source.root().join("host"))), "{crates:?}");
    }
}
