//! Removing what was made for a deployment, also by another process that was killed.

use std::fs;
use std::io;
use std::path::Path;

use platform::{Found, PlatformError, Resource};

use crate::cgroup;
use crate::facilities::Facilities;
use crate::names::{Details, KIND, Name, PROBE, VARIABLE};
use crate::process_table::{self, ProcessIdentity};

/// Removes what an entry of the ledger names: its processes, its control groups, its folder. Each is checked to carry the
/// deployment's name.
pub(crate) fn remove(resource: &Resource) -> Result<(), PlatformError> {
    let refused = |reason: String| PlatformError::Failed {
        platform: "process".to_owned(),
        doing: format!("removing {}", resource.name),
        reason,
    };
    let name = Name::of(resource).filter(|_| resource.kind == KIND);
    let name = name.ok_or_else(|| refused("it is not what this platform makes".to_owned()))?;
    let details: Details = serde_json::from_value(resource.details.clone())
        .map_err(|error| refused(format!("its entry in the ledger can't be read: {error}")))?;
    let is_ours = name.is_folder(&details.folder) && details.cgroups.iter().all(|group| name.is_cgroup(group));
    if !is_ours {
        return Err(refused("its folders do not carry its name".to_owned()));
    }
    if details.owner.is_alive() && Some(details.owner) != ProcessIdentity::own() {
        let pid = details.owner.pid;
        return Err(refused(format!("process {pid} runs it; end that first, as by `kill {pid}`")));
    }
    let failed = |error: io::Error| refused(error.to_string());
    details.cgroups.iter().try_for_each(|group| cgroup::kill_and_remove(group)).map_err(failed)?;
    // Those that were started and had not joined a group yet, or where there are none.
    process_table::kill_all_with(VARIABLE, name.as_str());
    remove_folder(&details.folder).map_err(failed)
}

/// Removes a folder, of which somebody else may remove parts in the same moment.
fn remove_folder(folder: &Path) -> io::Result<()> {
    loop {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Something inside was gone, or all of it.
                if fs::symlink_metadata(folder).is_err() {
                    return Ok(());
                }
            }
            removed => return removed,
        }
    }
}

/// The control groups that carry our mark.
pub(crate) fn find(facilities: &Facilities) -> Vec<Found> {
    let parents = facilities.hierarchies().map(|hierarchies| hierarchies.parents()).unwrap_or_default();
    let names = parents.into_iter().filter_map(|parent| fs::read_dir(parent).ok()).flatten().flatten();
    let mut names: Vec<_> = names.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable();
    names.dedup();
    let found = names.into_iter().filter(|name| !name.starts_with(PROBE)).filter_map(|name| {
        let deployment = Name::deployment(&name)?.to_owned();
        Some(Found { kind: "cgroup".to_owned(), name, deployment })
    });
    found.collect()
}
