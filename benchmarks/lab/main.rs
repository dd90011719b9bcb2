//! `cargo bench --bench lab`: how fast our own parts are. Needs no network.

mod functions;
mod instantiate;
mod invoke;
mod laboratory;
mod probes;
mod store;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    benches,
    instantiate::benchmark,
    invoke::benchmark,
    functions::benchmark,
    probes::benchmark,
    store::benchmark
);
criterion_main!(benches);
