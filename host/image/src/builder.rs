//! From functions and a platform to images.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::binary::{Binaries, Binary};
use crate::cache::{Cache, write};
use crate::error::BuildError;
use crate::export;
use crate::http_component::{self, HttpEnvironment, compose_http};
use crate::kind::{Image, ImageKind};
use crate::options::{Architecture, Options, Progress};
use crate::package::{self, Code, sha256};
use crate::platforms::images_of;
use crate::source::SourceTree;

/// Builds images, and keeps them in a cache by what they are made of.
#[derive(Debug, Clone)]
pub struct Builder {
    cache: Cache,
    source: Option<PathBuf>,
}

/// An image, and what it took to get it.
#[derive(Debug, Clone)]
pub struct Built {
    /// The image.
    pub image: Image,
    /// Whether it was there already.
    pub was_cached: bool,
    /// From the beginning of the build until this image was there; it holds what was compiled and packaged before it.
    pub took: Duration,
}

/// What goes into the images of one function.
enum Material {
    Component {
        content: Vec<u8>,
        digest: String,
    },
    Binaries {
        /// One for each architecture.
        code: Vec<Binary>,
        /// The program that carries nested calls, for images that have it beside theirs: one for each architecture.
        callers: Vec<Binary>,
    },
}

/// The names of all functions that there are images of.
pub fn function_names() -> Vec<&'static str> {
    artifacts::COMPONENTS.iter().map(|(name, _)| *name).collect()
}

impl Builder {
    /// A builder that keeps its images in `cache`, a folder that is created when it is missing. Native binaries are built from
    /// the sources that `FAASBENCH_SOURCE` names, or those that this was compiled from.
    ///
    /// # Errors
    /// When the folder can't be made, or others may write into it.
    pub fn open(cache: impl Into<PathBuf>) -> Result<Builder, BuildError> {
        Ok(Builder { cache: Cache::open(cache.into())?, source: None })
    }

    /// The same with the sources in this folder, whatever the environment says.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<PathBuf>) -> Builder {
        self.source = Some(source.into());
        self
    }

    /// Images of these functions for this platform, in their order; no functions: of all. It takes minutes when cargo has to
    /// compile, and milliseconds when it was built before. It blocks: call it from a thread that may.
    ///
    /// # Errors
    /// When a name is unknown, the toolchain is incomplete, cargo fails, or a file can't be read or written.
    pub fn build(&self, functions: &[&str], platform: &str, options: &Options) -> Result<Vec<Built>, BuildError> {
        let row = images_of(platform)?;
        let kind = row.choose(options.kind)?;
        row.check_protocol(options.protocol)?;
        let mut options = options.clone();
        // Every platform gives an instance its environment.
        options.http_environment.get_or_insert(HttpEnvironment::OfHost);
        self.build_kind(functions, kind, &options)
    }

    /// The same for a kind of image, whatever platform it is for. The kind in the options is not looked at.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn build_kind(&self, functions: &[&str], kind: ImageKind, options: &Options) -> Result<Vec<Built>, BuildError> {
        let begin = Instant::now();
        let functions = known(functions)?;
        let materials = if kind.is_wasm() {
            functions.iter().map(|function| self.component(function)).collect::<Result<Vec<_>, _>>()?
        } else {
            self.binaries(&functions, kind, options)?
        };
        let mut built = Vec::new();
        for (function, material) in functions.iter().zip(materials) {
            options.cancellation.check()?;
            let (mut image, was_cached) = self.package(function, kind, &material, options)?;
            if let Some(folder) = &options.output {
                image = export::export(&image, folder)?;
            }
            built.push(Built { image, was_cached, took: begin.elapsed() });
        }
        Ok(built)
    }

    /// The program that starts native images inside their limits, for this machine.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn launcher(&self, options: &Options) -> Result<PathBuf, BuildError> {
        let source = SourceTree::find(self.source.as_deref())?;
        // It has no protocols to choose among.
        let options = Options { protocol: None, ..options.clone() };
        let binaries = Binaries {
            cache: &self.cache,
            source: &source,
            folder: "runtimes/launcher",
            package: "launcher",
            profile: "launcher",
            architecture: this_machine()?,
            options: &options,
        };
        let mut found = binaries.get(&["launcher"])?;
        found
            .pop()
            .map(|binary| binary.image.path)
            .ok_or_else(|| BuildError::UnknownFunction { name: "launcher".to_owned() })
    }

    fn component(&self, function: &str) -> Result<Material, BuildError> {
        let content = artifacts::component(function)
            .ok_or_else(|| BuildError::UnknownFunction { name: function.to_owned() })?
            .to_vec();
        Ok(Material::Component { digest: sha256(&content), content })
    }

    fn binaries(
        &self,
        functions: &[&'static str],
        kind: ImageKind,
        options: &Options,
    ) -> Result<Vec<Material>, BuildError> {
        let mut architectures = options.architectures.clone();
        if architectures.is_empty() {
            architectures.push(this_machine()?);
        }
        architectures.sort_unstable();
        architectures.dedup();
        if architectures.len() > 1 && !kind.is_oci() {
            return Err(BuildError::OneArchitecture { kind });
        }
        let source = SourceTree::find(self.source.as_deref())?;
        let mut materials: Vec<Vec<Binary>> = functions.iter().map(|_| Vec::new()).collect();
        let mut callers = Vec::new();
        for architecture in architectures {
            if kind.has_caller() {
                callers.push(self.caller(&source, architecture, options)?);
            }
            let binaries = Binaries {
                cache: &self.cache,
                source: &source,
                folder: "runtimes/image",
                package: "images",
                profile: "image",
                architecture,
                options,
            };
            for (material, binary) in materials.iter_mut().zip(binaries.get(functions)?) {
                material.push(binary);
            }
        }
        let material = |code| Material::Binaries { code, callers: callers.clone() };
        Ok(materials.into_iter().map(material).collect())
    }

    /// The program that carries nested calls over TLS.
    fn caller(&self, source: &SourceTree, architecture: Architecture, options: &Options) -> Result<Binary, BuildError> {
        // It has no protocols to choose among.
        let options = Options { protocol: None, ..options.clone() };
        let binaries = Binaries {
            cache: &self.cache,
            source,
            folder: "runtimes/caller",
            package: "nested-caller",
            profile: "image",
            architecture,
            options: &options,
        };
        let found = binaries.get(&[package::CALLER])?.pop();
        found.ok_or_else(|| BuildError::UnknownFunction { name: package::CALLER.to_owned() })
    }

    /// The image of one function, and whether it was there already.
    fn package(
        &self,
        function: &str,
        kind: ImageKind,
        material: &Material,
        options: &Options,
    ) -> Result<(Image, bool), BuildError> {
        if let (ImageKind::Binary, Material::Binaries { code, .. }) = (kind, material)
            && let [binary] = code.as_slice()
        {
            return Ok((binary.image.clone(), binary.was_cached));
        }
        let mut hash = blake3::Hasher::new();
        for part in [&package::FORMAT.to_string(), function, kind.name()] {
            hash.update(part.as_bytes()).update(b"\0");
        }
        let compiled_now = match material {
            Material::Component { digest, .. } => {
                hash.update(digest.as_bytes());
                if kind != ImageKind::Component {
                    hash.update(http_component::adapter_digest().as_bytes());
                    match environment(kind, options) {
                        HttpEnvironment::OfHost => hash.update(b"host"),
                        HttpEnvironment::Fixed(variables) => {
                            variables.iter().fold(hash.update(b"fixed"), |hash, (name, value)| {
                                hash.update(name.as_bytes()).update(b"=").update(value.as_bytes()).update(b"\0")
                            })
                        }
                    };
                }
                false
            }
            Material::Binaries { code, callers } => {
                for binary in code.iter().chain(callers) {
                    hash.update(binary.image.architecture.as_bytes()).update(binary.image.digest.as_bytes());
                }
                code.iter().chain(callers).any(|binary| !binary.was_cached)
            }
        };
        let name = format!("{function}-{kind}-{}", &hash.finalize().to_hex()[..32]);
        if let Some(image) = self.cache.find(&name, options) {
            return Ok((image, !compiled_now));
        }
        options.tell(Progress::Packaging { function: function.to_owned(), kind });
        let image = self.cache.store(&name, |folder| match material {
            Material::Component { content, .. } => {
                package_component(folder, function, kind, content, &environment(kind, options))
            }
            Material::Binaries { code, callers } => package_binaries(folder, function, kind, code, callers),
        })?;
        Ok((image, false))
    }
}

/// Where a component that serves HTTP takes its settings from, unless something is said: from Spin, or from nowhere.
fn environment(kind: ImageKind, options: &Options) -> HttpEnvironment {
    options.http_environment.clone().unwrap_or_else(|| match kind {
        ImageKind::SpinApplication => HttpEnvironment::OfHost,
        _ => HttpEnvironment::Fixed(BTreeMap::new()),
    })
}

fn package_component(
    folder: &Path,
    function: &str,
    kind: ImageKind,
    component: &[u8],
    environment: &HttpEnvironment,
) -> Result<Image, BuildError> {
    let composed;
    let code = if kind == ImageKind::Component {
        component
    } else {
        composed = compose_http(function, component, environment)?;
        &composed
    };
    let code_digest = sha256(code);
    let (path, digest) = if kind == ImageKind::SpinApplication {
        (PathBuf::from(function), package::write_application(folder, function, code)?)
    } else {
        let path = PathBuf::from(format!("{function}.wasm"));
        write(&folder.join(&path), code)?;
        (path, code_digest.clone())
    };
    Ok(Image {
        function: function.to_owned(),
        kind,
        bytes: export::size(&folder.join(&path))?,
        path,
        digest,
        code_digest,
        code_bytes: code.len() as u64,
        architecture: "wasm32".to_owned(),
    })
}

fn package_binaries(
    folder: &Path,
    function: &str,
    kind: ImageKind,
    binaries: &[Binary],
    callers: &[Binary],
) -> Result<Image, BuildError> {
    let read = |binary: &Binary| {
        let path = &binary.image.path;
        std::fs::read(path).map_err(BuildError::at("read", path))
    };
    let mut codes = Vec::new();
    for binary in binaries {
        let caller = callers.iter().find(|caller| caller.image.architecture == binary.image.architecture);
        codes.push(Code {
            architecture: binary.image.architecture.parse()?,
            binary: read(binary)?,
            digest: binary.image.code_digest.clone(),
            caller: caller.map(read).transpose()?,
        });
    }
    let first = codes.first().ok_or(BuildError::OneArchitecture { kind })?;
    let (path, digest) = if kind.is_oci() {
        let with_health_check = kind == ImageKind::OciWithHealthCheck;
        (PathBuf::from(function), package::write_layout(folder, function, &codes, with_health_check)?)
    } else {
        let path = PathBuf::from(format!("{function}.zip"));
        let content = match kind {
            ImageKind::LambdaZip => package::lambda_zip(&first.binary, first.caller.as_deref()),
            ImageKind::OpenWhiskZip => package::single_file_zip("exec", &first.binary),
            ImageKind::AzureZip => package::azure_zip(function, &first.binary, first.caller.as_deref()),
            _ => package::single_file_zip(function, &first.binary),
        };
        let content = content.map_err(BuildError::at("package", &path))?;
        write(&folder.join(&path), &content)?;
        let digest = sha256(&content);
        (path, digest)
    };
    let architectures: Vec<&str> = codes.iter().map(|code| code.architecture.name()).collect();
    Ok(Image {
        function: function.to_owned(),
        kind,
        bytes: export::size(&folder.join(&path))?,
        path,
        digest,
        code_digest: first.digest.clone(),
        code_bytes: first.binary.len() as u64,
        architecture: architectures.join("+"),
    })
}

/// The functions asked for, each once; all when none is.
fn known(functions: &[&str]) -> Result<Vec<&'static str>, BuildError> {
    let names = function_names();
    if functions.is_empty() {
        return Ok(names);
    }
    let mut known = Vec::new();
    for function in functions {
        let name = names
            .iter()
            .find(|name| *name == function)
            .ok_or_else(|| BuildError::UnknownFunction { name: (*function).to_owned() })?;
        if !known.contains(name) {
            known.push(*name);
        }
    }
    Ok(known)
}

fn this_machine() -> Result<Architecture, BuildError> {
    Architecture::of_this_machine()
        .ok_or_else(|| BuildError::UnknownArchitecture { name: std::env::consts::ARCH.to_owned() })
}
