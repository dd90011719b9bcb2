//! Which installation of which platform is meant.

use std::path::PathBuf;

use super::find::beside;
use super::{ConfigurationError, File, Settings};
use crate::paths::CacheFolders;
use crate::platforms;

/// A configuration whose targets are known to be sound.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Configuration {
    path: Option<PathBuf>,
    file: File,
}

/// An installation of a platform, and what deployments are given there.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Its name: the configuration's, or the platform's own.
    pub name: String,
    /// The platform's name.
    pub platform: &'static str,
    /// Where it is reached, if that is said.
    pub endpoint: Option<String>,
    /// Where images are pushed, if that is said.
    pub registry: Option<String>,
    /// Names of variables that let remote instances use the storage.
    pub storage_environment: Vec<String>,
    /// What only this platform has.
    pub options: serde_json::Map<String, serde_json::Value>,
    /// Object storage of the functions, if that is said: a URL, or an absolute path.
    pub storage: Option<String>,
    /// What deployments are given.
    pub settings: Settings,
}

impl Target {
    /// The folder of this machine that generated inputs are made in: the functions' storage where it is a folder.
    pub fn folder_of_objects(&self, folders: &CacheFolders) -> PathBuf {
        match &self.storage {
            Some(storage) if !storage.contains("://") => PathBuf::from(storage),
            _ => folders.objects(),
        }
    }
}

impl Configuration {
    pub(super) fn new(path: Option<PathBuf>, file: File) -> Result<Configuration, ConfigurationError> {
        let configuration = Configuration { path, file };
        let path = || configuration.path.clone().unwrap_or_default();
        let unsound =
            |target: &str, source| ConfigurationError::Settings { path: path(), target: target.to_owned(), source };
        configuration.file.defaults.settings().check().map_err(|source| unsound("defaults", source))?;
        for (name, table) in &configuration.file.targets {
            let wrong = |reason| ConfigurationError::Target { path: path(), target: name.clone(), reason };
            let platform = platforms::find(&table.platform).map_err(|error| wrong(error.to_string()))?;
            if name != platform.name && platforms::find(name).is_ok() {
                return Err(wrong(format!(
                    "it is named as a platform and is one of {}; choose another name",
                    platform.name
                )));
            }
            configuration.settings_of(name).check().map_err(|source| unsound(name, source))?;
        }
        Ok(configuration)
    }

    /// The file that it was read from.
    pub fn path(&self) -> Option<&PathBuf> {
        self.path.as_ref()
    }

    /// The target of that name, or the platform's own.
    ///
    /// # Errors
    /// When there is none; the error lists those that there are.
    pub fn target(&self, name: &str) -> Result<Target, ConfigurationError> {
        let table = self.file.targets.get(name);
        let sought = table.map_or(name, |table| table.platform.as_str());
        let Ok(platform) = platforms::find(sought) else {
            return Err(ConfigurationError::Unknown {
                name: name.to_owned(),
                platforms: platforms::names(),
                targets: self.file.targets.keys().cloned().collect(),
                path: self.path.clone(),
            });
        };
        // A folder of this machine is nothing to platforms elsewhere.
        let of_all = self.file.defaults.storage.as_ref();
        let of_all = of_all.filter(|storage| platform.on_this_machine || storage.contains("://"));
        let storage = table.and_then(|table| table.storage.as_ref()).or(of_all);
        Ok(Target {
            name: name.to_owned(),
            platform: platform.name,
            endpoint: table.and_then(|table| table.endpoint.clone()),
            registry: table.and_then(|table| table.registry.clone()),
            storage_environment: table.map(|table| table.storage_env.clone()).unwrap_or_default(),
            options: table.map(|table| table.options.clone()).unwrap_or_default(),
            storage: storage.map(|storage| match storage.contains("://") {
                true => storage.clone(),
                // As seen from the file, not from wherever somebody stands.
                false => beside(self.path.as_ref(), storage).to_string_lossy().into_owned(),
            }),
            settings: self.settings_of(name),
        })
    }

    /// Whether the file has a table for this target.
    pub fn names(&self, target: &str) -> bool {
        self.file.targets.contains_key(target)
    }

    /// All targets, the platforms' own among them where none is named so.
    pub fn targets(&self) -> Vec<Target> {
        let own = platforms::CATALOGUE.iter().map(|platform| platform.name.to_owned());
        let mut names: Vec<String> = own.collect();
        names.extend(self.file.targets.keys().filter(|name| platforms::find(name).is_err()).cloned());
        // Each was found when the configuration was made.
        names.iter().filter_map(|name| self.target(name).ok()).collect()
    }

    fn settings_of(&self, name: &str) -> Settings {
        let defaults = self.file.defaults.settings();
        match self.file.targets.get(name) {
            Some(table) => table.settings().or(&defaults),
            None => defaults,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn configuration(text: &str) -> Result<Configuration, ConfigurationError> {
        Configuration::new(Some("/etc/lab/faasbench.toml".into()), toml::from_str(text).unwrap())
    }

    #[test]
    fn several_targets_may_be_of_one_platform() {
        let configuration = configuration(
            "[defaults]\ncpu = 0.5\nstorage = 'objects'\n[targets.docker]\nplatform = 'container'\n[targets.podman]\nplatform = \
             'container'\nendpoint = 'unix:///run/podman.sock'\ncpu = 2\nstorage = 's3://bucket'",
        )
        .unwrap();
        let [docker, podman] = ["docker", "podman"].map(|name| configuration.target(name).unwrap());
        assert_eq!((docker.platform, podman.platform), ("container", "container"));
        assert_eq!((docker.settings.cpus, podman.settings.cpus), (Some(0.5), Some(2.0)));
        assert_eq!(docker.storage.as_deref(), Some("/etc/lab/objects"));
        assert_eq!(podman.storage.as_deref(), Some("s3://bucket"));
        assert_eq!(podman.endpoint.as_deref(), Some("unix:///run/podman.sock"));
        let names: Vec<String> = configuration.targets().into_iter().map(|target| target.name).collect();
        assert!(names.ends_with(&["docker".to_owned(), "podman".to_owned()]) && names.contains(&"wasm".to_owned()));
    }

    #[test]
    fn a_platform_is_a_target_without_being_named() {
        let target = Configuration::default().target("process").unwrap();
        assert_eq!((target.name.as_str(), target.platform), ("process", "process"));
        let error = Configuration::default().target("lamda").unwrap_err().to_string();
        assert!(error.contains("lamda") && error.contains("process"), "{error}");
    }

    #[test]
    fn unsound_targets_are_refused() {
        for (text, part) in [
            ("[targets.a]\nplatform = 'mainframe'", "mainframe"),
            ("[targets.wasm]\nplatform = 'process'", "another name"),
            ("[defaults]\nmin = 3\n[targets.a]\nplatform = 'wasm'\nmax = 2", "at least 3"),
            ("[defaults]\ncpu = 0", "cpu"),
        ] {
            let error = configuration(text).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("/etc/lab/faasbench.toml"), "{error}");
        }
    }
}
