//! `cargo bench -p load --bench load`: our load generator beside `wrk`, `oha` and `wrk2`, in turn, on the same server and the same core. The
//! server has a core to itself and each generator, in turn, another one. What is missing is said and left out.

mod ours;
mod server;
mod tools;

use server::Server;
use tools::{Closed, Tool};

/// Rounds of each comparison, in alternating order.
const ROUNDS: usize = 5;
/// How long one measurement takes, s.
const SECONDS: u32 = 4;
/// Connections of the closed loop.
const CONNECTIONS: u32 = 32;
/// Requests a second where it is looked at how well they are paced.
const RATE: u32 = 1_000;
/// Requests of the run that memory is looked at in.
const MANY: u64 = 10_000_000;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    // `cargo test --benches` passes a flag and wants no measurement.
    if arguments.iter().any(|argument| argument == "--test") {
        return Ok(());
    }
    if let Some(place) = arguments.iter().position(|argument| argument == ours::CHILD) {
        return ours::measure(&arguments[place + 1..]);
    }
    let tools: Vec<Tool> = [Tool::Ours, Tool::Wrk, Tool::Oha, Tool::Wrk2].into_iter().filter(Tool::is_here).collect();
    let server = Server::start()?;
    println!("load average: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    closed(&tools, &server)?;
    paced(&tools, &server)?;
    if arguments.iter().any(|argument| argument == "--many") {
        many(&server)?;
    } else {
        println!("memory at {MANY} requests: with `-- --many`, some minutes");
    }
    println!("load average: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    Ok(())
}

/// Runs every tool in each round, forwards and backwards in turn.
fn in_turn<T>(tools: &[Tool], measure: impl Fn(Tool) -> anyhow::Result<T>) -> anyhow::Result<Vec<(Tool, Vec<T>)>> {
    let mut all: Vec<(Tool, Vec<T>)> = tools.iter().map(|tool| (*tool, Vec::new())).collect();
    for round in 0..ROUNDS {
        let mut order: Vec<usize> = (0..all.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let measured = measure(all[index].0)?;
            all[index].1.push(measured);
        }
    }
    Ok(all)
}

fn closed(tools: &[Tool], server: &Server) -> anyhow::Result<()> {
    println!("closed loop, {CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS} s, medians:");
    let able: Vec<Tool> = tools.iter().copied().filter(Tool::closes).collect();
    let all = in_turn(&able, |tool| tool.closed(&server.url(), CONNECTIONS, SECONDS))?;
    let rate = |measured: &[Closed]| median(measured.iter().map(|one| one.per_second).collect());
    let ours = rate(&all[0].1);
    for (tool, measured) in &all {
        let cpu: Vec<f64> = measured.iter().map(|one| one.cpu_us_per_request).collect();
        println!(
            "  {:5} {:>9.0} requests/s, {:>5.2} us of processor time for each; ours / {} {:.2}x",
            tool.name(),
            rate(measured),
            median(cpu),
            tool.name(),
            ours / rate(measured)
        );
    }
    Ok(())
}

/// How far from its time each request reaches the server: the same look at every tool, with the server's own wake-up in it.
fn paced(tools: &[Tool], server: &Server) -> anyhow::Result<()> {
    println!(
        "{RATE}/s, {ROUNDS} rounds of {SECONDS} s: how far requests are from an even schedule when the server has them, medians:"
    );
    let able: Vec<Tool> = tools.iter().copied().filter(Tool::paces).collect();
    let all = in_turn(&able, |tool| {
        server.forget();
        let own = tool.paced(&server.url(), RATE, SECONDS)?;
        Ok((server.off_schedule_us(RATE), own))
    })?;
    for (tool, measured) in &all {
        let of = |quantile: f64| median(measured.iter().map(|(off, _)| quantile_of(off, quantile)).collect());
        let n: usize = measured.iter().map(|(off, _)| off.len()).sum();
        println!("  {:5} p50 {:.1} us, p99 {:.1} us (n = {n})", tool.name(), of(0.5), of(0.99));
    }
    let own: Vec<[f64; 2]> = all.iter().flat_map(|(_, measured)| measured.iter().filter_map(|(_, own)| *own)).collect();
    let of = |place: usize| median(own.iter().map(|one| one[place]).collect());
    println!("  ours, by its own clock when it sends: p50 {:.1} us, p99 {:.1} us", of(0), of(1));
    Ok(())
}

fn many(server: &Server) -> anyhow::Result<()> {
    println!("{MANY} requests: at most {} KiB of memory", tools::peak_of_many(&server.url(), CONNECTIONS, MANY)?);
    Ok(())
}

/// The middle value, or the mean of the two in the middle; NaN without values.
fn median(values: Vec<f64>) -> f64 {
    quantile_of(&values, 0.5)
}

/// The value at a share of the sorted values, between neighbours.
fn quantile_of(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * place.fract()
}
