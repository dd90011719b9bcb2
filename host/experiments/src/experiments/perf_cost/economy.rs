//! Calls against rented machines: when the one is cheaper than the other.

use stats::{Confidence, Sample, mean};

use super::super::figures::absent;
use super::billing::Source;
use super::experiment::Measured;
use super::settings::Parameters;
use crate::prices::{Bill, FunctionPrice, MachinePrice};
use crate::{Cell, Unit};

/// What one unit comes to.
pub(super) struct Row<'a> {
    pub(super) unit: &'a Unit,
    pub(super) parameters: Parameters,
    pub(super) measured: Measured,
}

impl Row<'_> {
    pub(super) fn price(&self) -> Option<&FunctionPrice> {
        self.parameters.price.as_ref().ok()
    }

    pub(super) fn client_ns(&self) -> Vec<f64> {
        self.measured.samples.iter().map(|sample| sample.client_ns as f64).collect()
    }

    pub(super) fn billed_ns(&self) -> Vec<f64> {
        let billed = self.measured.samples.iter().map(|sample| sample.billed_time_us(&self.parameters));
        billed.map(|us| us as f64 * 1e3).collect()
    }

    /// What each call is billed; empty where nothing says what memory they have.
    pub(super) fn bills(&self) -> Vec<Bill> {
        let (memory, cpus) = (self.measured.memory_bytes, self.measured.cpus);
        self.measured.samples.iter().filter_map(|sample| sample.bill(&self.parameters, memory, cpus).0).collect()
    }

    /// What the bills rest on; the least certain of all.
    pub(super) fn source(&self) -> Option<Source> {
        self.measured.samples.iter().map(|sample| sample.bill(&self.parameters, Some(1), None).1).max()
    }

    pub(super) fn gigabyte_seconds(&self) -> Cell {
        mean_cell(self.bills().iter().map(Bill::gigabyte_seconds).collect(), "nothing says what memory it has")
    }

    /// Price of a million calls like these.
    pub(super) fn per_million(&self) -> Cell {
        if self.price().is_none() {
            return absent("it has no price");
        }
        mean_cell(self.bills().iter().map(|bill| bill.cost * 1e6).collect(), "nothing says what memory it has")
    }

    /// The bill of the average call.
    pub(super) fn average_bill(&self) -> Option<Bill> {
        let bills = self.bills();
        let (first, n) = (bills.first()?, bills.len() as f64);
        let billed_us = (bills.iter().map(|bill| bill.billed_us as f64).sum::<f64>() / n).round() as u64;
        let cost = bills.iter().map(|bill| bill.cost).sum::<f64>() / n;
        Some(Bill { billed_us, cost, ..*first })
    }

    /// Calls a month above which a machine is cheaper.
    pub(super) fn break_even(&self, machine: &MachinePrice) -> Cell {
        let (Some(price), Some(bill)) = (self.price(), self.average_bill()) else { return absent("it has no price") };
        if price.currency != machine.currency {
            return absent("the prices are in different currencies");
        }
        match price.calls_for(machine.per_month(), &bill) {
            Some(calls) => Cell::Number(calls.round()),
            None => absent("calls cost nothing"),
        }
    }

    /// Most calls a month that a machine serves, were it always busy.
    pub(super) fn capacity(&self, machine: &MachinePrice) -> Option<f64> {
        let median = Sample::new(self.busy_s()).ok()?.median();
        machine.calls_per_month(median, self.measured.memory_bytes, self.measured.cpus.unwrap_or(1.0))
    }

    /// How long each call keeps an instance busy, s.
    fn busy_s(&self) -> Vec<f64> {
        let samples = self.measured.samples.iter();
        samples
            .map(|sample| sample.execution_us.map_or(sample.client_ns as f64 / 1e9, |us| us as f64 / 1e6).max(1e-6))
            .collect()
    }
}

fn mean_cell(values: Vec<f64>, otherwise: &str) -> Cell {
    match mean(&values, Confidence::NINETY_FIVE) {
        Ok(mean) => Cell::Estimate {
            value: mean.mean,
            low: mean.interval.map(|interval| interval.low),
            high: mean.interval.map(|interval| interval.high),
            n: mean.n as u64,
        },
        Err(_) => absent(otherwise),
    }
}
