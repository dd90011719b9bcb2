//! Which code a run measures.

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::engine::EngineKind;
use crate::workload::Function;

/// The digest and the size of every function's code on every engine. Native code is in this program itself; where its file
/// can't be read, its digest is absent.
pub(super) fn of(functions: &[&'static Function], engines: &[EngineKind]) -> Json {
    let program = std::env::current_exe().and_then(std::fs::read).ok();
    let native = program.map(|bytes| (digest(&bytes), bytes.len()));
    let mut images = Vec::new();
    for function in functions {
        for engine in engines {
            let (digest, bytes) = match engine {
                EngineKind::Wasm => (Some(digest(function.component)), Some(function.component.len())),
                EngineKind::Native => native.clone().unzip(),
            };
            images
                .push(json!({ "function": function.name, "engine": engine.name(), "digest": digest, "bytes": bytes }));
        }
    }
    Json::Array(images)
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}
