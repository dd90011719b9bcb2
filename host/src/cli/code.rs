//! Which code a run measures.

use std::collections::BTreeMap;

use image_build::Image;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::places::Images;
use crate::engine::EngineKind;
use crate::results::IN_PROCESS;
use crate::workload::Function;

/// The digest and the size of every function's code in every place. In a worker, native code is in this program itself; where
/// its file can't be read, its digest is absent.
pub(super) fn of(functions: &[&'static Function], engines: &[EngineKind], images: &Images) -> Json {
    let program = std::env::current_exe().and_then(std::fs::read).ok();
    let native = program.map(|bytes| (digest(&bytes), bytes.len()));
    let mut code = Vec::new();
    for function in functions {
        for engine in engines {
            let (digest, bytes) = match engine {
                EngineKind::Wasm => (Some(digest(function.component)), Some(function.component.len())),
                EngineKind::Native => native.clone().unzip(),
            };
            code.push(json!({
                "function": function.name,
                "engine": engine.name(),
                "platform": IN_PROCESS,
                "digest": digest,
                "bytes": bytes,
            }));
        }
        for ((_, platform), image) in images.iter().filter(|((name, _), _)| *name == function.name) {
            code.push(json!({
                "function": function.name,
                "engine": if image.kind.is_wasm() { "wasm" } else { "native" },
                "platform": platform,
                "digest": image.code_digest,
                "bytes": image.code_bytes,
                "image_digest": image.digest,
                "image_bytes": image.bytes,
            }));
        }
    }
    Json::Array(code)
}

/// The same of images by target and function.
pub(super) fn of_images(images: &BTreeMap<String, BTreeMap<String, Image>>) -> Vec<Json> {
    let mut code = Vec::new();
    for (target, images) in images {
        for (function, image) in images {
            code.push(json!({
                "function": function,
                "engine": if image.kind.is_wasm() { "wasm" } else { "native" },
                "platform": target,
                "digest": image.code_digest,
                "bytes": image.code_bytes,
                "image_digest": image.digest,
                "image_bytes": image.bytes,
            }));
        }
    }
    code
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}
