//! `pmu/term=value,…/`: events described by the fields that the kernel publishes for a counting unit.
//!
//! The perf-event2 crate's `Dynamic` isn't used: it wants every field set and knows no field that lies in two pieces,
//! as AMD's event number does (`config:0-7,32-35`).

use std::fs;
use std::io;
use std::path::Path;

use super::code::{EventCode, RAW};

/// Where the kernel publishes its counting units.
pub(super) const DEVICES: &str = "/sys/bus/event_source/devices";

/// Why a description isn't an event.
#[derive(Debug, thiserror::Error)]
pub(super) enum PmuError {
    #[error("this kernel has no counting unit {device:?} ({source})")]
    NoDevice { device: String, source: io::Error },
    #[error("{device:?} is no name of a counting unit")]
    BadDevice { device: String },
    #[error("the counting unit {device} has no field or event {term:?}")]
    NoTerm { device: String, term: String },
    #[error("{value:?} is no number for {term}")]
    BadValue { term: String, value: String },
    #[error("{value:#x} doesn't fit into {term}, which has {bits} bits")]
    TooLarge { term: String, value: u64, bits: u32 },
    #[error("the kernel's description of {term} isn't understood: {format:?}")]
    BadFormat { term: String, format: String },
}

/// The fields of an x86 core's counters, for a machine whose kernel publishes none because it has no such unit: so the
/// event can still be named, and its absence explained.
const X86_FIELDS: &[(&str, &str)] = &[
    ("event", "config:0-7,32-35"),
    ("umask", "config:8-15"),
    ("edge", "config:18"),
    ("inv", "config:23"),
    ("cmask", "config:24-31"),
];

/// Reads `terms` with the fields of the unit `device` below `devices`.
pub(super) fn parse(devices: &Path, device: &str, terms: &str) -> Result<EventCode, PmuError> {
    if device.is_empty() || device.contains(['/', '\0']) || device.starts_with('.') {
        return Err(PmuError::BadDevice { device: device.to_owned() });
    }
    let folder = devices.join(device);
    let kind = match fs::read_to_string(folder.join("type")) {
        Ok(text) => text.trim().parse().map_err(|_| PmuError::BadDevice { device: device.to_owned() })?,
        Err(_) if device == "cpu" => RAW,
        Err(source) => return Err(PmuError::NoDevice { device: device.to_owned(), source }),
    };
    let mut code = EventCode::new(kind, 0);
    let mut seen = false;
    let mut pending: Vec<(String, bool)> = terms.split(',').rev().map(|term| (term.to_owned(), true)).collect();
    while let Some((term, may_be_event)) = pending.pop() {
        let (name, value) = match term.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (term.trim(), None),
        };
        let no_term = || PmuError::NoTerm { device: device.to_owned(), term: name.to_owned() };
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            return Err(no_term());
        }
        seen = true;
        if let Some(format) = field_format(&folder, device, name) {
            let value = match value {
                // A field alone is a flag, as for perf.
                None => 1,
                Some(text) => {
                    number(text).ok_or_else(|| PmuError::BadValue { term: name.to_owned(), value: text.to_owned() })?
                }
            };
            place(&mut code, name, &format, value)?;
            continue;
        }
        // An event of the unit is a file with terms of its own; it can't name another event.
        match fs::read_to_string(folder.join("events").join(name)) {
            Ok(text) if may_be_event && value.is_none() => {
                pending.extend(text.trim().split(',').rev().map(|term| (term.to_owned(), false)));
            }
            _ => return Err(no_term()),
        }
    }
    if seen { Ok(code) } else { Err(PmuError::NoTerm { device: device.to_owned(), term: String::new() }) }
}

fn field_format(folder: &Path, device: &str, name: &str) -> Option<String> {
    if let "config" | "config1" | "config2" = name {
        return Some(format!("{name}:0-63"));
    }
    if let Ok(text) = fs::read_to_string(folder.join("format").join(name)) {
        return Some(text.trim().to_owned());
    }
    let known = X86_FIELDS.iter().find(|(field, _)| *field == name && device == "cpu" && !folder.exists());
    known.map(|(_, format)| (*format).to_owned())
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Puts `value` into the bits that `format` (such as `config:0-7,32-35`) names, lowest first.
fn place(code: &mut EventCode, term: &str, format: &str, value: u64) -> Result<(), PmuError> {
    let bad = || PmuError::BadFormat { term: term.to_owned(), format: format.to_owned() };
    let (word, ranges) = format.split_once(':').ok_or_else(bad)?;
    let target = match word {
        "config" => &mut code.config,
        "config1" => &mut code.config1,
        "config2" => &mut code.config2,
        _ => return Err(bad()),
    };
    let mut rest = value;
    let mut total = 0;
    for range in ranges.split(',') {
        let (low, high) = range.split_once('-').unwrap_or((range, range));
        let low: u32 = low.trim().parse().map_err(|_| bad())?;
        let high: u32 = high.trim().parse().map_err(|_| bad())?;
        if low > high || high > 63 {
            return Err(bad());
        }
        let bits = high - low + 1;
        let mask = u64::MAX >> (64 - bits);
        *target = (*target & !(mask << low)) | ((rest & mask) << low);
        rest = if bits == 64 { 0 } else { rest >> bits };
        total += bits;
    }
    if rest == 0 { Ok(()) } else { Err(PmuError::TooLarge { term: term.to_owned(), value, bits: total }) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// A made-up `/sys/bus/event_source/devices`.
    fn devices() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for below in ["unit/format", "unit/events"] {
            fs::create_dir_all(folder.path().join(below)).unwrap();
        }
        let files = [
            ("unit/type", "9\n"),
            ("unit/format/event", "config:0-7,32-35\n"),
            ("unit/format/umask", "config:8-15\n"),
            ("unit/format/flag", "config1:3\n"),
            ("unit/format/odd", "configuration:0\n"),
            ("unit/events/misses", "event=0x64,umask=0x9\n"),
            ("unit/events/loop", "loop\n"),
        ];
        for (path, text) in files {
            fs::write(folder.path().join(path), text).unwrap();
        }
        folder
    }

    #[test]
    fn fields_are_placed_where_the_kernel_says() {
        let folder = devices();
        let code = parse(folder.path(), "unit", "event=0x1c2,umask=3,flag").unwrap();
        assert_eq!(code, EventCode { kind: 9, config: 0x1_0000_03c2, config1: 8, config2: 0 });
        assert_eq!(parse(folder.path(), "unit", "misses").unwrap().config, 0x964);
        assert_eq!(parse(folder.path(), "unit", "misses,umask=0x8").unwrap().config, 0x864);
        assert_eq!(parse(folder.path(), "unit", "config=0xffffffffffffffff").unwrap().config, u64::MAX);
    }

    #[test]
    fn mistakes_are_told_apart() {
        let folder = devices();
        let error = |device: &str, terms: &str| parse(folder.path(), device, terms).unwrap_err();
        assert!(matches!(error("none", "event=1"), PmuError::NoDevice { .. }));
        assert!(matches!(error("../unit", "event=1"), PmuError::BadDevice { .. }));
        assert!(matches!(error("unit", "nothing=1"), PmuError::NoTerm { .. }));
        assert!(matches!(error("unit", "../type"), PmuError::NoTerm { .. }));
        assert!(matches!(error("unit", ""), PmuError::NoTerm { .. }));
        assert!(matches!(error("unit", "loop"), PmuError::NoTerm { .. }));
        assert!(matches!(error("unit", "umask=x"), PmuError::BadValue { .. }));
        assert!(matches!(error("unit", "umask=0x100"), PmuError::TooLarge { bits: 8, .. }));
        assert!(matches!(error("unit", "odd=1"), PmuError::BadFormat { .. }));
    }

    #[test]
    fn a_core_event_can_be_named_without_a_core_unit() {
        let folder = devices();
        let code = parse(folder.path(), "cpu", "event=0xd0,umask=0x81,cmask=1,inv").unwrap();
        assert_eq!(code, EventCode::new(RAW, 0x0180_81d0));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived(terms in "[ -~]{0,60}", format in "[a-z0-9:,-]{0,30}", value in proptest::prelude::any::<u64>()) {
            let _ = parse(Path::new("/no/such/folder"), "cpu", &terms);
            let _ = place(&mut EventCode::new(0, 0), "term", &format, value);
        }
    }
}
