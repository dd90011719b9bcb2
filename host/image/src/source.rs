//! The sources that native binaries are built from.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::error::BuildError;
use crate::lockfile;

/// Where the sources were when this was compiled.
const COMPILED_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const VARIABLE: &str = "FAASBENCH_SOURCE";
/// Files of the workspace that change what any of its crates becomes.
const COMMON: [&str; 3] = ["rust-toolchain.toml", ".cargo/config.toml", "wit"];
/// Tables of the workspace's manifest that do so too.
const COMMON_TABLES: [&str; 4] = ["profile", "patch", "replace", "workspace.package"];
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

    /// A hash over all that decides what the crate in `folder` becomes: its own files, those of the crates of this workspace
    /// that it depends on, and what of the workspace's files is about them.
    pub(crate) fn hash(&self, folder: &str) -> Result<blake3::Hash, BuildError> {
        let mut files = BTreeMap::new();
        for common in COMMON {
            add_files(&self.root, &self.root.join(common), &mut files)?;
        }
        let manifest = self.root.join("Cargo.toml");
        let workspace = read_manifest(&manifest)?;
        let crates = self.crates_below(folder, &workspace)?;
        for folder in &crates.folders {
            add_files(&self.root, folder, &mut files)?;
        }
        let mut hash = blake3::Hasher::new();
        let mut add = |name: &[u8], content: &[u8]| {
            hash.update(&(name.len() as u64).to_le_bytes()).update(name);
            hash.update(&(content.len() as u64).to_le_bytes()).update(content);
        };
        for (path, content) in files {
            add(path.as_os_str().as_bytes(), content.as_bytes());
        }
        for name in COMMON_TABLES {
            let table = name.split('.').try_fold(&workspace, |table, name| table.get(name).and_then(Value::as_table));
            add(name.as_bytes(), canonical(&table)?.as_bytes());
        }
        for (name, dependency) in crates.shared {
            add(name.as_bytes(), canonical(&dependency)?.as_bytes());
        }
        let path = self.root.join("Cargo.lock");
        let lockfile = std::fs::read_to_string(&path).map_err(BuildError::at("read", &path))?;
        let packages = lockfile::packages_below(&lockfile, &crates.packages)
            .map_err(|error| BuildError::Manifest { path, reason: error.message().to_owned() })?;
        add(b"Cargo.lock", packages.as_bytes());
        Ok(hash.finalize())
    }

    /// A crate and the crates of this workspace that it depends on.
    fn crates_below(&self, folder: &str, workspace: &Table) -> Result<Crates, BuildError> {
        let dependencies_of_workspace = workspace
            .get("workspace")
            .and_then(|workspace| workspace.get("dependencies"))
            .and_then(Value::as_table)
            .cloned()
            .unwrap_or_default();
        let mut crates = Crates::default();
        let mut open = vec![self.root.join(folder)];
        while let Some(folder) = open.pop() {
            if !crates.folders.insert(folder.clone()) {
                continue;
            }
            let manifest = read_manifest(&folder.join("Cargo.toml"))?;
            let name = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
            crates.packages.extend(name.map(str::to_owned));
            for (name, dependency) in dependencies(&manifest) {
                let from_workspace = dependency.get("workspace").and_then(Value::as_bool) == Some(true);
                let (base, dependency) = match dependencies_of_workspace.get(name) {
                    Some(shared) if from_workspace => {
                        crates.shared.insert(name.to_owned(), shared.clone());
                        (&self.root, shared)
                    }
                    _ => (&folder, dependency),
                };
                if let Some(path) = dependency.get("path").and_then(Value::as_str) {
                    let path = base.join(path);
                    open.push(path.canonicalize().map_err(BuildError::at("read", &path))?);
                }
            }
        }
        Ok(crates)
    }
}

/// A crate with those of this workspace that it depends on.
#[derive(Default)]
struct Crates {
    folders: BTreeSet<PathBuf>,
    /// Their names.
    packages: BTreeSet<String>,
    /// What they take from the workspace's dependencies.
    shared: BTreeMap<String, Value>,
}

/// A part of a manifest without its formatting.
fn canonical(part: &impl serde::Serialize) -> Result<String, BuildError> {
    serde_json::to_string(part)
        .map_err(|error| BuildError::Manifest { path: PathBuf::from("Cargo.toml"), reason: error.to_string() })
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
fn add_files(root: &Path, path: &Path, files: &mut BTreeMap<PathBuf, blake3::Hash>) -> Result<(), BuildError> {
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

    const WORKSPACE: &str = "[workspace.dependencies]\nused = { path = \"used\" }\n";

    fn manifest_of(package: &str) -> String {
        format!("[package]\nname = \"{package}\"\n")
    }

    /// A workspace of an image, a library it uses and a crate it does not use.
    fn workspace(folder: &Path) -> SourceTree {
        let crates = [
            ("runtimes/image", "[dependencies]\nused.workspace = true\n"),
            ("used", "[target.'cfg(unix)'.dependencies]\ndeep = { path = \"../deep\" }\n"),
            ("deep", ""),
            ("unused", ""),
        ];
        for (name, manifest) in crates {
            let package = name.rsplit('/').next().unwrap();
            fs::create_dir_all(folder.join(name).join("src")).unwrap();
            fs::create_dir_all(folder.join(name).join("tests")).unwrap();
            fs::write(folder.join(name).join("Cargo.toml"), format!("{}{manifest}", manifest_of(package))).unwrap();
            fs::write(folder.join(name).join("src/lib.rs"), name).unwrap();
        }
        fs::write(folder.join("Cargo.toml"), WORKSPACE).unwrap();
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
        fs::write(folder.path().join("Cargo.toml"), format!("{WORKSPACE}unused = {{ path = \"unused\" }}\n")).unwrap();
        fs::write(folder.path().join("Cargo.lock"), "[[package]]\nname = \"unused\"\nversion = \"1.0.0\"\n").unwrap();
        assert_eq!(hash(), first, "of another crate");
        for (inside, content) in [
            ("runtimes/image/src/lib.rs", "changed".to_owned()),
            ("used/src/more.rs", "changed".to_owned()),
            ("deep/src/lib.rs", "changed".to_owned()),
            ("deep/Cargo.toml", manifest_of("deep") + "# changed"),
            ("Cargo.lock", "[[package]]\nname = \"deep\"\nversion = \"1.0.1\"\n".to_owned()),
            ("Cargo.toml", format!("{WORKSPACE}[profile.image]\nopt-level = 1\n")),
        ] {
            let before = hash();
            fs::write(folder.path().join(inside), content).unwrap();
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
        let workspace = read_manifest(&source.root().join("Cargo.toml")).unwrap();
        let crates = source.crates_below("runtimes/image", &workspace).unwrap().folders;
        for folder in
            ["functions/lab", "functions/thumbnailer", "runtimes/lambda", "runtimes/runtime", "runtimes/native"]
        {
            assert!(crates.contains(&source.root().join(folder)), "{folder} of {crates:?}");
        }
        assert!(!crates.iter().any(|folder| folder.starts_with(source.root().join("host"))), "{crates:?}");
    }
}
