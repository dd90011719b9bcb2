//! From a preset's name to an event on one processor.

use super::super::code::{Event, EventCode, Primitive, RAW, Term};
use super::super::cpu::{Cpu, Microarchitecture};
use super::super::names::kernel_name;
use super::{Preset, amd, intel};

/// What a vendor's table says of a preset.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mapping {
    /// A weighted sum of raw codes (`cmask << 24 | inv << 23 | umask << 8 | event`), and a note.
    Raw(&'static [(i32, u64)], Option<&'static str>),
    /// An event that the kernel names, and a note.
    Kernel(&'static str, Option<&'static str>),
    /// This processor can't count it, and why.
    Absent(&'static str),
}

/// AMD's count of retired floating-point operations, event 03h: it can rise by more than 15 in a cycle, for which the
/// kernel pairs two counters.
const AMD_RETIRED_FLOPS: u64 = 0x03;

/// A raw event on `cpu`, with the number of counters it takes.
pub(in super::super) fn raw_primitive(config: u64, cpu: Option<&Cpu>) -> Primitive {
    let amd = cpu.is_some_and(|cpu| cpu.vendor_id == "AuthenticAMD");
    let counters = if amd && config & 0xf_0000_00ff == AMD_RETIRED_FLOPS { 2 } else { 1 };
    Primitive { code: EventCode::new(RAW, config), counters }
}

impl Preset {
    /// This preset on the processor `cpu`: its own codes where they are known, otherwise the kernel's generic event
    /// that comes nearest.
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn on(&self, cpu: Option<&Cpu>) -> Result<Event, String> {
        let core = cpu.map_or(Microarchitecture::Unknown, Cpu::microarchitecture);
        let own = match core {
            Microarchitecture::Zen1
            | Microarchitecture::Zen2
            | Microarchitecture::Zen3
            | Microarchitecture::Zen4
            | Microarchitecture::Zen5 => amd::mapping(core, self.name),
            Microarchitecture::Skylake | Microarchitecture::IceLake | Microarchitecture::SapphireRapids => {
                intel::mapping(core, self.name)
            }
            Microarchitecture::Unknown => None,
        };
        match (own, self.generic) {
            (Some(Mapping::Raw(terms, note)), _) => Ok(Event {
                name: self.name.to_owned(),
                terms: terms
                    .iter()
                    .map(|(weight, config)| Term { weight: *weight, primitive: raw_primitive(*config, cpu) })
                    .collect(),
                note: note.map(str::to_owned),
            }),
            (Some(Mapping::Kernel(name, note)), _) => self.kernel_event(name, note.map(str::to_owned)),
            (Some(Mapping::Absent(reason)), _) => Err(reason.to_owned()),
            (None, Some(name)) => {
                let note = match core {
                    // The kernel's meaning of these three is the preset's on every processor.
                    _ if matches!(self.name, "TOT_INS" | "TOT_CYC" | "REF_CYC") => None,
                    _ => Some(format!("the kernel's generic event {name}; what exactly it counts differs by processor")),
                };
                self.kernel_event(name, note)
            }
            (None, None) => Err(match core {
                Microarchitecture::Unknown => {
                    "this processor's own event codes aren't known here, and no generic event comes near; if you know the \
                     code, give it as rXXXX"
                        .to_owned()
                }
                _ => "this processor has no event for it".to_owned(),
            }),
        }
    }

    fn kernel_event(&self, name: &str, note: Option<String>) -> Result<Event, String> {
        let known = kernel_name(name).ok_or_else(|| format!("the kernel names no event {name}"))?;
        Ok(Event { note, ..Event::single(self.name, Primitive::of(known.code)) })
    }
}
