//! The two programs: how each is told what to serve, and within which limits.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use image_kind::ImageKind;
use platform::{DeploymentSpec, PlatformError};

use super::folder::Folder;
use crate::component::check_takes_environment;
use crate::spec;

/// The smallest memory that a composed component can begin with, bytes.
const LEAST_MEMORY_BYTES: u64 = 2 << 20;
/// The name of a component in a deployment's folder.
const COMPONENT: &str = "function.wasm";
/// The name of Spin's manifest.
const MANIFEST: &str = "spin.toml";

/// A program that serves components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    WasmtimeServe,
    Spin,
}

/// The variables of an instance.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables {
    /// All of them.
    pub(super) all: BTreeMap<String, String>,
    /// The names of those that command lines must not show.
    pub(super) secret: Vec<String>,
}

impl Program {
    /// The platform's name.
    pub(super) fn platform(self) -> &'static str {
        match self {
            Program::WasmtimeServe => "wasmtime-serve",
            Program::Spin => "spin",
        }
    }

    pub(super) fn image_kind(self) -> ImageKind {
        match self {
            Program::WasmtimeServe => ImageKind::HttpComponent,
            Program::Spin => ImageKind::SpinApplication,
        }
    }

    /// The program to run: the named one, the variable's, or the usual one.
    pub(super) fn path(self, named: Option<&Path>) -> PathBuf {
        let (variable, usual) = match self {
            Program::WasmtimeServe => ("WASMTIME", "wasmtime"),
            Program::Spin => ("SPIN", "spin"),
        };
        let variable = std::env::var_os(variable).filter(|value| !value.is_empty());
        named.map(Path::to_path_buf).or(variable.map(PathBuf::from)).unwrap_or_else(|| usual.into())
    }

    /// How to get the program.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Program::WasmtimeServe => {
                "install it (`cargo install wasmtime-cli`), or name it in WASMTIME or the target's option `program`"
            }
            Program::Spin => {
                "install it (https://spinframework.dev), or name it in SPIN or the target's option `program`"
            }
        }
    }

    /// Whether limits of memory and time can be set.
    pub(super) fn has_limits(self) -> bool {
        self == Program::WasmtimeServe
    }

    /// Where it answers by itself that it serves: a health path of its own, or of the component.
    pub(super) fn health(self) -> &'static str {
        match self {
            Program::WasmtimeServe => "_/health",
            Program::Spin => ".well-known/spin/health",
        }
    }

    /// Refuses what it can't keep.
    pub(super) fn check(self, asked: &DeploymentSpec) -> Result<(), PlatformError> {
        spec::check(asked, self.platform(), self.image_kind())?;
        let (name, limits) = (&asked.name, &asked.limits);
        let refused = |what: &str| {
            let platform = self.platform();
            Err(PlatformError::Invalid(format!("{name} asks for {what}, which {platform} can't keep; leave it out")))
        };
        if limits.cpus.is_some() {
            return refused("a share of processors");
        }
        if !self.has_limits() {
            if limits.memory_bytes.is_some() {
                return refused("a limit of memory");
            }
            if limits.time.is_some() {
                return refused("a limit of time");
            }
        }
        if let Some(bytes) =
            limits.memory_bytes.filter(|&bytes| bytes < LEAST_MEMORY_BYTES || bytes > u64::from(u32::MAX))
        {
            return Err(PlatformError::Invalid(format!(
                "{name} asks for {bytes} bytes of memory; a component has {LEAST_MEMORY_BYTES} to {}",
                u32::MAX
            )));
        }
        if limits.time.is_some_and(|time| time.as_millis() == 0) {
            return Err(PlatformError::Invalid(format!("{name} asks for a time limit of less than 1 ms")));
        }
        Ok(())
    }

    /// Refuses an image that would not get its settings.
    pub(super) fn check_image(self, asked: &DeploymentSpec) -> Result<(), PlatformError> {
        match self {
            Program::WasmtimeServe => check_takes_environment(&asked.image.path, self.platform()),
            // The manifest alone tells where the component is.
            Program::Spin => manifest(&asked.image.path, &Variables::default())
                .and_then(|(_, source)| check_takes_environment(&asked.image.path.join(source), self.platform())),
        }
    }

    /// Puts what is served into the folder, as it is now: later builds don't change it.
    pub(super) fn prepare(
        self,
        folder: &Folder,
        asked: &DeploymentSpec,
        variables: &Variables,
    ) -> Result<PathBuf, PlatformError> {
        let image = &asked.image.path;
        let failed = |error: io::Error| PlatformError::Failed {
            platform: self.platform().to_owned(),
            doing: format!("copying {} into {}", image.display(), folder.path().display()),
            reason: error.to_string(),
        };
        match self {
            Program::WasmtimeServe => {
                let component = std::fs::read(image).map_err(failed)?;
                folder.write(COMPONENT, &component).map_err(failed)
            }
            Program::Spin => {
                let (manifest, source) = manifest(image, variables)?;
                let component = std::fs::read(image.join(source)).map_err(failed)?;
                folder.write(COMPONENT, &component).map_err(failed)?;
                folder.write(MANIFEST, manifest.as_bytes()).map_err(failed)
            }
        }
    }

    /// The arguments with which it serves `served` at `listen`. Values of secret variables are not among them.
    pub(super) fn arguments(
        self,
        asked: &DeploymentSpec,
        variables: &Variables,
        listen: &str,
        served: &str,
    ) -> Vec<String> {
        let mut arguments: Vec<String> = Vec::new();
        match self {
            Program::WasmtimeServe => {
                arguments.extend(["serve", "--addr", listen, "-S", "cli"].map(str::to_owned));
                if let Some(bytes) = asked.limits.memory_bytes {
                    arguments.extend(["-W".to_owned(), format!("max-memory-size={bytes}")]);
                }
                if let Some(time) = asked.limits.time {
                    arguments.extend(["-W".to_owned(), format!("timeout={}ms", time.as_millis())]);
                }
                for (name, value) in &variables.all {
                    // A name alone: its value is taken from the program's own environment.
                    let is_secret = variables.secret.contains(name);
                    arguments.push("--env".to_owned());
                    arguments.push(if is_secret { name.clone() } else { format!("{name}={value}") });
                }
                arguments.push(served.to_owned());
            }
            // Variables are in the manifest.
            Program::Spin => {
                arguments.extend(["up", "--from", served, "--listen", listen].map(str::to_owned));
            }
        }
        arguments
    }

    /// Variables of the program's own environment.
    pub(super) fn own_variables(self, variables: &Variables) -> Vec<(String, String)> {
        match self {
            Program::WasmtimeServe => {
                let is_secret = |(name, _): &(&String, &String)| variables.secret.contains(name);
                let secret = variables.all.iter().filter(is_secret);
                secret.map(|(name, value)| (name.clone(), value.clone())).collect()
            }
            Program::Spin => Vec::new(),
        }
    }
}

/// The manifest of a Spin application in `folder` with these variables, and where its component is. The functions may send
/// requests to wherever their variables say.
fn manifest(folder: &Path, variables: &Variables) -> Result<(String, PathBuf), PlatformError> {
    let path = folder.join(MANIFEST);
    let wrong = |reason: String| {
        PlatformError::Invalid(format!("{} can't be used: {reason}; build the application again", path.display()))
    };
    let text = std::fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
    let mut manifest: toml::Table = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let components = manifest.get_mut("component").and_then(toml::Value::as_table_mut);
    let mut components = components.into_iter().flatten();
    let (Some((_, toml::Value::Table(component))), None) = (components.next(), components.next()) else {
        return Err(wrong("it does not have one component".to_owned()));
    };
    let source = component.get("source").and_then(toml::Value::as_str).map(PathBuf::from);
    let is_inside = |source: &PathBuf| source.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    let source =
        source.filter(is_inside).ok_or_else(|| wrong("its component has no source inside of the folder".to_owned()))?;
    component.insert("source".to_owned(), COMPONENT.into());
    let environment = variables.all.iter().map(|(name, value)| (name.clone(), value.clone().into()));
    component.insert("environment".to_owned(), toml::Value::Table(environment.collect()));
    let hosts = component.entry("allowed_outbound_hosts").or_insert_with(|| toml::Value::Array(Vec::new()));
    if let toml::Value::Array(hosts) = hosts {
        let asked = ["FAASBENCH_STORAGE", "FAASBENCH_INVOKE_URL", "AWS_ENDPOINT_URL"];
        for origin in asked.iter().filter_map(|name| origin(variables.all.get(*name)?)) {
            hosts.push(origin.into());
        }
    }
    let text = toml::to_string(&manifest).map_err(|error| wrong(error.to_string()))?;
    Ok((text, source))
}

/// The scheme, host and port of an address of HTTP.
fn origin(address: &str) -> Option<String> {
    let url = remote_platform::Url::parse(address).ok()?;
    let port = url.port_or_known_default()?;
    matches!(url.scheme(), "http" | "https")
        .then(|| format!("{}://{}:{port}", url.scheme(), url.host_str().unwrap_or_default()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        let all = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Variables { all, secret: Vec::new() }
    }

    #[test]
    fn the_manifest_gets_variables_and_lets_requests_out_to_what_they_name() {
        let folder = tempfile::tempdir().unwrap();
        let text = "[component.a]\nsource = \"a.wasm\"\nallowed_outbound_hosts = [\"http://127.0.0.1:*\"]\n";
        std::fs::write(folder.path().join(MANIFEST), text).unwrap();
        let given = variables(&[("A", "\"b\"\n[c]"), ("FAASBENCH_INVOKE_URL", "http://gate:81/{name}")]);
        let (text, source) = manifest(folder.path(), &given).unwrap();
        assert_eq!(source, Path::new("a.wasm"));
        let read: toml::Table = toml::from_str(&text).unwrap();
        let component = &read["component"]["a"];
        assert_eq!(component["environment"]["A"].as_str(), Some("\"b\"\n[c]"));
        assert_eq!(component["allowed_outbound_hosts"][1].as_str(), Some("http://gate:81"));
        assert_eq!(component["source"].as_str(), Some(COMPONENT));
    }

    #[test]
    fn a_manifest_that_leads_out_of_its_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (text, said) in [
            ("[component.a]\nsource = \"../a.wasm\"", "inside of the folder"),
            ("[component.a]\nsource = \"/etc/passwd\"", "inside of the folder"),
            ("[component.a]\nsource = \"a\"\n[component.b]\nsource = \"b\"", "one component"),
            ("[component", "can't be used"),
        ] {
            std::fs::write(folder.path().join(MANIFEST), text).unwrap();
            let error = manifest(folder.path(), &Variables::default()).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
