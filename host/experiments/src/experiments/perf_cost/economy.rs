//! Calls against rented machines: when the one is cheaper than the other.

use std::cell::OnceCell;

use stats::{Confidence, mean};

use super::super::figures::{absent, median, median_of_groups};
use super::billing::Source;
use super::experiment::Measured;
use super::settings::Parameters;
use crate::prices::{Bill, FunctionPrice, MachinePrice};
use crate::{Cell, Unit};

/// What all rounds of one memory size and state come to.
pub(super) struct Row<'a> {
    /// That of the first round.
    pub(super) unit: &'a Unit,
    pub(super) parameters: Parameters,
    /// Of all rounds, one after another.
    pub(super) measured: Measured,
    /// How many samples each round has.
    rounds: Vec<usize>,
    /// Medians that several tables ask for, each for every machine: an interval takes ten thousand draws.
    client: OnceCell<Cell>,
    busy: OnceCell<Cell>,
}

impl<'a> Row<'a> {
    pub(super) fn new(unit: &'a Unit, parameters: Parameters, measured: Measured) -> Row<'a> {
        let rounds = vec![measured.samples.len()];
        Row { unit, parameters, measured, rounds, client: OnceCell::new(), busy: OnceCell::new() }
    }

    /// Whether a unit is a further round of this.
    pub(super) fn is_of(&self, unit: &'a Unit) -> bool {
        let key = |unit: &'a Unit| [&unit.target, &unit.function, &unit.size, &unit.variant];
        key(self.unit) == key(unit)
    }

    /// Takes a further round.
    pub(super) fn add(&mut self, round: Measured) {
        self.rounds.push(round.samples.len());
        self.measured.add(round);
        (self.client, self.busy) = (OnceCell::new(), OnceCell::new());
    }

    /// The median of the caller's time, ns.
    pub(super) fn client_median(&self) -> Cell {
        self.client.get_or_init(|| self.median(&self.client_ns())).clone()
    }

    /// The median of the billed time, ns.
    pub(super) fn billed_median(&self) -> Cell {
        self.median(&self.billed_ns())
    }

    /// The median of a value of each sample: where there are several rounds, with what differs between them in its interval.
    fn median(&self, values: &[f64]) -> Cell {
        if self.rounds.len() < 2 {
            return median(values);
        }
        median_of_groups(&self.by_round(values))
    }

    /// How far the rounds' medians lie apart, in per cent of the least.
    pub(super) fn apart(&self) -> Cell {
        let medians = self.by_round(&self.client_ns());
        let medians: Vec<f64> = medians
            .iter()
            .filter_map(|round| match median(round) {
                Cell::Estimate { value, .. } => Some(value),
                _ => None,
            })
            .collect();
        let least = medians.iter().copied().fold(f64::INFINITY, f64::min);
        let most = medians.iter().copied().fold(0.0, f64::max);
        if medians.len() < 2 || least <= 0.0 {
            return absent("fewer than two rounds have calls");
        }
        Cell::Number(100.0 * (most / least - 1.0))
    }

    /// Samples' values by their rounds; those without any are left out.
    fn by_round(&self, values: &[f64]) -> Vec<Vec<f64>> {
        let mut rest = values;
        let rounds = self.rounds.iter().map(|length| {
            let (round, others) = rest.split_at((*length).min(rest.len()));
            rest = others;
            round.to_vec()
        });
        rounds.filter(|round| !round.is_empty()).collect()
    }

    pub(super) fn price(&self) -> Option<&FunctionPrice> {
        self.parameters.price.as_ref().ok()
    }

    fn client_ns(&self) -> Vec<f64> {
        self.measured.samples.iter().map(|sample| sample.client_ns as f64).collect()
    }

    fn billed_ns(&self) -> Vec<f64> {
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
        // Each call is billed its own time: the mean's interval is that of the whole.
        let billed_us = self.bills().iter().map(|bill| bill.billed_us as f64).collect();
        let calls = |billed_us: f64| {
            let bill = Bill { billed_us: billed_us.max(0.0).round() as u64, ..bill };
            price.calls_for(machine.per_month(), &bill).map(f64::round)
        };
        mapped(&mean_cell(billed_us, "it has no price"), calls).unwrap_or_else(|| absent("calls cost nothing"))
    }

    /// Most calls a month that a machine serves, were it always busy.
    pub(super) fn capacity(&self, machine: &MachinePrice) -> Option<Cell> {
        let cpus = self.measured.cpus.unwrap_or(1.0);
        mapped(self.busy.get_or_init(|| self.median(&self.busy_s())), |seconds| {
            machine.calls_per_month(seconds, self.measured.memory_bytes, cpus).map(f64::round)
        })
    }

    /// What a million calls cost on a machine that is always busy.
    pub(super) fn million_when_busy(&self, machine: &MachinePrice) -> Option<Cell> {
        mapped(&self.capacity(machine)?, |calls| (calls > 0.0).then(|| machine.per_month() / calls * 1e6))
    }

    /// How long each call keeps an instance busy, s.
    fn busy_s(&self) -> Vec<f64> {
        let samples = self.measured.samples.iter();
        samples
            .map(|sample| sample.execution_us.map_or(sample.client_ns as f64 / 1e9, |us| us as f64 / 1e6).max(1e-6))
            .collect()
    }
}

/// What a rising or falling function makes of an estimate; `None` where it has no value for it.
fn mapped(cell: &Cell, function: impl Fn(f64) -> Option<f64>) -> Option<Cell> {
    let Cell::Estimate { value, low, high, n } = cell else { return None };
    let ends = low.zip(*high).and_then(|(low, high)| Some((function(low)?, function(high)?)));
    Some(Cell::Estimate {
        value: function(*value)?,
        low: ends.map(|(one, other)| one.min(other)),
        high: ends.map(|(one, other)| one.max(other)),
        n: *n,
    })
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
