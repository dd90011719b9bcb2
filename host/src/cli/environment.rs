//! The environment, with what only this program knows of it.

use crate::environment::{Environment, Known};
use crate::probe::counters::SelfTest;

/// Reads this machine, and tries its counters.
pub(super) fn collect() -> Environment {
    let test = SelfTest::run();
    Environment::collect(&Known {
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        rustc_version: Some(env!("FAASBENCH_RUSTC_VERSION").to_owned()),
        wasmtime_version: Some(env!("FAASBENCH_WASMTIME_VERSION").to_owned()),
        usable_counters: Some(test.usable_counters),
    })
}
