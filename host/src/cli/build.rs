//! `faasbench build`.

use std::fmt::Write as _;

use anyhow::anyhow;
use image_build::{Built, Options, images_of};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::arguments::BuildArguments;
use super::exit::{self, Failure};
use super::{packages, workloads};
use crate::deployments::BuiltDocument;
use crate::engine::wasm::Allocation;
use crate::experiment::Progress;
use crate::paths::CacheFolders;
use crate::workload::Function;

pub(super) async fn execute(arguments: &BuildArguments) -> Result<(), Failure> {
    let functions = workloads::functions(&arguments.functions)?;
    let folders = workloads::folders()?;
    match &arguments.platform {
        Some(platform) => package(arguments, platform, &functions, &folders).await,
        None => compile(arguments, &functions, &folders).await,
    }
}

/// Compiles the components for the engine here.
async fn compile(
    arguments: &BuildArguments,
    functions: &[&'static Function],
    folders: &CacheFolders,
) -> Result<(), Failure> {
    let progress = Progress::on_standard_error(functions.len() as u64);
    let compiled = workloads::compile(functions, Allocation::OnDemand, folders, &progress).await;
    progress.finish();
    let mut text = String::new();
    let mut rows = Vec::new();
    for (function, path, times) in compiled? {
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(function.component)));
        let bytes = function.component.len();
        let how = match times.compile {
            Some(compile) => format!("compiled in {:.2} s", compile.as_secs_f64()),
            None => "was in the cache".to_owned(),
        };
        // A String takes all that is written to it.
        let _ = writeln!(text, "{:12} {bytes:>9} bytes  {how}  {}", function.name, path.display());
        rows.push(json!({
            "function": function.name,
            "component_bytes": bytes,
            "component_digest": digest,
            "compile_us": times.compile.map(|compile| compile.as_micros() as u64),
            "artefact": path,
        }));
    }
    if arguments.json { exit::print_json(&rows) } else { exit::print(&text) }
}

/// Packages the functions for a platform.
async fn package(
    arguments: &BuildArguments,
    platform: &str,
    functions: &[&'static Function],
    folders: &CacheFolders,
) -> Result<(), Failure> {
    images_of(platform).map_err(packages::failure)?;
    if let Some(output) = arguments.output.as_ref().filter(|output| output.exists() && !output.is_dir()) {
        return Err(Failure::Users(anyhow!("--output {} is a file; give a folder", output.display())));
    }
    let options = Options {
        architectures: arguments.architectures.clone(),
        protocol: arguments.protocol,
        output: arguments.output.clone(),
        ..Options::default()
    };
    let progress = Progress::on_standard_error(functions.len() as u64);
    let built = packages::build(functions, platform, options, folders, &progress).await;
    progress.finish();
    let built = built?;
    if arguments.json {
        let documents: Vec<BuiltDocument> = built.into_iter().map(document).collect();
        return exit::print_json(&documents);
    }
    exit::print(&described(&built))
}

fn document(built: Built) -> BuiltDocument {
    let took_us = u64::try_from(built.took.as_micros()).unwrap_or(u64::MAX);
    BuiltDocument { image: built.image, was_cached: built.was_cached, took_us }
}

fn described(built: &[Built]) -> String {
    let mut text = String::new();
    for one in built {
        let image = &one.image;
        let how = match one.was_cached {
            true => "was in the cache".to_owned(),
            false => format!("built in {:.1} s", one.took.as_secs_f64()),
        };
        // A String takes all that is written to it.
        let _ = writeln!(
            text,
            "{:12} {} {} {:>9} bytes, code {} bytes  {how}\n{:12} {}\n{:12} {}",
            image.function,
            image.kind,
            image.architecture,
            image.bytes,
            image.code_bytes,
            "",
            image.digest,
            "",
            image.path.display()
        );
    }
    text
}
