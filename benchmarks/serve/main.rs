//! `cargo bench -p gateway --bench serve`: `serve --platform wasm` beside `wasmtime serve` with our own `wasi:http` image of the
//! same function, in turn, under `wrk`. Each line is a ratio of medians; what is missing (wasmtime, wrk) is said.

mod load;
mod ours;
mod theirs;

use std::path::Path;

use load::{Load, Measured};
use ours::Ours;
use theirs::Theirs;

/// Rounds of each comparison: A B B A.
const ROUNDS: usize = 6;
/// How long one measurement takes, s.
const SECONDS: u32 = 3;
/// Connections of the load generator.
const CONNECTIONS: u32 = 32;
/// The most instances that `wasmtime serve` is to use again: as good as without a limit.
const UNLIMITED: &str = "1000000000";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // `cargo test --benches` passes a flag and wants no measurement.
    if arguments.iter().any(|argument| argument == "--test") {
        return;
    }
    if let Some(place) = arguments.iter().position(|argument| argument == ours::SERVER) {
        return ours::be_a_server(&arguments[place + 1]);
    }
    let Some(load) = Load::find(SECONDS, CONNECTIONS) else {
        println!("skipped: serve beside wasmtime serve (there is no wrk; Debian has it as a package)");
        return;
    };
    let Some(wasmtime) = theirs::find() else {
        println!(
            "skipped: serve beside wasmtime serve (there is no wasmtime: `cargo install wasmtime-cli --version 48.0.8`, or set WASMTIME)"
        );
        return;
    };
    let Some(image) = theirs::image() else {
        println!(
            "skipped: serve beside wasmtime serve (set FAASBENCH_HTTP_IMAGE to the image that `faasbench build --platform wasmtime-serve function1` makes)"
        );
        return;
    };
    println!("load average: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    println!(
        "{}; function1 without work, {CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS} s",
        theirs::version(&wasmtime)
    );
    compare(&load, "a fresh instance for each request", "fresh", &wasmtime, &image, &[]);
    compare(&load, "instances used again", "kept", &wasmtime, &image, &["--max-instance-reuse-count", UNLIMITED]);
    println!("load average: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
}

fn compare(load: &Load, what: &str, scale: &str, wasmtime: &Path, image: &Path, options: &[&str]) {
    let ours = Ours::start(scale);
    let theirs = Theirs::start(wasmtime, image, options);
    load.warm(&ours.url);
    load.warm(&theirs.url);
    let (mut us, mut them) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        if round % 2 == 0 {
            us.push(load.run(&ours.url));
            them.push(load.run(&theirs.url));
        } else {
            them.push(load.run(&theirs.url));
            us.push(load.run(&ours.url));
        }
    }
    let median = |measured: &[Measured], of: fn(&Measured) -> f64| {
        let mut values: Vec<f64> = measured.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
    };
    println!("{what} (n = {ROUNDS} each, medians):");
    for (name, unit, of) in [
        ("requests/s", "", (|one| one.per_second) as fn(&Measured) -> f64),
        ("p50", " us", |one| one.p50_us),
        ("p99", " us", |one| one.p99_us),
    ] {
        let (us, them) = (median(&us, of), median(&them, of));
        println!("  {name}: ours {us:.0}{unit}, wasmtime serve {them:.0}{unit}, ours / theirs {:.2}", us / them);
    }
}
