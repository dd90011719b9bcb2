//! Reading a price table, and refusing what can't be one.

use std::path::Path;

use thiserror::Error;

use super::table::{FunctionPrice, MachinePrice, PriceTable};

const COMPILED_IN: &str = include_str!("../../prices.toml");

/// A price table that can't be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PricesError {
    /// It could not be read.
    #[error("the prices in {path} can't be read: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// It is not of the format, or has a price that is none.
    #[error("the prices in {path} can't be used: {reason}; prices.toml in faasbench's source is one that can")]
    Invalid {
        /// The file.
        path: String,
        /// Why, with the place.
        reason: String,
    },
}

impl PriceTable {
    /// The one that is compiled in.
    ///
    /// # Errors
    /// Never: a test reads it.
    pub fn compiled_in() -> Result<PriceTable, PricesError> {
        PriceTable::parse(COMPILED_IN, "prices.toml")
    }

    /// Of a file.
    ///
    /// # Errors
    /// When it can't be read or used.
    pub fn read(path: &Path) -> Result<PriceTable, PricesError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| PricesError::Unreadable { path: name.clone(), reason: error.to_string() })?;
        PriceTable::parse(&text, &name)
    }

    /// Of a file's text; `path` is for messages.
    ///
    /// # Errors
    /// When it can't be used.
    pub fn parse(text: &str, path: &str) -> Result<PriceTable, PricesError> {
        let invalid = |reason: String| PricesError::Invalid { path: path.to_owned(), reason };
        let table: PriceTable = toml::from_str(text).map_err(|error| invalid(error.to_string().trim().to_owned()))?;
        if table.version != 1 {
            return Err(invalid(format!("its version is {}, not 1", table.version)));
        }
        for price in &table.functions {
            check_function(price).map_err(|reason| invalid(format!("{} {}: {reason}", price.platform, price.plan)))?;
        }
        for machine in &table.machines {
            check_machine(machine)
                .map_err(|reason| invalid(format!("{} {}: {reason}", machine.provider, machine.name)))?;
        }
        Ok(table)
    }
}

fn check_function(price: &FunctionPrice) -> Result<(), String> {
    check_source(&price.currency, &price.source, &price.date)?;
    let numbers = [
        ("per-million-requests", Some(price.per_million_requests)),
        ("per-gibibyte-second", Some(price.per_gibibyte_second)),
        ("per-vcpu-second", price.per_vcpu_second),
        ("default-vcpus", price.default_vcpus),
    ];
    for (name, number) in numbers {
        check_number(name, number.unwrap_or_default())?;
    }
    if price.billed_step_ms == 0 || price.memory_step_mib == Some(0) {
        return Err("a step of rounding is 0; without rounding it is 1 ms, and the memory's is left out".to_owned());
    }
    if !price.memory_sizes_mib.is_sorted() || price.memory_sizes_mib.contains(&0) {
        return Err("memory-sizes-mib are not in rising order".to_owned());
    }
    let mut above = 0.0;
    for tier in &price.tiers {
        check_number("per-gibibyte-second of a tier", tier.per_gibibyte_second)?;
        if !(tier.above_gibibyte_seconds.is_finite() && tier.above_gibibyte_seconds > above) {
            return Err("the tiers are not in rising order".to_owned());
        }
        above = tier.above_gibibyte_seconds;
    }
    Ok(())
}

fn check_machine(machine: &MachinePrice) -> Result<(), String> {
    check_source(&machine.currency, &machine.source, &machine.date)?;
    check_number("per-hour", machine.per_hour)?;
    for (name, number) in [("vcpus", machine.vcpus), ("memory-gib", machine.memory_gib)] {
        check_number(name, number)?;
        if number == 0.0 {
            return Err(format!("{name} is 0"));
        }
    }
    Ok(())
}

fn check_number(name: &str, number: f64) -> Result<(), String> {
    // A price of a million for a unit is a mistyped one.
    if (0.0..=1e6).contains(&number) { Ok(()) } else { Err(format!("{name} is {number}, not between 0 and 1000000")) }
}

fn check_source(currency: &str, source: &str, date: &str) -> Result<(), String> {
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(format!("the currency `{currency}` is not one of ISO 4217, as in USD"));
    }
    if source.is_empty() {
        return Err("it has no source".to_owned());
    }
    if !is_date(date) {
        return Err(format!("the date `{date}` is neither 2025-08 nor 2025-08-01"));
    }
    Ok(())
}

fn is_date(date: &str) -> bool {
    let parts: Vec<&str> = date.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let digits = parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    let within = |part: Option<&&str>, most: u32| {
        part.is_none_or(|part| part.parse().is_ok_and(|number: u32| (1..=most).contains(&number)))
    };
    digits && matches!(lengths[..], [4, 2] | [4, 2, 2]) && within(parts.get(1), 12) && within(parts.get(2), 31)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_table_that_is_compiled_in_can_be_used() {
        let table = PriceTable::compiled_in().unwrap();
        for platform in ["lambda", "azure", "gcp"] {
            assert!(table.function(platform, "", "", None).is_some(), "{platform}");
        }
        assert!(table.function("openwhisk", "", "", None).is_none());
        assert!(table.reason_without("openwhisk").contains("IBM"));
        assert!(table.machine("t3.medium").is_some());
    }

    #[test]
    fn a_wrong_price_is_refused_with_its_place() {
        let refused = |from: &str, to: &str| {
            let text = COMPILED_IN.replacen(from, to, 1);
            assert_ne!(text, COMPILED_IN, "{from}");
            PriceTable::parse(&text, "mine.toml").unwrap_err().to_string()
        };
        assert!(refused("per-million-requests = 0.20", "per-million-requests = -1.0").contains("lambda x86"));
        assert!(refused("currency = \"USD\"", "currency = \"dollars\"").contains("dollars"));
        assert!(refused("date = \"2025-08\"", "date = \"2025-13\"").contains("2025-13"));
        assert!(refused("billed-step-ms = 1", "billed-step-ms = 0").contains("step"));
        let unknown = refused("bills-start = true", "bills-starts = true");
        assert!(unknown.contains("line") && unknown.contains("bills-starts"), "{unknown}");
        assert!(refused("version = 1", "version = 2").contains('2'));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,200}") {
            let _ = PriceTable::parse(&text, "mine.toml");
        }
    }
}
