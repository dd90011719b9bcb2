//! What a load says: as JSON, and as tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table, TableComponent};
use load::{Ended, LoadResult};
use schemars::JsonSchema;
use serde::Serialize;

use crate::report::shown;
use crate::stats::{Confidence, ranks};

/// Name and version of this format; another version has another number.
const SCHEMA: &str = "faasbench.load/1";
/// Which quantiles are told, where there are enough requests to carry them.
const QUANTILES: [f64; 6] = [0.5, 0.9, 0.95, 0.99, 0.999, 0.9999];

type Histogram = load::Histogram<u64>;

/// What came of a load: `faasbench load --json`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LoadReport {
    /// `faasbench.load/1`.
    pub schema: String,
    /// Where requests went.
    pub url: String,
    /// `open` or `closed`, with the shape or the clients.
    pub pace: String,
    /// From the beginning until the last answer, s.
    pub elapsed_s: f64,
    /// Why it ended.
    pub ended: Ended,
    /// Requests that ended, in whatever way.
    pub requests: u64,
    /// Of them, answered with success.
    pub succeeded: u64,
    /// Of them, failed, by how.
    pub failures: BTreeMap<String, u64>,
    /// Requests that were due and not sent.
    pub dropped: u64,
    /// Requests that the generator took up more than 1 ms late.
    pub late: u64,
    /// Ended requests per second.
    pub rate_per_s: f64,
    /// Bytes of all answers' bodies.
    pub body_bytes: u64,
    /// Different instances that the answers name; 0 where they name none.
    pub instances: usize,
    /// Answers of an instance's first invocation.
    pub cold: u64,
    /// From when a request was due; of successes. In a closed loop the same as `service`.
    pub response: Option<Latency>,
    /// From when a request was sent; of successes.
    pub service: Option<Latency>,
    /// From when a request was sent until the head of its answer.
    pub first_byte: Option<Latency>,
    /// New connections.
    pub connect: Option<Latency>,
    /// How late the generator took requests up; absent in a closed loop, where none is due.
    pub lateness: Option<Latency>,
    /// From when a request was due until it failed.
    pub failed: Option<Latency>,
    /// The generator's processor time for each request, us.
    pub generator_cpu_us_per_request: Option<f64>,
    /// Why the figures say more of the generator than of the server; absent where they don't.
    pub bottleneck: Option<String>,
}

/// A distribution of times.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Latency {
    /// How many.
    pub n: u64,
    /// The smallest, ns.
    pub min_ns: u64,
    /// The greatest, ns.
    pub max_ns: u64,
    /// Those that `n` carries.
    pub quantiles: Vec<Quantile>,
}

/// A quantile with its 95% interval by order statistics, which holds as far as requests don't depend on each other.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Quantile {
    /// Between 0 and 1.
    pub probability: f64,
    /// The value, ns, within the histogram's 3 digits.
    pub value_ns: u64,
    /// The lower end of its interval, ns.
    pub low_ns: u64,
    /// The upper end, ns.
    pub high_ns: u64,
}

impl Latency {
    fn of(histogram: &Histogram) -> Option<Latency> {
        let n = histogram.len();
        if n == 0 {
            return None;
        }
        let at_rank = |rank: usize| histogram.value_at_quantile(rank as f64 / n as f64);
        let quantiles = QUANTILES
            .into_iter()
            .filter_map(|probability| {
                let (low, high, _) = ranks(usize::try_from(n).ok()?, probability, Confidence::NINETY_FIVE)?;
                Some(Quantile {
                    probability,
                    value_ns: histogram.value_at_quantile(probability),
                    low_ns: at_rank(low),
                    high_ns: at_rank(high),
                })
            })
            .collect();
        Some(Latency { n, min_ns: histogram.min(), max_ns: histogram.max(), quantiles })
    }

    fn at(&self, probability: f64) -> Option<&Quantile> {
        self.quantiles.iter().find(|quantile| quantile.probability == probability)
    }
}

impl LoadReport {
    /// Of a result.
    pub fn new(url: &str, pace: &str, result: &LoadResult) -> LoadReport {
        let recording = &result.recording;
        LoadReport {
            schema: SCHEMA.to_owned(),
            url: url.to_owned(),
            pace: pace.to_owned(),
            elapsed_s: result.elapsed.as_secs_f64(),
            ended: result.ended,
            requests: result.requests(),
            succeeded: recording.succeeded(),
            failures: recording.failures.iter().map(|(failure, count)| (failure.to_string(), *count)).collect(),
            dropped: result.dropped,
            late: result.late(),
            rate_per_s: result.rate(),
            body_bytes: recording.body_bytes,
            instances: result.instances,
            cold: recording.cold,
            response: Latency::of(&recording.response_ns),
            service: Latency::of(&recording.service_ns),
            first_byte: Latency::of(&recording.first_byte_ns),
            connect: Latency::of(&recording.connect_ns),
            lateness: Latency::of(&recording.lateness_ns),
            failed: Latency::of(&recording.failed_ns),
            generator_cpu_us_per_request: result.cpu_us_per_request(),
            bottleneck: result.bottleneck(),
        }
    }

    /// For people.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // A String takes all that is written to it.
        let _ = writeln!(
            text,
            "{} requests in {:.1} s to {} ({}): {} per second, {} succeeded",
            self.requests,
            self.elapsed_s,
            self.url,
            self.pace,
            shown(self.rate_per_s, "1"),
            self.succeeded
        );
        for (failure, count) in &self.failures {
            let _ = writeln!(text, "  failed: {count} ({failure})");
        }
        if self.instances > 0 {
            let _ = writeln!(text, "{} instances answered; {} answers were cold", self.instances, self.cold);
        }
        let _ = writeln!(text, "\n{}", self.table());
        if self.late > 0 || self.dropped > 0 {
            let _ =
                writeln!(text, "{} requests were taken up more than 1 ms late, {} dropped", self.late, self.dropped);
        }
        if let Some(bottleneck) = &self.bottleneck {
            let _ = writeln!(text, "warning: {bottleneck}");
        }
        if self.ended == Ended::TooManyFailures {
            let _ = writeln!(text, "it was stopped: too many requests failed");
        }
        text
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(NOTHING).set_style(TableComponent::HeaderLines, '─');
        table.set_header(["", "n", "min", "p50", "p90", "p95", "p99", "p99.9", "p99.99", "max"]);
        for column in 1..10 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let rows = [
            ("response, since due", &self.response),
            ("service, since sent", &self.service),
            ("first byte, since sent", &self.first_byte),
            ("new connections", &self.connect),
            ("failures, since due", &self.failed),
            ("lateness of the generator", &self.lateness),
        ];
        for (name, latency) in rows {
            let Some(latency) = latency else { continue };
            // In a closed loop nothing is due.
            if name.starts_with("response") && self.lateness.is_none() {
                continue;
            }
            let ns = |ns: u64| shown(ns as f64, "ns");
            let mut cells = vec![name.to_owned(), latency.n.to_string(), ns(latency.min_ns)];
            let quantile = |probability| latency.at(probability).map_or("-".to_owned(), |found| ns(found.value_ns));
            cells.extend(QUANTILES.map(quantile));
            cells.push(ns(latency.max_ns));
            table.add_row(cells);
        }
        table
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_quantiles_that_the_requests_carry_are_told_each_in_its_interval() {
        let mut histogram = Histogram::new(3).unwrap();
        for value in 1..=400_u64 {
            histogram.record(value * 1_000_000).unwrap();
        }
        let latency = Latency::of(&histogram).unwrap();
        let told: Vec<f64> = latency.quantiles.iter().map(|quantile| quantile.probability).collect();
        // The 99.9th percentile needs 2,995.
        assert_eq!(told, [0.5, 0.9, 0.95, 0.99]);
        for quantile in &latency.quantiles {
            assert!(quantile.low_ns <= quantile.value_ns && quantile.value_ns <= quantile.high_ns, "{quantile:?}");
        }
        let median = latency.at(0.5).unwrap();
        assert!(median.low_ns >= 175_000_000 && median.high_ns <= 226_000_000, "{median:?}");
    }

    #[test]
    fn nothing_has_no_distribution() {
        assert_eq!(Latency::of(&Histogram::new(3).unwrap()), None);
    }
}
