//! A fresh instance, one event in, the record out, the instance dropped: what a platform does that isolates every request.

use criterion::Criterion;
use faasbench::engine::EngineKind;
use faasbench::engine::wasm::{Allocation, Interruption};
use faasbench::workload;

use crate::laboratory::launcher;

pub(crate) fn benchmark(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let function = workload::find("function1").expect("it exists");
    let pooled = Allocation::Pooled { instances: 64 };
    let cases = [
        ("pooled", EngineKind::Wasm, pooled, Interruption::None),
        ("on-demand", EngineKind::Wasm, Allocation::OnDemand, Interruption::None),
        ("pooled, guarded by epochs", EngineKind::Wasm, pooled, Interruption::Epochs),
        ("native", EngineKind::Native, pooled, Interruption::None),
    ];
    let mut group = criterion.benchmark_group("instantiate");
    for (name, engine, allocation, interruption) in cases {
        group.bench_function(name, |bencher| {
            let launcher = launcher(folder.path(), engine, allocation, interruption);
            bencher.iter(|| {
                let (mut instance, _) = launcher.launch(function).expect("there is room");
                instance.invoke("{}").expect("the event is empty")
            });
        });
    }
    group.finish();
}
