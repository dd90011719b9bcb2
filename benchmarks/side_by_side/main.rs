//! `cargo bench --bench side_by_side`: ours beside a competitor's, in turn, in one run. Each line is a ratio of medians with
//! its interval. What is missing (Python, Pillow, a photograph) is said, and the rest goes on.

mod competitor;
mod laboratory;

use std::path::{Path, PathBuf};
use std::time::Instant;

use competitor::Python;
use faasbench::engine::wasm::Allocation;
use faasbench::engine::{EngineKind, Instance, MAX_EVENT_BYTES};
use faasbench::probe::clock::{Bracket, Scope};
use faasbench::stats::{Bootstrap, Sample, ratio_of_medians};
use faasbench::workload;
use laboratory::Laboratory;
use serde_json::{Value, json};

/// Rounds of each comparison: A B A B.
const ROUNDS: usize = 31;
/// Calls in one round where one takes microseconds: in turn one by one, each would find the caches as the other left them.
const QUICK_CALLS: u32 = 200;

fn main() {
    // `cargo test --benches` passes a flag and wants no measurement.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let laboratory = Laboratory::new();
    println!("load average: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    instantiation(&laboratory);
    engines(&laboratory);
    thumbnailer(&laboratory);
    compression(&laboratory);
    sizes();
}

/// A pooled instance against one on demand.
fn instantiation(laboratory: &Laboratory) {
    let function = workload::find("function1").expect("it exists");
    let pooled = laboratory.launcher(EngineKind::Wasm, Allocation::Pooled { instances: 64 });
    let on_demand = laboratory.launcher(EngineKind::Wasm, Allocation::OnDemand);
    let fresh = |launcher: &faasbench::engine::Launcher| {
        let begin = Instant::now();
        for _ in 0..QUICK_CALLS {
            let (mut instance, _) = launcher.launch(function).expect("there is room");
            instance.invoke("{}").expect("the event is empty");
        }
        begin.elapsed().as_secs_f64() / f64::from(QUICK_CALLS)
    };
    compare("fresh WASM instance, no-op event: on demand / pooled", ROUNDS, || fresh(&on_demand), || fresh(&pooled));
}

/// WASM against native on the three functions that compute.
fn engines(laboratory: &Laboratory) {
    for (name, size) in [
        ("thumbnailer", workload::Size::Small),
        ("compression", workload::Size::Small),
        ("monolith", workload::Size::Large),
    ] {
        let event = laboratory.prepare(name, size);
        let mut wasm = laboratory.instance(name, EngineKind::Wasm);
        let mut native = laboratory.instance(name, EngineKind::Native);
        compare(
            &format!("{name}/{size}: wasm / native"),
            ROUNDS,
            || laboratory.invoke(&mut *wasm, &event).0,
            || laboratory.invoke(&mut *native, &event).0,
        );
    }
}

/// The thumbnailer against Pillow, on a photograph.
fn thumbnailer(laboratory: &Laboratory) {
    let Some(photograph) = shared("data/210.thumbnailer").and_then(|folder| {
        let mut files: Vec<PathBuf> = folder.read_dir().ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.sort();
        files.into_iter().find(|path| path.to_string_lossy().contains("1624438"))
    }) else {
        println!("skipped: thumbnailer against Pillow (there is no photograph at ../shared/data/210.thumbnailer)");
        return;
    };
    let event = laboratory.put("photographs/1624438.jpg", &photograph);
    let mut wasm = laboratory.instance("thumbnailer", EngineKind::Wasm);
    let mut native = laboratory.instance("thumbnailer", EngineKind::Native);
    compare(
        "thumbnailer, photograph 3648 x 5472: wasm / native",
        ROUNDS,
        || laboratory.invoke(&mut *wasm, &event).0,
        || laboratory.invoke(&mut *native, &event).0,
    );
    match Python::start(include_str!("pillow.py"), &photograph) {
        Ok(mut pillow) => {
            println!("  (competitor: {})", pillow.version());
            compare(
                "thumbnailer, photograph 3648 x 5472: ours, native / Pillow",
                ROUNDS,
                || laboratory.invoke(&mut *native, &event).0,
                || pillow.run().0,
            );
        }
        Err(reason) => println!("skipped: thumbnailer against Pillow ({reason})"),
    }
}

/// The compression against Python's zipfile, on a document tree.
fn compression(laboratory: &Laboratory) {
    let Some(tree) = shared("data/311.compression/acmart-master") else {
        println!("skipped: compression against zipfile (there is no tree at ../shared/data/311.compression)");
        return;
    };
    let event = laboratory.put_tree("acmart", &tree);
    let mut wasm = laboratory.instance("compression", EngineKind::Wasm);
    let mut native = laboratory.instance("compression", EngineKind::Native);
    compare(
        "compression, acmart tree: wasm / native",
        ROUNDS,
        || laboratory.invoke(&mut *wasm, &event).0,
        || laboratory.invoke(&mut *native, &event).0,
    );
    match Python::start(include_str!("zipfile_deflate.py"), &tree) {
        Ok(mut zipfile) => {
            println!("  (competitor: {})", zipfile.version());
            let (mut ours_bytes, mut theirs_bytes) = (0, 0);
            compare(
                "compression, acmart tree: Python's zipfile, level 6 / ours, native",
                ROUNDS,
                || {
                    let (seconds, bytes) = zipfile.run();
                    theirs_bytes = bytes;
                    seconds
                },
                || {
                    let (seconds, response) = laboratory.invoke(&mut *native, &event);
                    ours_bytes = response["measurement"]["upload_bytes"].as_u64().unwrap_or(0);
                    seconds
                },
            );
            let larger = (ours_bytes as f64 / theirs_bytes as f64 - 1.0) * 100.0;
            println!("  archive: ours {ours_bytes} bytes, Python's {theirs_bytes} bytes: {larger:+.2}%");
        }
        Err(reason) => println!("skipped: compression against zipfile ({reason})"),
    }
}

fn sizes() {
    for (name, component) in artifacts::COMPONENTS {
        println!("{name} as a component: {} bytes", component.len());
    }
    let bracket = Bracket::new(Scope::Thread).own_wall_ns(10_001).expect("there were rounds");
    println!("bracket of the time experiment: {bracket} ns of its own in the wall time");
    println!("largest event: {MAX_EVENT_BYTES} bytes");
}

/// Runs both in turn and prints the ratio of their medians.
fn compare(what: &str, rounds: usize, mut above: impl FnMut() -> f64, mut below: impl FnMut() -> f64) {
    // One of each that is not counted: the first touches cold caches.
    let _ = (above(), below());
    let (mut aboves, mut belows) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        // A B B A: neither is always the one after the other.
        if round % 2 == 0 {
            aboves.push(above());
            belows.push(below());
        } else {
            belows.push(below());
            aboves.push(above());
        }
    }
    let (Ok(aboves), Ok(belows)) = (Sample::new(aboves), Sample::new(belows)) else { return };
    let milliseconds = |sample: &Sample| sample.median() * 1e3;
    match ratio_of_medians(&aboves, &belows, &Bootstrap::default()) {
        Some(ratio) => {
            let interval = ratio
                .interval
                .map_or(String::new(), |interval| format!(" [{:.2}, {:.2}]", interval.low, interval.high));
            println!(
                "{what}: {:.2}x{interval} ({:.4} ms / {:.4} ms, medians of {rounds})",
                ratio.value,
                milliseconds(&aboves),
                milliseconds(&belows)
            );
        }
        None => println!("{what}: no ratio"),
    }
}

/// A folder beside the repository with real inputs.
fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(path);
    path.exists().then_some(path)
}

/// The response of an invocation, which must have succeeded.
fn response(instance: &mut dyn Instance, event: &Value) -> Value {
    let body = instance.invoke(&event.to_string()).expect("the event is right");
    serde_json::from_str(&body).unwrap_or(json!(null))
}
