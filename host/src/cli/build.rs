//! `faasbench build`.

use std::fmt::Write as _;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::arguments::BuildArguments;
use super::exit::{self, Failure};
use super::workloads;
use crate::engine::wasm::Allocation;
use crate::experiment::Progress;

pub(super) async fn execute(arguments: &BuildArguments) -> Result<(), Failure> {
    let functions = workloads::functions(&arguments.functions)?;
    let folders = workloads::folders()?;
    let progress = Progress::on_standard_error(functions.len() as u64);
    let compiled = workloads::compile(&functions, Allocation::OnDemand, &folders, &progress).await?;
    progress.finish();
    let mut text = String::new();
    let mut rows = Vec::new();
    for (function, path, times) in compiled {
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
