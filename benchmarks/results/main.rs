//! `cargo bench --bench results`: how fast rows reach a results file, beside Python's `sqlite3` in turn, and what a report of
//! a run of a million invocations takes in time and memory. `FAASBENCH_RESULTS` names a PostgreSQL database to try too.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use faasbench::report;
use faasbench::results::row::{Invocation, Outcome};
use faasbench::results::{Location, NewRun, RunStatus, Store};
use faasbench::stats::{Bootstrap, Sample, ratio_of_medians};

/// Rows of one round of writing.
const ROWS: u32 = 200_000;
/// Rounds of writing: ours, Python's, Python's, ours.
const ROUNDS: usize = 7;
/// Invocations of the great run.
const MILLION: u32 = 1_000_000;
/// What tells this program that it is its own child, which only reports.
const REPORT: &str = "report-of";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // `cargo test --benches` passes a flag and wants no measurement.
    if arguments.iter().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    if let [_, mode, path] = arguments.as_slice()
        && mode == REPORT
    {
        runtime.block_on(report_of(Path::new(path)));
        return;
    }
    println!("load average: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    let folder = tempfile::tempdir().expect("a folder can be made");
    writing(&runtime, folder.path());
    if let Some(location) = std::env::var("FAASBENCH_RESULTS").ok().and_then(|text| text.parse::<Location>().ok()) {
        let (rate, _) = runtime.block_on(write(&location, ROWS));
        println!("{ROWS} invocations into {location}: {rate:.0} rows/s");
    }
    great_run(&runtime, folder.path());
}

/// Ours beside Python's, in turn.
fn writing(runtime: &tokio::runtime::Runtime, folder: &Path) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        for first in [round % 2 == 0, round % 2 == 1] {
            let path = folder.join("round.db");
            if first {
                ours.push(runtime.block_on(write(&Location::File(path.clone()), ROWS)).0);
            } else if let Some(rate) = python(&path) {
                theirs.push(rate);
            }
            for file in ["round.db", "round.db-wal", "round.db-shm"] {
                let _ = std::fs::remove_file(folder.join(file));
            }
        }
    }
    let ours = Sample::new(ours).expect("there are rounds");
    println!("{ROWS} invocations into SQLite: {:.0} rows/s (median of {})", ours.median(), ours.len());
    match Sample::new(theirs) {
        Ok(theirs) => {
            let ratio = ratio_of_medians(&ours, &theirs, &Bootstrap::default()).expect("no rate is zero");
            let interval = ratio.interval.map(|found| format!(" [{:.2}, {:.2}]", found.low, found.high));
            println!(
                "  Python's sqlite3: {:.0} rows/s; ours / theirs {:.2}x{}",
                theirs.median(),
                ratio.value,
                interval.unwrap_or_default()
            );
        }
        Err(_) => println!("  skipped: Python's sqlite3 (no python3 on the path)"),
    }
}

/// Rows per second from the first row to the last one in the file, and the run's id.
async fn write(location: &Location, rows: u32) -> (f64, String) {
    let store = Store::open(location).await.expect("the database can be opened");
    let recorder = store.create_run(NewRun::default()).await.expect("a run can be made");
    let begin = Instant::now();
    for index in 0..rows {
        recorder.record((recorder.reserve(), invocation(index))).expect("there is room");
        // A run measures: it never has more waiting than this.
        if index % 10_000 == 0 && recorder.unwritten() > 100_000 {
            recorder.flush().await.expect("rows can be written");
        }
    }
    recorder.finish(RunStatus::Complete).await.expect("the run can be finished");
    let seconds = begin.elapsed().as_secs_f64();
    let id = recorder.run().id.clone();
    store.close().await;
    (f64::from(rows) / seconds, id)
}

fn invocation(index: u32) -> Invocation {
    let engine = if index.is_multiple_of(2) { "native" } else { "wasm" };
    Invocation {
        experiment: "time".into(),
        function: "function1".into(),
        size: "test".into(),
        engine: engine.into(),
        platform: if index.is_multiple_of(2) { "process" } else { "wasm" }.into(),
        deployment: None,
        process: Some(index % 16),
        round: 0,
        repetition: index,
        is_cold: index < 16,
        intended_unix_ns: None,
        start_unix_ns: 1_795_000_000_000_000_000 + i64::from(index) * 1_000_000,
        wall_ns: Some(1_000_000 + u64::from(index) * 7_919 % 100_000),
        user_ns: Some(900_000),
        system_ns: Some(50_000),
        time_absent_reason: None,
        outcome: Outcome::Ok { result_digest: Some(format!("sha256:{}", "0".repeat(64))) },
        instance_identifier: Some("00000000-0000-4000-8000-000000000000".into()),
        response: None,
    }
}

fn python(path: &Path) -> Option<f64> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benchmarks/results/insert_rows.py");
    let output = Command::new("python3").arg(script).arg(ROWS.to_string()).arg(path).output().ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

/// A run of a million invocations: written, and reported by a process of its own, whose memory is its own.
fn great_run(runtime: &tokio::runtime::Runtime, folder: &Path) {
    let path = folder.join("million.db");
    let (rate, _) = runtime.block_on(write(&Location::File(path.clone()), MILLION));
    println!("{MILLION} invocations into SQLite: {rate:.0} rows/s");
    let program = std::env::current_exe().expect("this program has a file");
    let output = Command::new(program).arg(REPORT).arg(&path).output().expect("this program can be started");
    print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}

async fn report_of(path: &Path) {
    let begin = Instant::now();
    let store = Store::open_existing(&Location::File(path.to_owned())).await.expect("the file was written");
    let run = store.run("latest").await.expect("it has a run");
    let (report, detail) = report::collect_with_detail(&store, &run).await.expect("the run can be read");
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown").trim();
    println!(
        "its report: {} figures, {} distributions in {:.1} s; peak memory of the process {peak}",
        report.figures.len(),
        detail.distributions.len(),
        begin.elapsed().as_secs_f64()
    );
}
