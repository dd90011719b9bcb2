//! A warm invocation that asks for nothing, and one that calls another function.

use criterion::Criterion;
use faasbench::engine::EngineKind;
use faasbench::engine::wasm::{Allocation, Interruption};
use faasbench::workload;

use crate::laboratory::launcher;

pub(crate) fn benchmark(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let function = workload::find("function1").expect("it exists");
    let nested = r#"{"invoke_nested":[{"function_name":"function2","invoke_payload":{}}]}"#;
    let mut group = criterion.benchmark_group("invoke");
    for engine in EngineKind::ALL {
        for (name, event) in [("no-op", "{}"), ("one nested call", nested)] {
            group.bench_function(format!("{name}/{engine}"), |bencher| {
                let pooled = Allocation::Pooled { instances: 64 };
                let launcher = launcher(folder.path(), engine, pooled, Interruption::None);
                let (mut instance, _) = launcher.launch(function).expect("there is room");
                bencher.iter(|| instance.invoke(event).expect("the event is right"));
            });
        }
    }
    group.finish();
}
