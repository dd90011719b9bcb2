//! The functions' storage, as an instance reaches it.

use std::fs;
use std::path::{Path, PathBuf};

use native::{Location, names_file};
use platform::PlatformError;

/// What a client of a service reads to find it.
const NETWORK_FILES: [&str; 4] = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/ssl/certs"];

/// What an instance reaches beyond its own sandbox.
pub(crate) struct Outside {
    pub(crate) storage: Storage,
    /// Where nested calls go.
    pub(crate) others_socket: PathBuf,
}

/// The functions' storage.
pub(crate) enum Storage {
    /// A directory, which becomes part of the instance's file system.
    Directory(PathBuf),
    /// A service, for which the instance has the network.
    Service { location: String, credentials: Vec<(&'static str, String)> },
}

impl Storage {
    /// The storage of that notation, with this process's credentials for it.
    ///
    /// # Errors
    /// For what is no location.
    pub(crate) fn parse(location: &str) -> Result<Storage, PlatformError> {
        Storage::with_variables(location, &|name| std::env::var(name).ok())
    }

    fn with_variables(location: &str, variables: &dyn Fn(&str) -> Option<String>) -> Result<Storage, PlatformError> {
        match Location::parse(location) {
            Ok(Location::Directory(path)) => Ok(Storage::Directory(path)),
            Ok(Location::Remote(remote)) => {
                let mut credentials = remote.service.set_variables(variables);
                for (_, value) in credentials.iter_mut().filter(|(name, _)| names_file(name)) {
                    // An instance has another working directory, and its links may lead to what it has not. What is no file
                    // is left as it is: the client tells.
                    if let Some(path) =
                        fs::canonicalize(&*value).ok().and_then(|path| path.into_os_string().into_string().ok())
                    {
                        *value = path;
                    }
                }
                Ok(Storage::Service { location: location.to_owned(), credentials })
            }
            Err(error) => Err(PlatformError::Invalid(format!("the storage can't be used: {}", error.message))),
        }
    }

    pub(crate) fn directory(&self) -> Option<&Path> {
        match self {
            Storage::Directory(path) => Some(path),
            Storage::Service { .. } => None,
        }
    }

    /// Whether it is reached over the network.
    pub(crate) fn needs_network(&self) -> bool {
        matches!(self, Storage::Service { .. })
    }

    pub(crate) fn credentials(&self) -> &[(&'static str, String)] {
        match self {
            Storage::Directory(_) => &[],
            Storage::Service { credentials, .. } => credentials,
        }
    }

    /// Files outside that are needed to reach it: those of the network, and those that credentials name.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        if !self.needs_network() {
            return Vec::new();
        }
        let named =
            self.credentials().iter().filter(|(name, _)| names_file(name)).map(|(_, value)| PathBuf::from(value));
        // A folder is no credential: it could be all of the disk.
        let named = named.filter(|path| path.is_absolute() && path.is_file());
        NETWORK_FILES.into_iter().map(PathBuf::from).filter(|path| path.exists()).chain(named).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_a_service_needs_the_network() {
        let directory = Storage::parse("file:///srv/objects").unwrap();
        assert_eq!(directory.directory(), Some(Path::new("/srv/objects")));
        assert!(!directory.needs_network() && directory.files().is_empty() && directory.credentials().is_empty());
        let service = Storage::parse("s3://bucket?endpoint=http://127.0.0.1:9000").unwrap();
        assert!(service.needs_network() && service.directory().is_none());
        assert!(Storage::parse("relative").is_err());
    }

    #[test]
    fn only_files_that_credentials_name_go_with_a_service() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().canonicalize().unwrap().join("key.json");
        fs::write(&key, "{}").unwrap();
        let indirect = folder.path().join(".").join("key.json");
        let files = |service: &str, name: &str, value: &Path| {
            let value = value.to_str().unwrap().to_owned();
            let storage = Storage::with_variables(service, &|asked| (asked == name).then(|| value.clone())).unwrap();
            (storage.files(), storage.credentials().to_vec())
        };
        let (found, credentials) = files("gs://bucket", "GOOGLE_APPLICATION_CREDENTIALS", &indirect);
        assert!(found.contains(&key), "{found:?}");
        assert_eq!(credentials, [("GOOGLE_APPLICATION_CREDENTIALS", key.to_str().unwrap().to_owned())]);
        // Another service's, one that names no file, and a folder.
        for (service, name, value) in [
            ("s3://bucket", "GOOGLE_APPLICATION_CREDENTIALS", key.as_path()),
            ("s3://bucket", "AWS_SESSION_TOKEN", &key),
            ("gs://bucket", "GOOGLE_APPLICATION_CREDENTIALS", folder.path()),
        ] {
            let (found, _) = files(service, name, value);
            assert!(!found.iter().any(|file| file == &key || file.starts_with(folder.path())), "{found:?}");
        }
        let (_, credentials) = files("azure://account1/c", "AZURE_STORAGE_SAS_TOKEN", Path::new("sig"));
        assert_eq!(credentials, [("AZURE_STORAGE_SAS_TOKEN", "sig".to_owned())]);
    }
}
