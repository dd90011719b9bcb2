//! What a rented machine can serve, and for what.

use super::table::MachinePrice;

/// Hours of a month, as providers count: 365 x 24 / 12.
pub const HOURS_PER_MONTH: f64 = 730.0;

impl MachinePrice {
    /// What it costs in a month, in its currency.
    pub fn per_month(&self) -> f64 {
        self.per_hour * HOURS_PER_MONTH
    }

    /// Most calls in a month that it serves, each for `call_seconds` in an instance with this memory and these vCPUs, were it busy all
    /// the time and kept nothing for its own system: an upper bound. `None` when not one instance fits.
    pub fn calls_per_month(&self, call_seconds: f64, memory_bytes: Option<u64>, vcpus: f64) -> Option<f64> {
        let by_memory = memory_bytes
            .filter(|bytes| *bytes > 0)
            .map_or(f64::INFINITY, |bytes| (self.memory_gib * 1_073_741_824.0 / bytes as f64).floor());
        let instances = by_memory.min((self.vcpus / vcpus).floor());
        let calls = instances * HOURS_PER_MONTH * 3600.0 / call_seconds;
        (calls > 0.0 && calls.is_finite()).then_some(calls)
    }

    /// What it is, where its price is from and of when: for a note.
    pub fn origin(&self) -> String {
        let remark = self.remark.as_ref().map_or_else(String::new, |remark| format!("; {remark}"));
        format!(
            "{} {} in {} ({} vCPU, {} GiB) at {} {} an hour, {} ({}){remark}",
            self.provider,
            self.name,
            self.region,
            self.vcpus,
            self.memory_gib,
            self.per_hour,
            self.currency,
            self.source,
            self.date
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::table::PriceTable;

    #[test]
    fn the_scarcer_of_memory_and_processors_bounds_what_a_machine_serves() {
        let machine = PriceTable::compiled_in().unwrap().machine("t3.medium").unwrap().clone();
        assert!((machine.per_month() - 30.368).abs() < 1e-9);
        let month = 730.0 * 3600.0;
        assert_eq!(machine.calls_per_month(1.0, Some(128 << 20), 1.0), Some(2.0 * month));
        assert_eq!(machine.calls_per_month(1.0, Some(3 << 30), 1.0), Some(month));
        assert_eq!(machine.calls_per_month(0.1, None, 0.5), Some(40.0 * month));
        assert_eq!(machine.calls_per_month(1.0, Some(8 << 30), 1.0), None);
        assert_eq!(machine.calls_per_month(0.0, None, 1.0), None);
    }
}
