//! Recording invocations and reading them back.

use criterion::{Criterion, Throughput};
use faasbench::results::row::{Invocation, Outcome};
use faasbench::results::{Filter, Location, NewRun, RunStatus, Store};
use serde_json::json;

/// Rows in one round.
const ROWS: u64 = 20_000;

pub(crate) fn benchmark(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("the system has threads");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let store = runtime
        .block_on(Store::open(&Location::File(folder.path().join("results.db"))))
        .expect("the folder can be written");
    let mut group = criterion.benchmark_group("store");
    group.sample_size(10).throughput(Throughput::Elements(ROWS));
    let mut last = None;
    group.bench_function("record invocations", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let run = NewRun { plan: json!({}), environment: json!({}), ..NewRun::default() };
                let recorder = store.create_run(run).await.expect("the database can be written");
                for repetition in 0..ROWS {
                    recorder.record((recorder.reserve(), invocation(repetition as u32))).expect("there is room");
                }
                recorder.finish(RunStatus::Complete).await.expect("the database can be written");
                last = Some(recorder.run().number);
            });
        });
    });
    if let Some(run) = last {
        group.bench_function("read invocations", |bencher| {
            bencher.iter(|| {
                runtime.block_on(store.rows::<Invocation>(run, &Filter::default())).expect("the run is stored").len()
            });
        });
    }
    group.finish();
}

fn invocation(repetition: u32) -> Invocation {
    Invocation {
        experiment: "time".to_owned(),
        function: "function1".to_owned(),
        size: "test".to_owned(),
        engine: "wasm".to_owned(),
        platform: "wasm".to_owned(),
        deployment: None,
        process: Some(repetition / 8),
        round: 0,
        repetition,
        is_cold: repetition == 0,
        intended_unix_ns: None,
        start_unix_ns: 1_700_000_000_000_000_000 + i64::from(repetition),
        wall_ns: Some(u64::from(repetition) + 1_000_000),
        user_ns: Some(900_000),
        system_ns: Some(100_000),
        time_absent_reason: None,
        outcome: Outcome::Ok { result_digest: Some("sha256:00".to_owned()) },
        instance_identifier: Some("instance".to_owned()),
        response: None,
    }
}
