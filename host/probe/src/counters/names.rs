//! Names of events: the kernel's generic and software names, raw codes, `pmu/…/`, and PAPI's presets.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::code::{Absent, CACHE, Event, EventCode, HARDWARE, Primitive, RAW, SOFTWARE};
use super::cpu::Cpu;
use super::{pmu, presets};

/// A name that `perf list` also knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KernelName {
    /// The name.
    pub name: &'static str,
    /// Another spelling.
    pub alias: Option<&'static str>,
    /// What the kernel is told.
    pub code: EventCode,
}

const fn generic(name: &'static str, config: u64, alias: Option<&'static str>) -> KernelName {
    KernelName { name, alias, code: EventCode::new(HARDWARE, config) }
}

/// `cache` and `operation` as numbered in `linux/perf_event.h`.
const fn cache(name: &'static str, cache: u64, operation: u64, missed: bool) -> KernelName {
    KernelName { name, alias: None, code: EventCode::new(CACHE, cache | (operation << 8) | ((missed as u64) << 16)) }
}

const fn software(name: &'static str, config: u64, alias: Option<&'static str>) -> KernelName {
    KernelName { name, alias, code: EventCode::new(SOFTWARE, config) }
}

/// Every generic, cache and software event that the kernel names.
pub const KERNEL_NAMES: &[KernelName] = &[
    generic("instructions", 1, None),
    generic("cycles", 0, Some("cpu-cycles")),
    generic("cache-references", 2, None),
    generic("cache-misses", 3, None),
    generic("branches", 4, Some("branch-instructions")),
    generic("branch-misses", 5, None),
    generic("bus-cycles", 6, None),
    generic("stalled-cycles-frontend", 7, Some("idle-cycles-frontend")),
    generic("stalled-cycles-backend", 8, Some("idle-cycles-backend")),
    generic("ref-cycles", 9, None),
    cache("L1-dcache-loads", 0, 0, false),
    cache("L1-dcache-load-misses", 0, 0, true),
    cache("L1-dcache-stores", 0, 1, false),
    cache("L1-dcache-store-misses", 0, 1, true),
    cache("L1-dcache-prefetches", 0, 2, false),
    cache("L1-dcache-prefetch-misses", 0, 2, true),
    cache("L1-icache-loads", 1, 0, false),
    cache("L1-icache-load-misses", 1, 0, true),
    cache("LLC-loads", 2, 0, false),
    cache("LLC-load-misses", 2, 0, true),
    cache("LLC-stores", 2, 1, false),
    cache("LLC-store-misses", 2, 1, true),
    cache("LLC-prefetches", 2, 2, false),
    cache("LLC-prefetch-misses", 2, 2, true),
    cache("dTLB-loads", 3, 0, false),
    cache("dTLB-load-misses", 3, 0, true),
    cache("dTLB-stores", 3, 1, false),
    cache("dTLB-store-misses", 3, 1, true),
    cache("iTLB-loads", 4, 0, false),
    cache("iTLB-load-misses", 4, 0, true),
    cache("branch-loads", 5, 0, false),
    cache("branch-load-misses", 5, 0, true),
    cache("node-loads", 6, 0, false),
    cache("node-load-misses", 6, 0, true),
    cache("node-stores", 6, 1, false),
    cache("node-store-misses", 6, 1, true),
    software("task-clock", 1, None),
    software("cpu-clock", 0, None),
    software("page-faults", 2, Some("faults")),
    software("minor-faults", 5, None),
    software("major-faults", 6, None),
    software("context-switches", 3, Some("cs")),
    software("cpu-migrations", 4, Some("migrations")),
    software("alignment-faults", 7, None),
    software("emulation-faults", 8, None),
    software("cgroup-switches", 11, None),
];

/// The code of one of [`KERNEL_NAMES`], by name or alias, in any case.
#[must_use]
pub fn kernel_name(name: &str) -> Option<&'static KernelName> {
    KERNEL_NAMES.iter().find(|known| {
        known.name.eq_ignore_ascii_case(name) || known.alias.is_some_and(|alias| alias.eq_ignore_ascii_case(name))
    })
}

/// What `name` means on the processor `cpu` (`None`: not known, so only generic events).
///
/// In this order: a preset of PAPI's with or without `PAPI_`; a name of the kernel's; `rXXXX` (hexadecimal); and
/// `pmu/term,term/` with the terms of `/sys/bus/event_source/devices/pmu/format`, such as `cpu/event=0xc0,umask=0x1/`. A
/// trailing `:u` (user mode) is accepted, as that is what is counted anyway.
///
/// # Errors
/// The name is unknown or malformed, or this processor has no such event; the reason says which. That the event can be
/// *opened* isn't checked here.
pub fn resolve(name: &str, cpu: Option<&Cpu>) -> Result<Event, Absent> {
    let absent = |reason: String| Absent { name: name.to_owned(), reason };
    let bare = name.strip_suffix(":u").unwrap_or(name);
    if let Some(preset) = presets::find(bare) {
        return preset.on(cpu).map_err(|reason| Absent { name: preset.name.to_owned(), reason });
    }
    if let Some(known) = kernel_name(bare) {
        return Ok(Event::single(known.name, Primitive::of(known.code)));
    }
    let hexadecimal = |text: &&str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    if let Some(digits) = bare.strip_prefix('r').filter(hexadecimal) {
        return u64::from_str_radix(digits, 16)
            .map(|config| Event::single(bare, presets::raw_primitive(config, cpu)))
            .map_err(|_| absent("a raw code has at most 16 hexadecimal digits".to_owned()));
    }
    if let Some((device, terms)) = bare.strip_suffix('/').and_then(|body| body.split_once('/')) {
        let code = pmu::parse(Path::new(pmu::DEVICES), device, terms).map_err(|error| absent(error.to_string()))?;
        let primitive = if code.kind == RAW { presets::raw_primitive(code.config, cpu) } else { Primitive::of(code) };
        return Ok(Event::single(bare, Primitive { code, ..primitive }));
    }
    Err(absent(
        "no such event: neither a preset of PAPI's, nor a name of the kernel's, nor rXXXX, nor pmu/term=value,…/; the \
         command `counters` lists what is known"
            .to_owned(),
    ))
}

/// Whether a software event happens inside the kernel, so that counting user mode alone would always give 0.
#[must_use]
pub(super) fn happens_in_kernel(code: &EventCode) -> bool {
    // Context switches, migrations between processors, switches between control groups.
    code.kind == SOFTWARE && matches!(code.config, 3 | 4 | 11)
}

/// The kind of a name, for a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NameKind {
    /// One of PAPI's presets.
    Preset,
    /// The kernel's generic name for an event of the processor.
    Generic,
    /// An event of the kernel's own.
    Software,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::code::Source;
    use super::*;

    #[test]
    fn kernel_names_have_the_kernels_numbers() {
        let code = |name| kernel_name(name).unwrap().code;
        assert_eq!(code("instructions"), EventCode::INSTRUCTIONS);
        assert_eq!(code("L1-DCACHE-load-misses"), EventCode::new(CACHE, 0x10000));
        assert_eq!(code("iTLB-load-misses"), EventCode::new(CACHE, 0x10004));
        assert_eq!(code("node-store-misses"), EventCode::new(CACHE, 0x10106));
        assert_eq!(code("faults"), EventCode::new(SOFTWARE, 2));
    }

    #[test]
    fn names_are_distinct() {
        for (index, known) in KERNEL_NAMES.iter().enumerate() {
            for other in &KERNEL_NAMES[index + 1..] {
                assert_ne!(known.name, other.name);
                assert_ne!(known.code, other.code);
            }
            assert!(presets::find(known.name).is_none());
        }
    }

    #[test]
    fn a_name_is_found_in_every_way_it_can_be_written() {
        assert_eq!(resolve("PAPI_TOT_INS", None).unwrap().name, "TOT_INS");
        assert_eq!(resolve("tot_ins", None).unwrap().terms[0].primitive.code, EventCode::INSTRUCTIONS);
        assert_eq!(resolve("rC0", None).unwrap().terms[0].primitive.code, EventCode::new(RAW, 0xc0));
        assert_eq!(resolve("rc0:u", None).unwrap().source(), Source::Raw);
        assert_eq!(resolve("cs", None).unwrap().name, "context-switches");
    }

    #[test]
    fn what_is_no_event_says_so() {
        for name in ["", "r", "rxyz", "r11112222333344445", "nothing", "PAPI_NOTHING", "cpu/", "no-such-pmu/event=1/"] {
            let absent = resolve(name, None).unwrap_err();
            assert_eq!(absent.name, name);
            assert!(!absent.reason.is_empty());
        }
    }

    proptest::proptest! {
        #[test]
        fn any_name_is_survived(name in "[ -~]{0,40}") {
            let _ = resolve(&name, None);
        }

        #[test]
        fn any_raw_code_is_kept(config in proptest::prelude::any::<u64>()) {
            let event = resolve(&format!("r{config:x}"), None).unwrap();
            proptest::prop_assert_eq!(event.terms[0].primitive.code.config, config);
        }
    }
}
