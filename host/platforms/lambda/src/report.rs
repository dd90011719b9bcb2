//! The line that Lambda writes at the end of every invocation.

use platform::Billing;

/// Bytes of what Lambda calls a MB.
pub(crate) const MEGABYTE: u64 = 1 << 20;

/// What a line `REPORT RequestId: …` says.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The invocation.
    pub request_id: String,
    /// How long the function ran, us.
    pub duration_us: u64,
    /// Billed time, us; since August 2025 with the start of the instance.
    pub billed_us: u64,
    /// Memory of the function, bytes.
    pub memory_bytes: u64,
    /// Most memory that the instance has used until then, bytes.
    pub peak_memory_bytes: u64,
    /// Starting the instance, us; `None` for a warm one, or one that was started before it was asked for.
    pub init_us: Option<u64>,
}

impl Report {
    /// The last report in a log, of an invocation when one is named.
    ///
    /// Its fields are `NAME: VALUE UNIT`, parted by tabs; some emulators part them by blanks.
    pub fn find(log: &str, request_id: Option<&str>) -> Option<Report> {
        let reports = log.lines().rev().filter_map(Report::parse);
        reports.into_iter().find(|report| request_id.is_none_or(|id| report.request_id == id))
    }

    /// Reads one line; `None` when it is another.
    pub fn parse(line: &str) -> Option<Report> {
        let rest = line.trim().strip_prefix("REPORT RequestId:")?;
        let request_id = rest.split_whitespace().next()?.to_owned();
        Some(Report {
            duration_us: field(rest, &["\tDuration:", " Duration:"], "ms")?.0,
            billed_us: field(rest, &["Billed Duration:"], "ms")?.0,
            memory_bytes: field(rest, &["Memory Size:"], "MB")?.1,
            peak_memory_bytes: field(rest, &["Max Memory Used:"], "MB")?.1,
            init_us: field(rest, &["Init Duration:"], "ms").map(|(us, _)| us),
            request_id,
        })
    }

    /// What it says of the bill.
    pub fn billing(&self) -> Billing {
        let seconds = self.billed_us as f64 / 1e6;
        Billing {
            billed_us: self.billed_us,
            start_us: self.init_us,
            wait_us: None,
            memory_bytes: Some(self.memory_bytes),
            gigabyte_seconds: Some(seconds * self.memory_bytes as f64 / 1e9),
            peak_memory_bytes: Some(self.peak_memory_bytes),
        }
    }
}

/// A field's value: milliseconds as us, and megabytes as bytes.
fn field(line: &str, names: &[&str], unit: &str) -> Option<(u64, u64)> {
    // "Duration:" also ends "Billed Duration:" and "Init Duration:".
    let is_own = |at: usize| !["Billed", "Init", "Restore"].iter().any(|word| line[..at].trim_end().ends_with(word));
    let whole = names[0].trim_start() != "Duration:";
    let after = names.iter().find_map(|name| {
        let mut places = line.match_indices(name);
        places.find(|(at, _)| whole || is_own(*at)).map(|(at, name)| &line[at + name.len()..])
    })?;
    let mut words = after.split_whitespace();
    let value: f64 = words.next()?.parse().ok()?;
    if words.next()? != unit || !value.is_finite() || !(0.0..1e12).contains(&value) {
        return None;
    }
    Some(((value * 1000.0).round() as u64, (value * MEGABYTE as f64) as u64))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COLD: &str = "START RequestId: a Version: $LATEST\nhello\nEND RequestId: a\nREPORT RequestId: a\tDuration: 1.23 ms\tBilled \
                        Duration: 20 ms\tMemory Size: 128 MB\tMax Memory Used: 16 MB\tInit Duration: 15.93 ms\t\n";

    #[test]
    fn a_cold_invocations_report_tells_its_start() {
        let report = Report::find(COLD, Some("a")).unwrap();
        assert_eq!((report.duration_us, report.billed_us, report.init_us), (1230, 20_000, Some(15_930)));
        assert_eq!((report.memory_bytes, report.peak_memory_bytes), (128 << 20, 16 << 20));
        let billing = report.billing();
        assert_eq!((billing.start_us, billing.billed_us), (Some(15_930), 20_000));
        let expected = 0.020 * f64::from(128 << 20) / 1e9;
        assert!((billing.gigabyte_seconds.unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn a_warm_ones_tells_none_and_an_emulators_is_parted_by_blanks() {
        let line = "REPORT RequestId: b Init Duration: 0.05 ms Duration: 3.5 ms Billed Duration: 4 ms Memory Size: 3008 MB Max Memory Used: 3008 MB";
        let report = Report::parse(line).unwrap();
        assert_eq!((report.duration_us, report.billed_us, report.init_us), (3500, 4000, Some(50)));
        let warm = line.replace("Init Duration: 0.05 ms ", "");
        assert_eq!(Report::parse(&warm).unwrap().init_us, None);
        assert_eq!(Report::parse(&warm).unwrap().duration_us, 3500);
    }

    #[test]
    fn only_the_reports_of_the_invocation_count_and_a_cut_one_is_none() {
        assert_eq!(Report::find(COLD, Some("b")), None);
        for line in [
            "REPORT RequestId: a\tDuration: 1.23 ms\tBilled Dur",
            "REPORT RequestId:",
            "",
            "REPORT RequestId: a\tDuration: x ms",
        ] {
            assert_eq!(Report::parse(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,200}") {
            let _ = Report::find(&format!("REPORT RequestId: {text}"), None);
            let _ = Report::find(&text, None);
        }

        #[test]
        fn every_report_is_read_back(duration in 0u64..1_000_000_000, billed in 0u64..900_001, memory in 128u64..10_241, used in 1u64..10_241, init in proptest::option::of(0u64..10_000_000)) {
            let init_text = init.map(|us| format!("\tInit Duration: {:.2} ms", us as f64 / 1000.0)).unwrap_or_default();
            let line = format!(
                "REPORT RequestId: 8f\tDuration: {:.3} ms\tBilled Duration: {billed} ms\tMemory Size: {memory} MB\tMax Memory Used: {used} MB{init_text}\t",
                duration as f64 / 1000.0
            );
            let report = Report::parse(&line).unwrap();
            prop_assert_eq!(report.duration_us, duration);
            prop_assert_eq!(report.billed_us, billed * 1000);
            prop_assert_eq!(report.memory_bytes, memory << 20);
            prop_assert_eq!(report.peak_memory_bytes, used << 20);
            prop_assert_eq!(report.init_us.is_some(), init.is_some());
        }
    }
}
