//! Each function on both engines, warm.

use criterion::{Criterion, SamplingMode};
use faasbench::engine::EngineKind;
use faasbench::engine::wasm::{Allocation, Interruption};
use faasbench::workload::{self, FUNCTIONS, Size};

use crate::laboratory::launcher;

pub(crate) fn benchmark(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let objects = folder.path().join("objects");
    for function in &FUNCTIONS {
        let function = workload::find(function.name).expect("it is in the catalogue");
        let mut group = criterion.benchmark_group(function.name);
        group.sampling_mode(SamplingMode::Flat).sample_size(20);
        for size in [Size::Test, Size::Small] {
            for engine in EngineKind::ALL {
                group.bench_function(format!("{size}/{engine}"), |bencher| {
                    let prepared =
                        workload::prepare(function.name, size, 42, &objects).expect("the folder can be written");
                    let event = prepared.event.to_string();
                    let pooled = Allocation::Pooled { instances: 8 };
                    let launcher = launcher(folder.path(), engine, pooled, Interruption::None);
                    let (mut instance, _) = launcher.launch(function).expect("there is room");
                    bencher.iter(|| instance.invoke(&event).expect("the event is right"));
                    // Each invocation leaves its output.
                    let _ = std::fs::remove_dir_all(objects.join(&prepared.bucket).join("output"));
                });
            }
        }
        group.finish();
    }
}
