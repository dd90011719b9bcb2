//! The generators: ours, wrk, oha, wrk2.

use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};

use crate::ours::CHILD;

/// The generators' core.
pub(crate) const CORE: &str = "1";

/// A generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Ours,
    Wrk,
    Oha,
    /// It is in no registry: the environment variable `WRK2` is its program.
    Wrk2,
}

/// What a closed loop came to.
pub(crate) struct Closed {
    pub(crate) per_second: f64,
    /// Processor time of the whole process over its requests, its start with it.
    pub(crate) cpu_us_per_request: f64,
}

impl Tool {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Tool::Ours => "ours",
            Tool::Wrk => "wrk",
            Tool::Oha => "oha",
            Tool::Wrk2 => "wrk2",
        }
    }

    pub(crate) fn is_here(&self) -> bool {
        let (program, advice) = match self {
            Tool::Ours => return true,
            Tool::Wrk => ("wrk".to_owned(), "Debian has it as a package"),
            Tool::Oha => ("oha".to_owned(), "`cargo install oha`"),
            Tool::Wrk2 => (wrk2(), "`WRK2=` its program, built from github.com/giltene/wrk2"),
        };
        let found = Command::new(&program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if found.is_err() {
            println!("skipped: {program} is not here ({advice})");
        }
        found.is_ok()
    }

    /// Whether it can send at a rate.
    pub(crate) fn paces(&self) -> bool {
        *self != Tool::Wrk
    }

    /// Whether it has a closed loop.
    pub(crate) fn closes(&self) -> bool {
        *self != Tool::Wrk2
    }

    pub(crate) fn closed(self, url: &str, connections: u32, seconds: u32) -> anyhow::Result<Closed> {
        let (n, s) = (connections.to_string(), seconds.to_string());
        let (printed, cpu_us) = match self {
            Tool::Ours => run(&ours(&["closed", url, &n, &s])?)?,
            Tool::Wrk | Tool::Wrk2 => run(&words(&["wrk", "-t1", &format!("-c{n}"), &format!("-d{s}s"), url]))?,
            Tool::Oha => {
                run(&words(&["oha", "--no-tui", "--output-format", "json", "-c", &n, "-z", &format!("{s}s"), url]))?
            }
        };
        let per_second = match self {
            Tool::Ours => numbers(&printed)?[0],
            Tool::Wrk | Tool::Wrk2 => after(&printed, "Requests/sec:")?,
            Tool::Oha => {
                let document: serde_json::Value = serde_json::from_str(&printed)?;
                document["summary"]["requestsPerSec"].as_f64().context("oha tells no rate")?
            }
        };
        Ok(Closed { per_second, cpu_us_per_request: cpu_us / (per_second * f64::from(seconds)) })
    }

    /// Sends at a rate; p50 and p99 of its lateness by its own clock, us, where it tells.
    pub(crate) fn paced(self, url: &str, rate: u32, seconds: u32) -> anyhow::Result<Option<[f64; 2]>> {
        let (r, s) = (rate.to_string(), seconds.to_string());
        Ok(match self {
            Tool::Ours => {
                let (printed, _) = run(&ours(&["paced", url, &r, &s])?)?;
                let [_, p50, p99] = numbers(&printed)?;
                Some([p50, p99])
            }
            Tool::Wrk => None,
            Tool::Wrk2 => {
                // Each of its connections has a schedule of its own: one has an even one.
                run(&words(&[&wrk2(), "-t1", "-c1", &format!("-d{s}s"), &format!("-R{r}"), url]))?;
                None
            }
            Tool::Oha => {
                let duration = format!("{s}s");
                run(&words(&["oha", "--no-tui", "--output-format", "json", "-q", &r, "-z", &duration, url]))?;
                None
            }
        })
    }
}

/// The most memory that our generator takes for so many requests, KiB.
pub(crate) fn peak_of_many(url: &str, connections: u32, requests: u64) -> anyhow::Result<u64> {
    let words = ours(&["many", url, &connections.to_string(), &requests.to_string()])?;
    let mut child = start(&words)?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(peak).max(peak);
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    ensure!(child.wait()?.success() && peak > 0, "our generator failed");
    Ok(peak)
}

fn wrk2() -> String {
    std::env::var("WRK2").unwrap_or_else(|_| "wrk2".to_owned())
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn ours(arguments: &[&str]) -> anyhow::Result<Vec<String>> {
    let program = std::env::current_exe()?.to_string_lossy().into_owned();
    Ok([vec![program, CHILD.to_owned()], words(arguments)].concat())
}

/// Starts it on the generators' core.
fn start(words: &[String]) -> anyhow::Result<Child> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let pinned = ["taskset".to_owned(), "-c".to_owned(), CORE.to_owned()];
    let all = if cores > 1 { [&pinned[..], words].concat() } else { words.to_vec() };
    let mut command = Command::new(&all[0]);
    command.args(&all[1..]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().with_context(|| all.join(" "))
}

/// What it prints, and its processor time, us.
fn run(words: &[String]) -> anyhow::Result<(String, f64)> {
    let before = children_us()?;
    let output = start(words)?.wait_with_output()?;
    ensure!(output.status.success(), "{} failed", words.join(" "));
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), children_us()? - before))
}

/// Processor time of all children that have ended, us: fields 16 and 17 of `/proc/self/stat`, in ticks of 10 ms.
fn children_us() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // Behind the name, which may hold spaces, the first is field 3.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace().skip(13).take(2);
    let ticks: Vec<f64> = fields.map(str::parse).collect::<Result<_, _>>()?;
    ensure!(ticks.len() == 2, "/proc/self/stat is not what proc(5) says");
    Ok(ticks.iter().sum::<f64>() * 1e4)
}

/// The three numbers that our generator prints.
fn numbers(printed: &str) -> anyhow::Result<[f64; 3]> {
    let numbers: Vec<f64> = printed.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    <[f64; 3]>::try_from(numbers).ok().context("our generator did not print three numbers")
}

fn after(printed: &str, label: &str) -> anyhow::Result<f64> {
    let line = printed.lines().find_map(|line| line.trim().strip_prefix(label));
    Ok(line.with_context(|| format!("there is no {label}"))?.trim().parse()?)
}
