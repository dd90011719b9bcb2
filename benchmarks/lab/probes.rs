//! What measuring costs: each probe around nothing.

use std::hint::black_box;

use criterion::Criterion;
use faasbench::probe::clock::{Bracket, Scope, monotonic_ns};
use faasbench::probe::counters::{CounterGroup, CounterPlan, SelfTest};
use faasbench::probe::disk_io::IoProbe;
use faasbench::probe::memory::MemoryProbe;

pub(crate) fn benchmark(criterion: &mut Criterion) {
    let bracket = Bracket::new(Scope::Thread);
    let within = bracket.own_wall_ns(10_001).expect("there were rounds");
    println!("probe/time bracket: {within} ns of it are inside the wall time that it reports");

    let mut group = criterion.benchmark_group("probe");
    group.bench_function("clock", |bencher| bencher.iter(monotonic_ns));
    group.bench_function("time bracket", |bencher| bencher.iter(|| bracket.around(|| black_box(()))));

    let memory = MemoryProbe::new(std::process::id()).expect("this process exists");
    group.bench_function("resident, proportional and unique set", |bencher| bencher.iter(|| memory.holding()));
    let disk_io = IoProbe::this_process().expect("the kernel counts I/O");
    group.bench_function("disk I/O bracket", |bencher| bencher.iter(|| disk_io.empty_bracket()));

    let self_test = SelfTest::run();
    let names = match self_test.usable_counters {
        0 => vec!["task-clock", "page-faults", "context-switches"],
        _ => vec!["instructions", "cycles", "branches"],
    };
    let plan = CounterPlan::new(&names, &self_test);
    if let Some(pass) = plan.passes.first() {
        let mut counters = CounterGroup::open(pass, self_test.kernel()).expect("the plan was tried");
        counters.start().expect("the group is open");
        let kind = if pass.is_hardware() { "hardware" } else { "software" };
        group.bench_function(format!("{kind} counters bracket"), |bencher| {
            bencher.iter(|| counters.around(|| black_box(())));
        });
    }
    group.finish();
}
