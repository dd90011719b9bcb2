//! What one call costs, and what so many a month do.

use super::table::FunctionPrice;

/// Bytes of a GiB.
const GIBIBYTE: f64 = 1_073_741_824.0;
/// Bytes of a MiB.
const MEBIBYTE: u64 = 1_048_576;

/// What a call is billed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bill {
    /// Billed time, us.
    pub billed_us: u64,
    /// Billed memory, bytes.
    pub memory_bytes: u64,
    /// Billed vCPUs; `None`: they are a part of the memory's price.
    pub vcpus: Option<f64>,
    /// Its cost in the first tier, in the price's currency.
    pub cost: f64,
}

impl Bill {
    /// Billed time times billed memory, GB-s (GB: 10^9 bytes).
    pub fn gigabyte_seconds(&self) -> f64 {
        self.billed_us as f64 / 1e6 * self.memory_bytes as f64 / 1e9
    }

    /// The same with a GB as the providers have it, of 2^30 bytes.
    pub fn gibibyte_seconds(&self) -> f64 {
        self.billed_us as f64 / 1e6 * self.memory_bytes as f64 / GIBIBYTE
    }
}

impl FunctionPrice {
    /// What is billed for a call that took `time_us` in an instance with this memory and, where they are billed, vCPUs: rounded as
    /// the price says.
    pub fn bill(&self, time_us: u64, memory_bytes: u64, vcpus: Option<f64>) -> Bill {
        let step_us = self.billed_step_ms.saturating_mul(1_000).max(1);
        let least_us = self.minimum_billed_ms.saturating_mul(1_000);
        let billed_us = time_us.div_ceil(step_us).saturating_mul(step_us).max(least_us);
        self.bill_of(billed_us, self.billed_memory_bytes(memory_bytes), vcpus)
    }

    /// The same where the platform says what it bills: nothing is rounded again.
    pub fn bill_of(&self, billed_us: u64, memory_bytes: u64, vcpus: Option<f64>) -> Bill {
        let vcpus = self.per_vcpu_second.map(|_| vcpus.or(self.default_vcpus).unwrap_or(1.0));
        let mut bill = Bill { billed_us, memory_bytes, vcpus, cost: 0.0 };
        bill.cost = self.per_call(&bill) + bill.gibibyte_seconds() * self.per_gibibyte_second;
        bill
    }

    /// Memory as it is billed, bytes.
    pub fn billed_memory_bytes(&self, memory_bytes: u64) -> u64 {
        let mib = memory_bytes.div_ceil(MEBIBYTE);
        if let (Some(greatest), false) = (self.memory_sizes_mib.last(), self.memory_sizes_mib.is_empty()) {
            let fits = self.memory_sizes_mib.iter().find(|size| **size >= mib);
            return fits.unwrap_or(greatest).saturating_mul(MEBIBYTE);
        }
        let stepped = self.memory_step_mib.map_or(mib, |step| mib.div_ceil(step.max(1)).saturating_mul(step));
        stepped.max(self.minimum_memory_mib.unwrap_or(0)).saturating_mul(MEBIBYTE)
    }

    /// Whether an instance with this memory can be had.
    pub fn has_memory(&self, memory_bytes: u64) -> bool {
        let mib = memory_bytes.div_ceil(MEBIBYTE);
        let sizes = &self.memory_sizes_mib;
        let within = self.minimum_memory_mib.is_none_or(|least| mib >= least)
            && self.maximum_memory_mib.is_none_or(|most| mib <= most);
        within && (sizes.is_empty() || sizes.contains(&mib))
    }

    /// What so many calls a month cost, each with this bill on average, by the tiers.
    pub fn month(&self, calls: f64, bill: &Bill) -> f64 {
        let consumed = calls * bill.gibibyte_seconds();
        let mut memory = 0.0;
        for (from, to, price) in self.tiers() {
            memory += (consumed.min(to) - from).max(0.0) * price;
        }
        calls * self.per_call(bill) + memory
    }

    /// How many calls a month cost as much as `cost`; `None` when calls cost nothing.
    pub fn calls_for(&self, cost: f64, bill: &Bill) -> Option<f64> {
        let (each, size) = (self.per_call(bill), bill.gibibyte_seconds());
        let mut left = cost;
        let mut calls = 0.0;
        for (from, to, price) in self.tiers() {
            let one = each + size * price;
            // Without memory all calls are of the first tier.
            let within = if size > 0.0 { (to - from) / size } else { f64::INFINITY };
            if one <= 0.0 {
                return None;
            }
            if left <= within * one {
                return Some(calls + left / one).filter(|calls| calls.is_finite());
            }
            left -= within * one;
            calls += within;
        }
        None
    }

    /// What does not depend on the tier.
    fn per_call(&self, bill: &Bill) -> f64 {
        let vcpu_seconds = bill.vcpus.unwrap_or(0.0) * bill.billed_us as f64 / 1e6;
        self.per_million_requests / 1e6 + vcpu_seconds * self.per_vcpu_second.unwrap_or(0.0)
    }

    /// From, to, price of each tier, GiB-s.
    fn tiers(&self) -> impl Iterator<Item = (f64, f64, f64)> + '_ {
        let begins = std::iter::once((0.0, self.per_gibibyte_second))
            .chain(self.tiers.iter().map(|tier| (tier.above_gibibyte_seconds, tier.per_gibibyte_second)));
        let ends = self.tiers.iter().map(|tier| tier.above_gibibyte_seconds).chain([f64::INFINITY]);
        begins.zip(ends).map(|((from, price), to)| (from, to, price))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::super::table::PriceTable;
    use super::*;

    fn price(platform: &str, plan: &str) -> FunctionPrice {
        PriceTable::compiled_in().unwrap().function(platform, "", plan, None).unwrap().clone()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-30)
    }

    #[test]
    fn lambdas_own_example_comes_out() {
        // 1,024 MB for 120 ms, as on the provider's page: 0.12 GB-s.
        let bill = price("lambda", "x86").bill(119_001, 1024 * MEBIBYTE, None);
        assert_eq!(bill.billed_us, 120_000);
        assert!(close(bill.gibibyte_seconds(), 0.12));
        assert!(close(bill.cost, 0.2e-6 + 0.12 * 0.0000166667));
        assert!(close(bill.gigabyte_seconds(), 0.12 * 1.073741824));
    }

    #[test]
    fn steps_and_least_times_and_sizes_are_those_of_the_plan() {
        let flex = price("azure", "flex").bill(1_020_000, 600 * MEBIBYTE, None);
        assert_eq!((flex.billed_us, flex.memory_bytes), (1_100_000, 2048 * MEBIBYTE));
        assert_eq!(price("azure", "flex").bill(3_000, 512 * MEBIBYTE, None).billed_us, 1_000_000);
        let consumption = price("azure", "consumption").bill(3_000, 130 * MEBIBYTE, None);
        assert_eq!((consumption.billed_us, consumption.memory_bytes), (100_000, 256 * MEBIBYTE));
        let run = price("gcp", "").bill(3_000, 512 * MEBIBYTE, None);
        assert!(close(run.cost, 0.4e-6 + 0.1 * 0.000024 + 0.05 * 0.0000025));
        let two = price("gcp", "").bill(3_000, 512 * MEBIBYTE, Some(2.0));
        assert!(close(two.cost - run.cost, 0.1 * 0.000024));
    }

    #[test]
    fn what_the_platform_bills_is_not_rounded_again() {
        assert_eq!(price("azure", "flex").bill_of(7, 5, None).billed_us, 7);
    }

    #[test]
    fn a_month_is_cheaper_by_the_call_in_a_higher_tier() {
        let price = price("lambda", "x86");
        let bill = price.bill(1_000_000, 1024 * MEBIBYTE, None);
        let expected = 20e9 * 0.2e-6 + 6e9 * 0.0000166667 + 9e9 * 0.000015 + 5e9 * 0.0000133334;
        assert!(close(price.month(20e9, &bill), expected));
        assert!(close(price.calls_for(expected, &bill).unwrap(), 20e9));
    }

    #[test]
    fn what_costs_nothing_has_no_break_even() {
        let mut free = price("lambda", "x86");
        (free.per_million_requests, free.per_gibibyte_second, free.tiers) = (0.0, 0.0, Vec::new());
        assert_eq!(free.calls_for(30.0, &free.bill(1, 1, None)), None);
    }

    proptest! {
        #[test]
        fn a_bill_is_never_less_than_what_was_used_and_at_most_a_step_more(time_us in 0u64..1_000_000_000_000, mib in 1u64..10_240) {
            for price in PriceTable::compiled_in().unwrap().functions {
                let bill = price.bill(time_us, mib * MEBIBYTE, None);
                let least = price.minimum_billed_ms * 1_000;
                prop_assert!(bill.billed_us >= time_us && bill.billed_us >= least);
                prop_assert!(bill.billed_us < (time_us + price.billed_step_ms * 1_000).max(least + 1));
                prop_assert!(price.memory_sizes_mib.last().is_some_and(|most| mib > *most) || bill.memory_bytes >= mib * MEBIBYTE);
                prop_assert!(bill.cost.is_finite() && bill.cost > 0.0);
            }
        }

        #[test]
        fn longer_and_larger_is_never_cheaper(time_us in 0u64..1_000_000_000, more_us in 0u64..1_000_000_000, mib in 1u64..10_000, more in 0u64..10_000) {
            for price in PriceTable::compiled_in().unwrap().functions {
                let one = price.bill(time_us, mib * MEBIBYTE, None);
                let other = price.bill(time_us + more_us, (mib + more) * MEBIBYTE, None);
                prop_assert!(other.cost >= one.cost);
            }
        }

        #[test]
        fn the_break_even_costs_what_was_to_be_spent(time_us in 0u64..100_000_000, mib in 1u64..10_240, cost in 0.01f64..1e7) {
            for price in PriceTable::compiled_in().unwrap().functions {
                let bill = price.bill(time_us, mib * MEBIBYTE, None);
                let calls = price.calls_for(cost, &bill).unwrap();
                prop_assert!(((price.month(calls, &bill) - cost) / cost).abs() < 1e-9, "{calls}");
            }
        }

        #[test]
        fn a_month_of_few_calls_is_so_many_times_one(calls in 1u32..1_000_000, time_us in 0u64..10_000_000, mib in 1u64..512) {
            for price in PriceTable::compiled_in().unwrap().functions {
                let bill = price.bill(time_us, mib * MEBIBYTE, None);
                prop_assert!(close(price.month(f64::from(calls), &bill), f64::from(calls) * bill.cost));
            }
        }
    }
}
