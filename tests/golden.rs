//! The monolith computes what the original Python system computed.

use faasbench::engine::EngineKind;
use serde_json::{Value, json};

use crate::support::{Bench, launch, root_record, shared};

#[track_caller]
fn agrees_with_the_original(engine: EngineKind) {
    let Some(path) = shared("golden/monolith.jsonl") else { return };
    let vectors: Vec<Value> =
        std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(vectors.len() > 100);
    let bench = Bench::new();
    let launcher = bench.launcher(engine);
    let mut instance = launch(&launcher, "monolith");
    for vector in vectors {
        // The original failed on it, by its own limits and not by ours.
        if !vector["error"].is_null() {
            continue;
        }
        let event = json!({"run_function": vector["run_function"], "args": vector["args"], "seed": vector["seed"]});
        let record = root_record(&instance.invoke(&event.to_string()).unwrap());
        assert_eq!(record["function_called"], vector["function_called"], "{engine}: {vector} {record}");
        // Where the original's result was an address or a time there is nothing to compare.
        if !vector["monolith_result"].is_null() {
            assert_eq!(record["monolith_result"], vector["monolith_result"], "{engine}: {vector}");
        }
    }
}

#[test]
fn natively_it_agrees_with_the_original() {
    agrees_with_the_original(EngineKind::Native);
}

#[test]
fn as_wasm_it_agrees_with_the_original() {
    agrees_with_the_original(EngineKind::Wasm);
}
