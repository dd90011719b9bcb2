//! What `faasbench load` accepts.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::percentage::share;
use super::platform::ConfigurationFile;
use super::stored::ResultsLocation;
use crate::configuration::parse_duration;

/// Shapes of an open load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum LoadShape {
    /// Evenly, at --rate
    Constant,
    /// At --rate, independently of each other
    Poisson,
    /// From --from to --rate, evenly
    Ramp,
    /// From --from to --rate in --steps equal steps
    Step,
    /// At --from, and at --rate in the middle fifth
    Spike,
    /// From --from to --rate in the middle and back
    Pyramid,
    /// --burst requests at once, --rate bursts a second
    Burst,
}

/// Send requests to a deployed function or any URL.
#[derive(Debug, Args)]
pub(in crate::cli) struct LoadArguments {
    /// The name of what is deployed, or http://HOST:PORT/PATH, https://…, unix:/SOCKET:/PATH
    #[arg(value_name = "FUNCTION|URL")]
    pub(in crate::cli) target: String,

    /// Where the function is deployed, when it is in several places
    #[arg(long, value_name = "PLATFORM")]
    pub(in crate::cli) platform: Option<String>,

    /// Requests per second, such as 500 or 500/s: an open load, sent whether or not earlier requests were answered
    #[arg(long, value_name = "RATE", value_parser = rate, conflicts_with = "clients")]
    pub(in crate::cli) rate: Option<f64>,

    /// So many clients in a closed loop, each waiting for its answer before its next request [default: 32]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) clients: Option<u32>,

    /// How long each client of a closed loop thinks between answer and request
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "0ms", requires = "clients")]
    pub(in crate::cli) think: Duration,

    /// How long requests are sent
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration, default_value = "10s")]
    pub(in crate::cli) length: Duration,

    /// How an open load is spread over time
    #[arg(long, value_name = "SHAPE", default_value = "constant", requires = "rate")]
    pub(in crate::cli) shape: LoadShape,

    /// The lower rate of ramp, step, spike and pyramid, requests per second [default: 0]
    #[arg(long, value_name = "RATE", value_parser = rate_or_none, requires = "rate")]
    pub(in crate::cli) from: Option<f64>,

    /// Steps of the shape step [default: 5]
    #[arg(long, value_name = "N", requires = "rate")]
    pub(in crate::cli) steps: Option<u32>,

    /// Requests of each burst [default: 10]
    #[arg(long, value_name = "N", requires = "rate")]
    pub(in crate::cli) burst: Option<u32>,

    /// Stop after so many requests
    #[arg(long, value_name = "N")]
    pub(in crate::cli) requests: Option<u64>,

    /// The body of each request; @FILE reads one
    #[arg(long, value_name = "JSON|@FILE", default_value = "{}")]
    pub(in crate::cli) payload: String,

    /// The method
    #[arg(long, value_name = "METHOD", default_value = "POST")]
    pub(in crate::cli) method: String,

    /// A further header, as `Name: value`; may be repeated
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub(in crate::cli) headers: Vec<String>,

    /// Speak HTTP/2
    #[arg(long)]
    pub(in crate::cli) http2: bool,

    /// A new connection for each request
    #[arg(long)]
    pub(in crate::cli) new_connections: bool,

    /// Most connections at once; over HTTP/1.1 each client of a closed loop has one [default: 256, or the clients]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) connections: Option<u32>,

    /// Longest wait for an answer
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "30s")]
    pub(in crate::cli) timeout: Duration,

    /// Stop when more than this share of requests fails
    #[arg(long, value_name = "PERCENT", value_parser = share)]
    pub(in crate::cli) stop_above_failures: Option<f64>,

    /// Threads that send [default: half of the processors]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) threads: Option<u32>,

    /// Certificates to trust in place of the machine's, PEM
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) trust: Option<PathBuf>,

    /// Seed of what is left to chance
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub(in crate::cli) seed: u64,

    /// Write the distribution of response times into this file, in HdrHistogram's log format
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) hdr_log: Option<PathBuf>,

    /// Keep every request in the results too, as a run: when it was due, sent and answered, by which instance
    #[arg(long)]
    pub(in crate::cli) store: bool,

    /// A name for that run
    #[arg(long, value_name = "TEXT", requires = "store")]
    pub(in crate::cli) label: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) configuration: ConfigurationFile,

    #[command(flatten)]
    pub(in crate::cli) results: ResultsLocation,

    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// A rate above zero, such as `500` or `500/s`.
fn rate(text: &str) -> Result<f64, String> {
    match rate_or_none(text)? {
        rate if rate > 0.0 => Ok(rate),
        _ => Err("give a number of requests per second above 0, such as 500/s".to_owned()),
    }
}

fn rate_or_none(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text).trim().parse::<f64>();
    number
        .ok()
        .filter(|rate| rate.is_finite() && *rate >= 0.0)
        .ok_or_else(|| "give a number of requests per second, such as 500/s".to_owned())
}
