//! `faasbench counters`.

use std::fmt::Write as _;

use super::arguments::CountersArguments;
use super::exit::{self, Failure};
use crate::probe::counters::{Inventory, InventoryEntry, inventory};

pub(super) fn execute(arguments: &CountersArguments) -> Result<(), Failure> {
    let inventory = inventory();
    if arguments.json { exit::print_json(&inventory) } else { exit::print(&describe(&inventory)) }
}

fn describe(inventory: &Inventory) -> String {
    let mut text = String::new();
    let test = &inventory.self_test;
    // A String takes all that is written to it.
    if let Some(cpu) = &test.cpu {
        let _ = writeln!(
            text,
            "processor: {} ({}, family {}, model {})",
            cpu.model_name, cpu.vendor_id, cpu.family, cpu.model
        );
    }
    let _ = match &test.hardware_absent {
        Some(reason) => writeln!(text, "hardware counters: none ({reason})"),
        None => writeln!(text, "hardware counters: {} count truly at once", test.usable_counters),
    };
    if let Some(reason) = &test.software_absent {
        let _ = writeln!(text, "software counters: none ({reason})");
    }
    let paranoid = test.paranoid.map_or("unknown".to_owned(), |level| level.to_string());
    let kernel = if test.kernel_allowed { "may" } else { "may not" };
    let _ =
        writeln!(text, "kernel.perf_event_paranoid: {paranoid}; this user {kernel} count what happens in the kernel");
    let width = inventory.entries.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    let (countable, rest): (Vec<_>, Vec<_>) = inventory.entries.iter().partition(|entry| entry.countable);
    let _ = writeln!(text, "\ncan be counted here: {}", countable.len());
    for entry in countable {
        let _ = writeln!(text, "  {:width$}  {}", entry.name, details(entry));
    }
    let _ = writeln!(text, "\ncan't be counted here: {}", rest.len());
    let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
    for entry in rest {
        let reason = entry.reason.as_deref().unwrap_or("no reason known");
        match by_reason.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, names)) => names.push(&entry.name),
            None => by_reason.push((reason, vec![&entry.name])),
        }
    }
    for (reason, names) in by_reason {
        let _ = writeln!(text, "  {}\n    {reason}", names.join(" "));
    }
    #[cfg(feature = "libpapi")]
    text.push_str(&describe_libpapi(&inventory.libpapi));
    text
}

#[cfg(feature = "libpapi")]
fn describe_libpapi(inventory: &crate::probe::counters::LibpapiInventory) -> String {
    let mut text = String::new();
    let _ = match (&inventory.version, &inventory.absent_reason) {
        (Some(version), _) => writeln!(text, "\nlibpapi {version}"),
        (None, reason) => writeln!(text, "\nlibpapi: {}", reason.as_deref().unwrap_or("no reason known")),
    };
    let mut by_outcome: Vec<(String, Vec<&str>)> = Vec::new();
    for preset in &inventory.presets {
        let outcome = match (&preset.reason, preset.has_event) {
            (None, _) => "can be counted".to_owned(),
            (Some(reason), true) => format!("has an event of this processor, but can't count it: {reason}"),
            (Some(reason), false) => format!("has no event of this processor: {reason}"),
        };
        match by_outcome.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, names)) => names.push(&preset.name),
            None => by_outcome.push((outcome, vec![&preset.name])),
        }
    }
    for (outcome, names) in by_outcome {
        let _ = writeln!(text, "  {outcome}: {}\n    {}", names.len(), names.join(" "));
    }
    text
}

fn details(entry: &InventoryEntry) -> String {
    let mut parts = Vec::new();
    parts.extend(entry.code.clone());
    parts.extend(entry.meaning.clone());
    parts.extend(entry.note.clone());
    if !entry.sets.is_empty() {
        parts.push(format!("in {}", entry.sets.join(", ")));
    }
    parts.join("; ")
}
