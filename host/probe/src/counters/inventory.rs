//! Every event that is known, and whether this machine can count it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::code::Source;
use super::names::{KERNEL_NAMES, NameKind, resolve};
use super::plan::CounterPlan;
use super::presets::PRESETS;
use super::self_test::SelfTest;
use super::sets::EVENT_SETS;

/// An event of the inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InventoryEntry {
    /// The event's name.
    pub name: String,
    /// What kind of name it is.
    pub kind: NameKind,
    /// What it counts; absent for the kernel's names, which say it themselves.
    pub meaning: Option<String>,
    /// The exact code on this processor; absent when it has none.
    pub code: Option<String>,
    /// Where its counts come from; absent when it has no code.
    pub source: Option<Source>,
    /// Whether it can be counted here.
    pub countable: bool,
    /// Why not, and what to do.
    pub reason: Option<String>,
    /// What a reader must know to compare it with the same name elsewhere.
    pub note: Option<String>,
    /// The sets it belongs to.
    pub sets: Vec<String>,
}

/// What can be counted on a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inventory {
    /// How it was found out.
    pub self_test: SelfTest,
    /// Presets first, then the kernel's names.
    pub entries: Vec<InventoryEntry>,
    /// What libpapi can count; only with the cargo feature `libpapi`.
    #[cfg(feature = "libpapi")]
    pub libpapi: super::libpapi::LibpapiInventory,
}

/// Tries every event that is known, each alone, on the calling thread.
#[must_use]
pub fn inventory() -> Inventory {
    let self_test = SelfTest::run();
    let presets = PRESETS.iter().map(|preset| (preset.name, NameKind::Preset, Some(preset.meaning)));
    let names = KERNEL_NAMES.iter().map(|known| {
        let software = known.code.source() == Source::Software;
        (known.name, if software { NameKind::Software } else { NameKind::Generic }, None)
    });
    let entries = presets.chain(names).map(|(name, kind, meaning)| entry(name, kind, meaning, &self_test)).collect();
    Inventory {
        self_test,
        entries,
        #[cfg(feature = "libpapi")]
        libpapi: super::libpapi::libpapi_inventory(),
    }
}

fn entry(name: &str, kind: NameKind, meaning: Option<&str>, self_test: &SelfTest) -> InventoryEntry {
    let event = resolve(name, self_test.cpu.as_ref()).ok();
    let plan = CounterPlan::new(&[name], self_test);
    InventoryEntry {
        name: name.to_owned(),
        kind,
        meaning: meaning.map(str::to_owned),
        code: event.as_ref().map(|event| event.code()),
        source: event.as_ref().map(|event| event.source()),
        countable: plan.absent.is_empty(),
        reason: plan.absent.into_iter().next().map(|absent| absent.reason),
        note: event.and_then(|event| event.note),
        sets: EVENT_SETS.iter().filter(|set| set.presets.contains(&name)).map(|set| set.name.to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_countable_or_has_a_reason() {
        let inventory = inventory();
        assert_eq!(inventory.entries.len(), PRESETS.len() + KERNEL_NAMES.len());
        for entry in &inventory.entries {
            assert_eq!(entry.countable, entry.reason.is_none(), "{entry:?}");
            assert!(!entry.countable || entry.code.is_some());
        }
        let instructions = inventory.entries.iter().find(|entry| entry.name == "TOT_INS");
        assert!(instructions.is_some_and(|entry| entry.sets.len() == EVENT_SETS.len()));
    }

    #[test]
    fn software_is_countable_wherever_the_call_is_allowed() {
        let inventory = inventory();
        let clock = inventory.entries.iter().find(|entry| entry.name == "task-clock");
        assert_eq!(clock.map(|entry| entry.countable), Some(inventory.self_test.software_absent.is_none()));
    }
}
