//! An event as the kernel is told of it, and an event as people name it: a sum of such.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a count comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A processor's counter, the event chosen by the kernel for a generic name.
    Hardware,
    /// A processor's counter, the event chosen by its own number.
    Raw,
    /// Counted by the kernel.
    Software,
    /// Counted by a simulator (callgrind): not what the processor did.
    Simulated,
}

/// `type` and `config` of `struct perf_event_attr`: what exactly is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct EventCode {
    /// `type`: 0 hardware, 1 software, 3 cache, 4 raw, others from `/sys/bus/event_source/devices/*/type`.
    pub kind: u32,
    /// `config`.
    pub config: u64,
    /// `config1`; 0 for nearly every event.
    pub config1: u64,
    /// `config2`; 0 for nearly every event.
    pub config2: u64,
}

pub(super) const HARDWARE: u32 = 0;
pub(super) const SOFTWARE: u32 = 1;
pub(super) const CACHE: u32 = 3;
pub(super) const RAW: u32 = 4;

impl EventCode {
    /// An event with only `type` and `config`.
    #[must_use]
    pub const fn new(kind: u32, config: u64) -> Self {
        Self { kind, config, config1: 0, config2: 0 }
    }

    /// Retired instructions, by the kernel's generic name: on Intel it may run on a fixed counter.
    pub const INSTRUCTIONS: Self = Self::new(HARDWARE, 1);

    /// Where its count comes from.
    #[must_use]
    pub fn source(&self) -> Source {
        match self.kind {
            HARDWARE | CACHE => Source::Hardware,
            SOFTWARE => Source::Software,
            _ => Source::Raw,
        }
    }
}

impl fmt::Display for EventCode {
    /// `hardware:0x1`, `cache:0x10000`, `software:0x2`, `r8e60`, or `pmu8:config=0x…,config1=0x…`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            HARDWARE => write!(formatter, "hardware:{:#x}", self.config)?,
            SOFTWARE => write!(formatter, "software:{:#x}", self.config)?,
            CACHE => write!(formatter, "cache:{:#x}", self.config)?,
            RAW => write!(formatter, "r{:x}", self.config)?,
            kind => write!(formatter, "pmu{kind}:config={:#x}", self.config)?,
        }
        if self.config1 != 0 {
            write!(formatter, ",config1={:#x}", self.config1)?;
        }
        if self.config2 != 0 {
            write!(formatter, ",config2={:#x}", self.config2)?;
        }
        Ok(())
    }
}

/// One thing that the kernel counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Primitive {
    /// What is counted.
    pub code: EventCode,
    /// How many of the processor's counters it occupies: 1; 2 for AMD's events that can rise by more than 15 in a cycle;
    /// 0 for software events.
    pub counters: u32,
}

impl Primitive {
    /// An event that occupies one counter, or none when it is a software event.
    #[must_use]
    pub const fn of(code: EventCode) -> Self {
        Self { code, counters: if code.kind == SOFTWARE { 0 } else { 1 } }
    }

    /// Whether it needs the processor's counters.
    #[must_use]
    pub const fn is_hardware(&self) -> bool {
        self.code.kind != SOFTWARE
    }
}

/// A part of an event: `weight` times what `primitive` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Term {
    /// How often it counts; may be negative.
    pub weight: i32,
    /// What is counted.
    pub primitive: Primitive,
}

/// An event by its name, as this machine can count it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// As it was asked for, without `PAPI_`.
    pub name: String,
    /// The sum that it is; one term for most.
    pub terms: Vec<Term>,
    /// What a reader must know to compare it with the same name elsewhere.
    pub note: Option<String>,
}

impl Event {
    /// An event that is one primitive.
    #[must_use]
    pub fn single(name: &str, primitive: Primitive) -> Self {
        Self { name: name.to_owned(), terms: vec![Term { weight: 1, primitive }], note: None }
    }

    /// Whether it needs the processor's counters.
    #[must_use]
    pub fn is_hardware(&self) -> bool {
        self.terms.iter().any(|term| term.primitive.is_hardware())
    }

    /// Where its counts come from: `raw` as soon as one part is.
    #[must_use]
    pub fn source(&self) -> Source {
        let sources = || self.terms.iter().map(|term| term.primitive.code.source());
        if sources().any(|source| source == Source::Raw) {
            Source::Raw
        } else {
            sources().next().unwrap_or(Source::Software)
        }
    }

    /// The exact codes, such as `r81d0 + r82d0` or `r4f2e - r2424`.
    #[must_use]
    pub fn code(&self) -> String {
        let mut text = String::new();
        for (index, term) in self.terms.iter().enumerate() {
            text += match (index, term.weight < 0) {
                (0, false) => "",
                (0, true) => "-",
                (_, false) => " + ",
                (_, true) => " - ",
            };
            if term.weight.unsigned_abs() != 1 {
                text += &format!("{} * ", term.weight.unsigned_abs());
            }
            text += &term.primitive.code.to_string();
        }
        text
    }
}

/// An event that can't be counted here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Absent {
    /// As it was asked for.
    pub name: String,
    /// Why, and what to do where something can be done.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_as_they_can_be_given_back() {
        assert_eq!(EventCode::INSTRUCTIONS.to_string(), "hardware:0x1");
        assert_eq!(EventCode::new(RAW, 0x8e60).to_string(), "r8e60");
        assert_eq!(EventCode { kind: 8, config: 1, config1: 2, config2: 0 }.to_string(), "pmu8:config=0x1,config1=0x2");
    }

    #[test]
    fn an_event_writes_its_sum() {
        let term = |weight, config| Term { weight, primitive: Primitive::of(EventCode::new(RAW, config)) };
        let event = Event { name: "X".into(), terms: vec![term(1, 0x4f2e), term(-1, 0x2424), term(4, 1)], note: None };
        assert_eq!(event.code(), "r4f2e - r2424 + 4 * r1");
        assert_eq!(event.source(), Source::Raw);
        assert!(event.is_hardware());
        assert_eq!(Primitive::of(EventCode::new(SOFTWARE, 2)).counters, 0);
    }
}
