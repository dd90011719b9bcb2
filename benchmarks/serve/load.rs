//! The load generator, `wrk`, and what it says.

use std::process::{Command, Stdio};

/// What one measurement said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// `wrk` with its settings.
pub(crate) struct Load {
    seconds: u32,
    connections: u32,
}

impl Load {
    pub(crate) fn find(seconds: u32, connections: u32) -> Option<Load> {
        // It has no flag that only tells its version, and ends with 1 after it.
        let there = Command::new("wrk").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        there.ok().map(|_| Load { seconds, connections })
    }

    /// A short run that is not counted.
    pub(crate) fn warm(&self, url: &str) {
        self.wrk(url, 1);
    }

    pub(crate) fn run(&self, url: &str) -> Measured {
        let said = self.wrk(url, self.seconds);
        assert!(!said.contains("Non-2xx"), "{url} answered with errors:\n{said}");
        let value = |name: &str| said.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim);
        let microseconds = |name: &str| {
            let text = value(name).unwrap_or_else(|| panic!("wrk said no {name}:\n{said}"));
            let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
            let number: f64 = text[..end].parse().expect("it is a number");
            number
                * match &text[end..] {
                    "us" => 1.0,
                    "ms" => 1e3,
                    _ => 1e6,
                }
        };
        let per_second = value("Requests/sec:").and_then(|text| text.parse().ok());
        Measured {
            per_second: per_second.unwrap_or_else(|| panic!("wrk said no rate:\n{said}")),
            p50_us: microseconds("50%"),
            p99_us: microseconds("99%"),
        }
    }

    fn wrk(&self, url: &str, seconds: u32) -> String {
        let output = Command::new("wrk")
            .args(["-t1", "--latency", "-c", &self.connections.to_string(), "-d", &format!("{seconds}s"), url])
            .output()
            .expect("wrk was there before");
        assert!(output.status.success(), "wrk failed: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
