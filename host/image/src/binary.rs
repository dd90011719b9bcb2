//! Native binaries, built by cargo when the cache does not have them.

use std::path::{Path, PathBuf};

use crate::cache::{Cache, CacheLock, write};
use crate::cargo::CargoBuild;
use crate::error::BuildError;
use crate::kind::{Image, ImageKind};
use crate::options::{Architecture, Options};
use crate::package::sha256;
use crate::source::SourceTree;
use crate::toolchain;

/// How often a build is repeated because its sources changed under it.
const ATTEMPTS: u32 = 4;

/// Binaries of one crate for one architecture.
pub(crate) struct Binaries<'a> {
    pub(crate) cache: &'a Cache,
    pub(crate) source: &'a SourceTree,
    /// The crate's folder in the sources.
    pub(crate) folder: &'static str,
    pub(crate) package: &'static str,
    /// Cargo's.
    pub(crate) profile: &'static str,
    pub(crate) architecture: Architecture,
    pub(crate) options: &'a Options,
}

/// A binary, and whether the cache had it.
#[derive(Debug, Clone)]
pub(crate) struct Binary {
    pub(crate) image: Image,
    pub(crate) was_cached: bool,
}

impl Binaries<'_> {
    /// The binaries of these names, in their order.
    pub(crate) fn get(&self, names: &[&str]) -> Result<Vec<Binary>, BuildError> {
        let mut lock: Option<CacheLock> = None;
        for _ in 0..ATTEMPTS {
            let key = self.key()?;
            let entry = |name: &str| format!("{name}-{}-{key}", self.architecture);
            let found: Vec<Option<Image>> =
                names.iter().map(|name| self.cache.find(&entry(name), self.options)).collect();
            let missing: Vec<&str> =
                names.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(name, _)| *name).collect();
            if missing.is_empty() {
                let found = found.into_iter().flatten();
                return Ok(found.map(|image| Binary { image, was_cached: true }).collect());
            }
            if lock.is_none() {
                // Whoever held it before may have built the very same.
                lock = Some(self.cache.lock(self.options)?);
                continue;
            }
            let cargo = CargoBuild {
                source: self.source.root(),
                target_directory: &self.target_directory(),
                package: self.package,
                profile: self.profile,
                binaries: missing.iter().map(|name| (*name).to_owned()).collect(),
                architecture: self.architecture,
                protocol: self.options.protocol,
            };
            let made = cargo.run(self.options)?;
            if self.key()? != key {
                continue;
            }
            let mut binaries = Vec::new();
            for (name, found) in names.iter().zip(found) {
                binaries.push(match (found, made.get(*name)) {
                    (Some(image), _) => Binary { image, was_cached: true },
                    (None, Some(path)) => Binary { image: self.store(name, &entry(name), path)?, was_cached: false },
                    (None, None) => {
                        return Err(BuildError::Damaged {
                            path: self.target_directory(),
                            reason: format!("cargo did not say where {name} is"),
                        });
                    }
                });
            }
            return Ok(binaries);
        }
        Err(BuildError::SourcesChanged { folder: self.source.root().to_owned() })
    }

    /// Changes with everything that the binaries are made of and with.
    fn key(&self) -> Result<String, BuildError> {
        let mut hash = blake3::Hasher::new();
        let protocol = self.options.protocol.map_or("all", |protocol| protocol.name());
        for part in [self.package, self.architecture.target(), self.profile, protocol] {
            hash.update(part.as_bytes()).update(b"\0");
        }
        hash.update(toolchain::rustc_version(self.source.root())?.as_bytes()).update(b"\0");
        hash.update(self.source.hash(self.folder)?.as_bytes());
        Ok(hash.finalize().to_hex()[..32].to_owned())
    }

    fn store(&self, name: &str, entry: &str, path: &Path) -> Result<Image, BuildError> {
        self.cache.store(entry, |folder| {
            let content = std::fs::read(path).map_err(BuildError::at("read", path))?;
            let place = folder.join(name);
            write(&place, &content)?;
            let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&place, executable).map_err(BuildError::at("make executable", &place))?;
            let digest = sha256(&content);
            Ok(Image {
                function: name.to_owned(),
                kind: ImageKind::Binary,
                path: PathBuf::from(name),
                digest: digest.clone(),
                code_digest: digest,
                bytes: content.len() as u64,
                code_bytes: content.len() as u64,
                architecture: self.architecture.name().to_owned(),
            })
        })
    }

    /// The workspace's own target folder, so that nothing is compiled twice; one in the cache when that can't be written. A
    /// binary with a single protocol has the name of that with all, so it is built elsewhere.
    fn target_directory(&self) -> PathBuf {
        let chosen = std::env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty()).map(PathBuf::from);
        let own = chosen.map_or_else(|| self.source.root().join("target"), |folder| self.source.root().join(folder));
        let usable = std::fs::create_dir_all(&own).is_ok()
            && rustix::fs::access(&own, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok();
        let target = if usable { own } else { self.cache.folder().join("target") };
        if self.options.protocol.is_some() { target.join("single-protocol") } else { target }
    }
}
