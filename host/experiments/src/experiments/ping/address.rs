//! Round trips to a deployment's address, without the platform's client in between.

use std::time::{Duration, Instant};

use load::{Address, HeaderName, HeaderValue, LoadPlan, Pace, RequestRecord, RequestTemplate, Stop, Target};
use platform::HttpCall;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What was measured of an address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct AtAddress {
    /// Host and port.
    pub(super) authority: String,
    /// Whether TLS is spoken.
    pub(super) tls: bool,
    /// Connections of TCP alone, ns.
    pub(super) tcp_ns: Vec<u64>,
    /// Those that could not be made.
    pub(super) tcp_failed: u64,
    /// Requests on a kept connection.
    pub(super) kept: Vec<Trip>,
    /// Requests each on a connection of its own.
    pub(super) new: Vec<Trip>,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Trip {
    /// Its new connection, with TLS where that is spoken, ns.
    pub(super) connect_ns: Option<u64>,
    /// From when it was sent on the connection until the answer's head, ns.
    pub(super) first_byte_ns: Option<u64>,
    /// The same until the answer was complete, ns.
    pub(super) total_ns: u64,
    /// The answer's status.
    pub(super) status: Option<u16>,
    /// How it failed.
    pub(super) failure: Option<String>,
}

impl Trip {
    /// Whether something answered: an answer that refuses has gone there and back too.
    pub(super) fn is_answered(&self) -> bool {
        self.status.is_some() && self.first_byte_ns.is_some()
    }
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Of each kind.
    pub(super) requests: u32,
    /// How long one may take.
    pub(super) patience: Duration,
    /// How long all of one kind may take.
    pub(super) longest: Duration,
}

/// Measures an address.
///
/// # Errors
/// Why it can't be.
pub(super) async fn measure(call: &HttpCall, event: &'static [u8], bounds: Bounds) -> Result<AtAddress, String> {
    let target: Target = call.url.parse().map_err(|error: load::TargetError| error.to_string())?;
    let Address::Tcp { host, port } = &target.address else {
        return Err(format!("{} is a socket on this machine, which no network leads to", call.url));
    };
    let mut request = RequestTemplate::post_json(event);
    for (name, value) in &call.headers {
        let mut value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
        value.set_sensitive(true);
        request.headers.insert(HeaderName::from_static(name), value);
    }
    let (tcp_ns, tcp_failed) = tcp(host, *port, bounds).await;
    let kept = requests(target.clone(), request.clone(), true, bounds).await?;
    let new = requests(target.clone(), request, false, bounds).await?;
    Ok(AtAddress { authority: target.authority.clone(), tls: target.tls, tcp_ns, tcp_failed, kept, new })
}

/// Connections of TCP alone: a SYN there and its answer back, in which no program there takes part.
async fn tcp(host: &str, port: u16, bounds: Bounds) -> (Vec<u64>, u64) {
    let (begin, mut taken_ns, mut failed) = (Instant::now(), Vec::new(), 0);
    for _ in 0..bounds.requests {
        if begin.elapsed() > bounds.longest {
            break;
        }
        let start = Instant::now();
        match timeout(bounds.patience, TcpStream::connect((host, port))).await {
            Ok(Ok(_)) => taken_ns.push(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)),
            Ok(Err(_)) | Err(_) => failed += 1,
        }
    }
    (taken_ns, failed)
}

/// Requests one after another.
async fn requests(target: Target, request: RequestTemplate, keep: bool, bounds: Bounds) -> Result<Vec<Trip>, String> {
    let pace = Pace::Closed { clients: 1, think: Duration::ZERO };
    let plan = LoadPlan {
        most_requests: Some(u64::from(bounds.requests)),
        keep_connections: keep,
        timeout: bounds.patience,
        threads: 1,
        keep_records: true,
        ..LoadPlan::new(target, request, pace, bounds.longest)
    };
    let running = tokio::task::spawn_blocking(move || {
        let mut trips = Vec::new();
        let ran = load::run(plan, &Stop::new(), |progress| trips.extend(progress.records.iter().map(trip)));
        ran.map(|_| trips)
    });
    running.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

fn trip(record: &RequestRecord) -> Trip {
    Trip {
        connect_ns: record.connect_ns,
        first_byte_ns: record.first_byte_ns.map(|at| at.saturating_sub(record.sent_ns)),
        total_ns: record.end_ns.saturating_sub(record.sent_ns),
        status: record.status,
        failure: record.failure.map(|failure| failure.to_string()),
    }
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
