//! Bringing workloads' inputs to where functions read them.

use std::path::Path;

use anyhow::anyhow;
use native::Location;
use object::{CONCURRENCY, ObjectStorage, TransferError, upload};

use super::exit::Failure;
use super::workloads;
use crate::configuration::Target;
use crate::deployments::UploadedDocument;
use crate::experiment::Progress;
use crate::platforms;
use crate::workload::{self, Function, INPUT, Prepared, Size};

/// Brings the inputs of those functions that work on objects to the storage of a target.
///
/// # Errors
/// When the target's instances have no storage that this machine reaches too, or it can't be written.
pub(super) async fn bring(
    target: &Target,
    functions: &[&'static Function],
    sizes: &[Size],
    seed: u64,
    progress: &Progress,
) -> Result<(), Failure> {
    let functions: Vec<_> = functions.iter().copied().filter(|function| function.uses_objects).collect();
    let Some(first) = functions.first() else { return Ok(()) };
    if target.storage.is_none() && !platforms::find(target.platform).map_err(Failure::users)?.on_this_machine {
        return Err(Failure::Users(anyhow!(
            "{} works on objects, and the target `{}` does not say where its instances have any: set `storage` in faasbench.toml (S3, \
             Google Cloud or Azure, or what `faasbench storage serve` prints) and, for its credentials, `storage-env`; or leave the \
             function out",
            first.name,
            target.name
        )));
    }
    let folders = workloads::folders()?;
    let location = target.storage_location(&folders).map_err(Failure::users)?;
    let (sizes, progress) = (sizes.to_vec(), progress.clone());
    // Storage waits for disks and networks.
    let bringing = tokio::task::spawn_blocking(move || {
        let storage = object::open(&location).map_err(|error| failure(TransferError::Storage(error)))?;
        for function in functions {
            for size in &sizes {
                ensure(function, *size, seed, &location, &*storage, &progress)?;
            }
        }
        Ok(())
    });
    bringing.await.map_err(Failure::ours)?
}

/// Generates one workload's input where it is kept for the next time, and writes what the storage lacks of it.
pub(super) fn ensure(
    function: &Function,
    size: Size,
    seed: u64,
    location: &Location,
    storage: &dyn ObjectStorage,
    progress: &Progress,
) -> Result<UploadedDocument, Failure> {
    let folder = match location {
        // A folder of this machine that is the storage has them at once.
        Location::Directory(path) => path.clone(),
        Location::Remote(_) => workloads::folders()?.objects(),
    };
    progress.doing(format!("{} {size}", function.name));
    let prepared = workload::prepare(function.name, size, seed, &folder).map_err(of_workload)?;
    match location {
        Location::Directory(_) => Ok(UploadedDocument::in_place(function.name, &prepared)),
        Location::Remote(_) => upload_one(function.name, &prepared, &folder, storage, progress),
    }
}

fn of_workload(error: workload::WorkloadError) -> Failure {
    if error.is_users() { Failure::users(error) } else { Failure::ours(error) }
}

/// What a storage that refused or failed comes to.
pub(super) fn failure(error: TransferError) -> Failure {
    use lab::ErrorKind::{BadRequest, Denied, NotFound};
    match &error {
        TransferError::Storage(cause) if matches!(cause.kind, BadRequest | Denied | NotFound) => Failure::users(error),
        TransferError::Name { .. } => Failure::users(error),
        _ => Failure::ours(error),
    }
}

fn upload_one(
    function: &str,
    prepared: &Prepared,
    folder: &Path,
    storage: &dyn ObjectStorage,
    progress: &Progress,
) -> Result<UploadedDocument, Failure> {
    // The input's own folder: its name is the first part of the key.
    let key = prepared.event["object"]["key"].as_str().unwrap_or_default();
    let name = key.split('/').next().unwrap_or_default();
    let inputs = folder.join(&prepared.bucket).join(INPUT).join(name);
    let prefix = format!("{INPUT}/{name}");
    let mut tell = |now: object::Progress| {
        progress.doing(format!("{function}: {} of {} objects", now.objects_done, now.objects));
    };
    let done = upload(storage, &inputs, &prepared.bucket, &prefix, CONCURRENCY, &mut tell).map_err(failure)?;
    Ok(UploadedDocument {
        function: function.to_owned(),
        workload: prepared.label.clone(),
        written: done.written,
        written_bytes: done.written_bytes,
        present: done.present + done.present_by_size,
    })
}
