//! How a function calls another: the service's Invoke, allowed by the role of its instance.

use std::fs::File;
use std::path::Path;

use image_kind::ImageKind;
use platform::{DeploymentSpec, PlatformError};
use rawzip::{RECOMMENDED_BUFFER_SIZE, ZipArchive};
use remote_platform::{CALLER, Callee, Carried, InvokeWay};

use crate::Options;

/// Where an archive is unpacked.
const TASK_ROOT: &str = "/var/task/";

/// How the functions of a deployment call others; `None` where they can't.
///
/// # Errors
/// When its archive can't be read.
pub(crate) fn way(
    spec: &DeploymentSpec,
    options: &Options,
    endpoint: Option<&str>,
) -> Result<Option<Carried>, PlatformError> {
    let prefix = &options.prefix;
    if let Some(endpoint) = endpoint.filter(|endpoint| endpoint.starts_with("http://")) {
        // An emulator, which asks for no signature.
        let url = format!("{}/2015-03-31/functions/{prefix}{{name}}/invocations", endpoint.trim_end_matches('/'));
        return Ok(Some(Carried { invoke: InvokeWay { url, authorization: None }, environment: Vec::new() }));
    }
    if spec.image.kind != ImageKind::LambdaZip || !holds_caller(&spec.image.path)? {
        return Ok(None);
    }
    let mut carried = Carried::new(TASK_ROOT, Callee::Lambda { prefix });
    if let Some(endpoint) = endpoint {
        carried.environment.push(("FAASBENCH_LAMBDA_ENDPOINT".to_owned(), endpoint.to_owned()));
    }
    Ok(Some(carried))
}

/// Whether an archive holds the program.
fn holds_caller(archive: &Path) -> Result<bool, PlatformError> {
    let unreadable = |reason: String| {
        PlatformError::Invalid(format!("the archive {} can't be read: {reason}; build it again", archive.display()))
    };
    let file = File::open(archive).map_err(|error| unreadable(error.to_string()))?;
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(file, &mut buffer).map_err(|error| unreadable(error.to_string()))?;
    let mut entries = archive.entries(&mut buffer);
    while let Some(entry) = entries.next_entry().map_err(|error| unreadable(error.to_string()))? {
        if entry.file_path().as_ref() == CALLER.as_bytes() {
            return Ok(true);
        }
    }
    Ok(false)
}
