//! The functions' storage, as an instance reaches it.

use std::path::{Path, PathBuf};

use native::Location;
use platform::PlatformError;

/// What the environment is searched for where the storage is a service: its credentials.
const CREDENTIALS: [&str; 13] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_SAS_KEY",
];
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
        match Location::parse(location) {
            Ok(Location::Directory(path)) => Ok(Storage::Directory(path)),
            Ok(Location::Remote(_)) => {
                let variable = |name: &'static str| Some((name, std::env::var(name).ok()?));
                let credentials = CREDENTIALS.into_iter().filter_map(variable).collect();
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
        let named = self.credentials().iter().map(|(_, value)| PathBuf::from(value));
        let all = NETWORK_FILES.into_iter().map(PathBuf::from).chain(named);
        all.filter(|path| path.is_absolute() && path.exists()).collect()
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
}
