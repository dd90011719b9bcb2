//! `faasbench storage`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;
use native::Location;
use object::server::{AccessKey, ServeOptions, serve as serve_directory};
use object::{ObjectStorage, TransferError, clean};
use tokio::signal::unix::{SignalKind, signal};

use super::arguments::{StorageCommand, StoragePlace};
use super::exit::{self, Failure};
use super::inputs::failure;
use super::{inputs, target, workloads};
use crate::configuration::Target;
use crate::deployments::{CleanedDocument, ObjectDocument};
use crate::experiment::Progress;
use crate::platforms::{default_storage, storage_location};
use crate::workload::{Function, INPUT, OUTPUT, Size};

pub(super) async fn execute(command: StorageCommand) -> Result<(), Failure> {
    match command {
        StorageCommand::Serve { folder, listen } => serve(folder, listen).await,
        StorageCommand::Upload { functions, sizes, seed, place } => {
            let functions = uploaded_functions(&functions)?;
            let sizes = if sizes.is_empty() { vec![Size::Test] } else { sizes };
            blocking(move || upload_all(&functions, &sizes, seed, &place)).await
        }
        StorageCommand::List { prefix, bucket, place } => blocking(move || list(&bucket, &prefix, &place)).await,
        StorageCommand::Clean { inputs, bucket, place } => blocking(move || remove(&bucket, inputs, &place)).await,
    }
}

/// Storage waits for disks and networks.
async fn blocking(work: impl FnOnce() -> Result<(), Failure> + Send + 'static) -> Result<(), Failure> {
    tokio::task::spawn_blocking(work).await.map_err(Failure::ours)?
}

async fn serve(folder: PathBuf, listen: SocketAddr) -> Result<(), Failure> {
    if !listen.ip().to_canonical().is_loopback() {
        eprintln!("note: {listen} can be reached from other machines; only the access key keeps them out");
    }
    let variables = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let access_key = AccessKey::from_variables(&variables).map_err(Failure::users)?;
    let options = ServeOptions { address: listen, ..ServeOptions::new(&folder, access_key) };
    let server = serve_directory(options).await.map_err(Failure::users)?;
    exit::print(&described(&server, &folder, variables("FAASBENCH_S3_SECRET_ACCESS_KEY").is_some()))?;
    let mut terminated = signal(SignalKind::terminate()).map_err(Failure::ours)?;
    tokio::select! {
        _ = terminated.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(Failure::ours)?,
    }
    if server.stop().await { Ok(()) } else { Err(Failure::Ours(anyhow!("some requests were cut off at the end"))) }
}

/// Where it is, and, for a key that was made for this start and that nobody else can know, the key.
fn described(server: &object::server::RunningServer, folder: &Path, is_known: bool) -> String {
    let location = server.location(None);
    let key = server.access_key();
    let mut text = format!("{} as S3 at http://{}\n--storage '{location}'\n", folder.display(), server.address());
    if !is_known {
        text.push_str(&format!(
            "export AWS_ACCESS_KEY_ID={}\nexport AWS_SECRET_ACCESS_KEY={}\n",
            key.id(),
            key.secret()
        ));
    }
    text
}

/// Where a command's objects are.
fn storage(place: &StoragePlace) -> Result<(Location, Arc<dyn ObjectStorage>), Failure> {
    let folders = workloads::folders()?;
    let location = match (&place.storage, &place.platform) {
        (Some(text), _) => storage_location(text).map_err(Failure::users)?,
        (None, Some(name)) => {
            let target: Target = target::configuration(&place.configuration)?.target(name).map_err(Failure::users)?;
            target.storage_location(&folders).map_err(Failure::users)?
        }
        (None, None) => default_storage(&folders),
    };
    let storage = object::open(&location).map_err(of_storage)?;
    Ok((location, storage))
}

fn of_storage(error: lab::Error) -> Failure {
    failure(TransferError::Storage(error))
}

/// Those with objects; another one that was named has nothing to upload.
fn uploaded_functions(names: &[String]) -> Result<Vec<&'static Function>, Failure> {
    let functions = workloads::functions(names)?;
    let named = functions.iter().find(|function| !names.is_empty() && !function.uses_objects);
    if let Some(function) = named {
        return Err(Failure::Users(anyhow!("{} works on no objects; thumbnailer and compression do", function.name)));
    }
    Ok(functions.into_iter().filter(|function| function.uses_objects).collect())
}

fn upload_all(functions: &[&'static Function], sizes: &[Size], seed: u64, place: &StoragePlace) -> Result<(), Failure> {
    let (location, storage) = storage(place)?;
    let progress = Progress::on_standard_error((functions.len() * sizes.len()) as u64);
    let mut documents = Vec::new();
    for function in functions {
        for size in sizes {
            let document = inputs::ensure(function, *size, seed, &location, &*storage, &progress)
                .inspect_err(|_| progress.finish())?;
            documents.push(document);
            progress.step();
        }
    }
    progress.finish();
    if place.json {
        return exit::print_json(&documents);
    }
    let mut text = String::new();
    for document in &documents {
        text.push_str(&format!(
            "{} {}: {} objects written ({} bytes), {} were there, at {location}\n",
            document.function, document.workload, document.written, document.written_bytes, document.present
        ));
    }
    exit::print(&text)
}

fn list(bucket: &str, prefix: &str, place: &StoragePlace) -> Result<(), Failure> {
    let (_, storage) = storage(place)?;
    let mut after: Option<String> = None;
    let mut documents = Vec::new();
    loop {
        let page = storage.list_details(bucket, prefix, after.as_deref()).map_err(of_storage)?;
        let objects = page.objects.into_iter().map(|object| ObjectDocument {
            key: object.key,
            size_bytes: object.size_bytes,
            etag: object.etag,
        });
        if place.json {
            documents.extend(objects);
        } else {
            // As they come: there may be very many.
            let lines: String = objects.map(|object| format!("{:>12}  {}\n", object.size_bytes, object.key)).collect();
            exit::print(&lines)?;
        }
        match page.next {
            None => break,
            next => after = next,
        }
    }
    if place.json { exit::print_json(&documents) } else { Ok(()) }
}

fn remove(bucket: &str, inputs: bool, place: &StoragePlace) -> Result<(), Failure> {
    let (location, storage) = storage(place)?;
    let progress = Progress::on_standard_error(0);
    let mut document = CleanedDocument { objects: 0, bytes: 0 };
    for prefix in [Some(OUTPUT), Some(INPUT).filter(|_| inputs)].into_iter().flatten() {
        let mut tell = |now: object::Cleaned| progress.doing(format!("{} objects of {prefix} removed", now.objects));
        let cleaned = match clean(&*storage, bucket, prefix, &mut tell) {
            // A bucket that is not there is as clean as can be.
            Err(TransferError::Storage(error)) if error.kind == lab::ErrorKind::NotFound => object::Cleaned::default(),
            cleaned => cleaned.inspect_err(|_| progress.finish()).map_err(failure)?,
        };
        document.objects += cleaned.objects;
        document.bytes += cleaned.bytes;
    }
    progress.finish();
    if place.json {
        return exit::print_json(&document);
    }
    exit::print(&format!("removed {} objects, {} bytes, from {location}\n", document.objects, document.bytes))
}
