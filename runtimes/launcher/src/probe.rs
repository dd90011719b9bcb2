//! What this machine allows, found out by doing it.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::arguments::{Namespaces, Root};
use crate::failure::Failure;
use crate::mounts::Contents;
use crate::{files, image, mounts, privileges, system_calls};

/// Tries one thing. What it tells is one line.
pub(crate) fn probe(arguments: &[OsString]) -> Result<String, Failure> {
    let words: Vec<_> = arguments.iter().filter_map(|word| word.to_str()).collect();
    match words.as_slice() {
        ["namespaces", folder] => enter(Namespaces::Privileged, folder),
        ["user-namespaces", folder] => enter(Namespaces::User, folder),
        ["cgroup", folder] => {
            image::Group::open(&PathBuf::from(folder))?.join()?;
            Ok("yes".to_owned())
        }
        ["landlock"] => files::version()
            .map(|version| version.to_string())
            .ok_or_else(|| Failure::new("the kernel has no Landlock")),
        ["seccomp"] => {
            privileges::drop_all()?;
            system_calls::restrict(files::signals_are_scoped(), false)?;
            Ok("yes".to_owned())
        }
        _ => Err(Failure::new("give what is to be probed")),
    }
}

fn enter(namespaces: Namespaces, folder: &str) -> Result<String, Failure> {
    mounts::unshare(namespaces, false)?;
    let bound = PathBuf::from(folder);
    // The folder itself stands for the storage, which is bound in the same way.
    let binds = [(bound.clone(), PathBuf::from("/bound"))];
    let contents = Contents { binds: &binds, read_only: &[], folders: &[] };
    mounts::enter(&Root { folder: bound, bytes: 1 << 20, files: 64 }, &contents)?;
    privileges::drop_all()?;
    Ok("yes".to_owned())
}
