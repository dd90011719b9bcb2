//! Names of what is made for a deployment, and its entry in the ledger.

use std::path::{Path, PathBuf};

use platform::{DeploymentId, Resource};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::process_table::ProcessIdentity;

/// What every name of ours begins with.
pub(crate) const MARK: &str = "faasbench-";
/// What the name of a control group begins with that is only made to find out whether it can be.
pub(crate) const PROBE: &str = "faasbench-probe-";
/// The ledger's word for all that is made for one deployment.
pub(crate) const KIND: &str = "sandboxes";
/// The variable of each instance that holds its deployment's name.
pub(crate) const VARIABLE: &str = "FAASBENCH_SANDBOXES";

/// The name of one preparation of a deployment: an update is prepared beside what it replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name(String);

impl Name {
    /// A new one.
    pub(crate) fn new(deployment: &DeploymentId) -> Name {
        let random = Uuid::new_v4().simple().to_string();
        Name(format!("{MARK}{deployment}-{}", &random[..6]))
    }

    /// The name in a ledger's entry, if it is one of ours and of that deployment.
    pub(crate) fn of(resource: &Resource) -> Option<Name> {
        let rest = resource.name.strip_prefix(MARK)?.strip_prefix(resource.deployment.as_str())?.strip_prefix('-')?;
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (plain(resource.deployment.as_str()) && plain(rest)).then(|| Name(resource.name.clone()))
    }

    /// The deployment in a name that may be one of ours.
    pub(crate) fn deployment(name: &str) -> Option<&str> {
        Some(name.strip_prefix(MARK)?.split_once('-')?.0)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of its folder, shorter as sockets are in it.
    pub(crate) fn folder(&self) -> &str {
        self.0.strip_prefix(MARK).unwrap_or(&self.0)
    }

    /// Whether a folder is that of this name.
    pub(crate) fn is_folder(&self, folder: &Path) -> bool {
        folder.is_absolute() && folder.file_name().is_some_and(|name| name == self.folder())
    }

    /// Whether a control group is that of this name.
    pub(crate) fn is_cgroup(&self, folder: &Path) -> bool {
        folder.is_absolute() && folder.file_name().is_some_and(|name| name == self.as_str())
    }
}

/// What the ledger keeps beside the name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Details {
    /// Sockets and scratch folders.
    pub(crate) folder: PathBuf,
    /// The control groups, as folders.
    pub(crate) cgroups: Vec<PathBuf>,
    /// The process that runs the deployment.
    pub(crate) owner: ProcessIdentity,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn resource(deployment: &str, name: &str) -> Resource {
        Resource {
            deployment: DeploymentId::from(deployment.to_owned()),
            platform: "process".to_owned(),
            target: "process".to_owned(),
            kind: KIND.to_owned(),
            name: name.to_owned(),
            details: serde_json::Value::Null,
        }
    }

    #[test]
    fn a_name_carries_its_deployment_and_is_found_again() {
        let deployment = DeploymentId::new();
        let name = Name::new(&deployment);
        assert_ne!(name, Name::new(&deployment));
        assert_eq!(Name::of(&resource(deployment.as_str(), name.as_str())), Some(name.clone()));
        assert_eq!(Name::deployment(name.as_str()), Some(deployment.as_str()));
        assert!(name.is_folder(&Path::new("/state").join(name.folder())));
        assert!(name.is_cgroup(&Path::new("/sys/fs/cgroup").join(name.as_str())));
    }

    #[test]
    fn what_another_made_has_no_name_of_ours() {
        for (deployment, name) in [
            ("abc", "faasbench-abd-1"),
            ("abc", "abc-1"),
            ("abc", "faasbench-abc-"),
            ("", "faasbench--1"),
            ("a/b", "faasbench-a/b-1"),
        ] {
            assert_eq!(Name::of(&resource(deployment, name)), None, "{name}");
        }
        let name = Name::new(&DeploymentId::new());
        assert!(!name.is_folder(Path::new("/")) && !name.is_folder(Path::new("/home/me")));
    }
}
