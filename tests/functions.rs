//! Every function computes the same on both engines.

use faasbench::engine::EngineKind;
use faasbench::workload::{self, Size, result_digest};
use serde_json::{Value, json};

use crate::support::{Bench, invoke, launch, records, root_record};

/// The digest of the function's result on its generated workload of size test is the same on both engines.
#[track_caller]
fn agree(function: &str) {
    let bench = Bench::new();
    let prepared = workload::prepare(function, Size::Test, 42, &bench.objects()).unwrap();
    let event = prepared.event.to_string();
    let [native, wasm] = EngineKind::ALL.map(|engine| {
        let response = invoke(&bench.launcher(engine), function, &event);
        result_digest(&response).unwrap_or_else(|| panic!("no digest in {response}"))
    });
    assert_eq!(native, wasm, "{function} with {event}");
}

mod both_engines_give_the_same_result_for {
    use super::agree;

    #[test]
    fn function1() {
        agree("function1");
    }

    #[test]
    fn function2() {
        agree("function2");
    }

    #[test]
    fn function3() {
        agree("function3");
    }

    #[test]
    fn monolith() {
        agree("monolith");
    }

    #[test]
    fn thumbnailer() {
        agree("thumbnailer");
    }

    #[test]
    fn compression() {
        agree("compression");
    }

    /// A function without a test above does not compile.
    #[test]
    fn every_function() {
        macro_rules! has_a_test {
            ($function:ident) => {
                let _: fn() = $function;
            };
        }
        artifacts::foreach_function!(has_a_test);
    }
}

#[test]
fn an_instance_is_cold_once_and_keeps_its_identity() {
    let bench = Bench::new();
    for engine in EngineKind::ALL {
        let launcher = bench.launcher(engine);
        let mut instance = launch(&launcher, "function1");
        let served: Vec<Value> = (0..3).map(|_| root_record(&instance.invoke("{}").unwrap())).collect();
        for (index, record) in served.iter().enumerate() {
            assert_eq!(record["invocation_index"], index + 1, "{engine}: {record}");
            assert_eq!(record["is_cold"], index == 0, "{engine}: {record}");
            assert_eq!(record["instance_identifier"], instance.identifier(), "{engine}: {record}");
            assert_eq!(record["engine"], engine.name());
        }
        let age = |record: &Value| record["sandbox_age_us"].as_u64().unwrap();
        assert!(age(&served[0]) <= age(&served[1]) && age(&served[1]) <= age(&served[2]));
        let other = root_record(&invoke(&launcher, "function1", "{}"));
        assert_ne!(other["instance_identifier"], served[0]["instance_identifier"]);
        assert_eq!(other["is_cold"], true);
    }
}

/// A chain three deep beside a call that can't succeed and one of a function that isn't there.
fn nested(parallel: bool) -> Value {
    json!({"parallel": parallel, "invoke_nested": [
        {"function_name": "lab-function2", "invoke_payload": {"invoke_nested": [
            {"function_name": "function3", "invoke_payload": {"sleep": 0.001}},
        ]}},
        {"function_name": "function3", "invoke_payload": {"sleep": "soon"}},
        {"function_name": "function9", "invoke_payload": {}},
        {"function_name": "monolith", "invoke_payload": {"run_function": "maxDepth", "args": 3, "seed": 1}},
    ]})
}

#[test]
fn nested_calls_bring_back_every_record_and_failed_ones_too() {
    let bench = Bench::new();
    for engine in EngineKind::ALL {
        for parallel in [false, true] {
            let response = invoke(&bench.launcher(engine), "function1", &nested(parallel).to_string());
            let all = records(&response);
            let root = root_record(&response);
            assert_eq!(all.len(), 6, "{engine}: {response}");
            let find = |name: &str, level: u64| {
                let found = |record: &&Value| record["function_name"] == name && record["level"] == level;
                all.values().find(found).unwrap_or_else(|| panic!("{engine}: no {name} at {level} in {response}"))
            };
            let second = find("function2", 1);
            assert_eq!(second["parent"], root["identifier"]);
            assert_eq!(find("function3", 2)["parent"], second["identifier"]);
            assert_eq!(find("monolith", 1)["monolith_result"], "4");
            let refused = find("function3", 1);
            assert_eq!(refused["error"]["type"], "bad-request", "{refused}");
            assert!(refused["error"]["message"].as_str().unwrap().contains("`sleep`"), "{refused}");
            assert_eq!(find("function9", 1)["error"]["type"], "not-found");
            assert_eq!(root.get("error"), None);
            for child in all.values().filter(|record| record["level"] != 0) {
                let times =
                    ["invocation_start_ns", "invocation_end_ns", "invocation_us"].map(|key| child[key].as_u64());
                assert!(times.iter().all(Option::is_some), "{engine}: {child}");
                assert!(times[0] <= times[1], "{engine}: {child}");
            }
        }
    }
}

#[test]
fn nested_results_do_not_depend_on_engine_or_order() {
    let bench = Bench::new();
    let mut digests = Vec::new();
    for engine in EngineKind::ALL {
        for parallel in [false, true] {
            let response = invoke(&bench.launcher(engine), "function1", &nested(parallel).to_string());
            digests.push(result_digest(&response).unwrap());
        }
    }
    digests.dedup();
    assert_eq!(digests.len(), 1);
}

/// Four calls that sleep take about as long as one of them when they are made together.
#[test]
fn parallel_calls_overlap_and_sequential_ones_do_not() {
    let bench = Bench::new();
    let call = json!({"function_name": "function2", "invoke_payload": {"sleep": 0.2}});
    for engine in EngineKind::ALL {
        for parallel in [false, true] {
            let event = json!({"parallel": parallel, "invoke_nested": [call, call, call]}).to_string();
            let all = records(&invoke(&bench.launcher(engine), "function1", &event));
            let of = |key: &str| {
                let callees = all.values().filter(|record| record["level"] == 1);
                callees.map(|record| record[key].as_i64().unwrap()).collect::<Vec<_>>()
            };
            let (starts, ends) = (of("execution_start_ns"), of("execution_end_ns"));
            let together = starts.iter().max() < ends.iter().min();
            assert_eq!(together, parallel, "{engine}: {starts:?} {ends:?}");
        }
    }
}

#[test]
fn all_twenty_computations_agree() {
    const COMPUTATIONS: [&str; 21] = [
        "matrix_mult",
        "fib",
        "makeTree",
        "isSymmetric",
        "levelOrder",
        "maxDepth",
        "levelOrderBottom",
        "sortedArrayToBST",
        "zigzagLevelOrder",
        "sortedListToBST",
        "isBalanced",
        "minDepth",
        "flatten",
        "maxPathSum",
        "preorderTraversal",
        "rightSideView",
        "dummie_webpage",
        "docker_documentation",
        "use_arrow",
        "pandas_numpy",
        "random",
    ];
    let bench = Bench::new();
    let [mut native, mut wasm] = EngineKind::ALL.map(|engine| launch(&bench.launcher(engine), "monolith"));
    for computation in COMPUTATIONS {
        for (args, seed) in [(1, 0), (5, 7), (9, u32::MAX)] {
            let event = json!({"run_function": computation, "args": args, "seed": seed}).to_string();
            let [native, wasm] = [&mut native, &mut wasm].map(|instance| instance.invoke(&event).unwrap());
            assert!(root_record(&native)["monolith_result"].is_string(), "{native}");
            assert_eq!(result_digest(&native).unwrap(), result_digest(&wasm).unwrap(), "{native} {wasm}");
        }
    }
}
