//! Which processor this is, as far as its counters depend on it.

use std::fs;
use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The processor, from `/proc/cpuinfo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cpu {
    /// `vendor_id`, such as `AuthenticAMD` or `GenuineIntel`.
    pub vendor_id: String,
    /// `cpu family`, in decimal as the kernel writes it.
    pub family: u32,
    /// `model`.
    pub model: u32,
    /// `model name`, for people.
    pub model_name: String,
}

/// Processors whose raw event codes are known here, by the core that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Microarchitecture {
    /// AMD Zen and Zen+ (family 17h).
    Zen1,
    /// AMD Zen 2 (family 17h).
    Zen2,
    /// AMD Zen 3 (family 19h).
    Zen3,
    /// AMD Zen 4 (family 19h).
    Zen4,
    /// AMD Zen 5 (family 1Ah).
    Zen5,
    /// Intel Skylake to Cooper Lake, servers and clients.
    Skylake,
    /// Intel Ice Lake, Tiger Lake, Rocket Lake.
    IceLake,
    /// Intel Sapphire Rapids, Emerald Rapids, Granite Rapids.
    SapphireRapids,
    /// Any other: only the kernel's generic events are used.
    Unknown,
}

impl Cpu {
    /// The processor of this machine.
    ///
    /// # Errors
    /// `/proc/cpuinfo` can't be read, or it doesn't say (processors that aren't x86 give other fields).
    pub fn this() -> io::Result<Self> {
        let text = fs::read_to_string("/proc/cpuinfo")?;
        Self::parse(&text)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/proc/cpuinfo names no x86 processor"))
    }

    /// Reads the first processor of a `/proc/cpuinfo` text. `None` when a field is missing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            text.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                (key.trim_end() == name).then(|| value.trim())
            })
        };
        Some(Self {
            vendor_id: field("vendor_id")?.to_owned(),
            family: field("cpu family")?.parse().ok()?,
            model: field("model")?.parse().ok()?,
            model_name: field("model name").unwrap_or("").to_owned(),
        })
    }

    /// The core, by vendor, family and model (the ranges of AMD's are those of Linux, `arch/x86/kernel/cpu/amd.c`;
    /// Intel's models are those of `arch/x86/include/asm/intel-family.h`). Hybrid Intel processors are `Unknown`: their
    /// two kinds of cores have two sets of events.
    #[must_use]
    pub fn microarchitecture(&self) -> Microarchitecture {
        match (self.vendor_id.as_str(), self.family, self.model) {
            ("AuthenticAMD", 0x17, 0x00..=0x2f | 0x50..=0x5f) => Microarchitecture::Zen1,
            ("AuthenticAMD", 0x17, _) => Microarchitecture::Zen2,
            ("AuthenticAMD", 0x19, 0x00..=0x0f | 0x20..=0x5f) => Microarchitecture::Zen3,
            ("AuthenticAMD", 0x19, _) => Microarchitecture::Zen4,
            ("AuthenticAMD", 0x1a, 0x00..=0x4f | 0x60..=0x7f) => Microarchitecture::Zen5,
            ("GenuineIntel", 6, 0x4e | 0x5e | 0x55 | 0x8e | 0x9e | 0xa5 | 0xa6) => Microarchitecture::Skylake,
            ("GenuineIntel", 6, 0x6a | 0x6c | 0x7d | 0x7e | 0x8c | 0x8d | 0xa7) => Microarchitecture::IceLake,
            ("GenuineIntel", 6, 0x8f | 0xcf | 0xad | 0xae) => Microarchitecture::SapphireRapids,
            _ => Microarchitecture::Unknown,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn cpu(vendor_id: &str, family: u32, model: u32) -> Cpu {
        Cpu { vendor_id: vendor_id.into(), family, model, model_name: String::new() }
    }

    #[test]
    fn a_cpuinfo_text_gives_the_processor() {
        let text =
            "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 1\nmodel name\t: AMD EPYC: 7\n";
        let found = Cpu::parse(text).unwrap();
        assert_eq!((found.family, found.model, found.model_name.as_str()), (25, 1, "AMD EPYC: 7"));
        assert_eq!(found.microarchitecture(), Microarchitecture::Zen3);
        assert_eq!(Cpu::parse("vendor_id : x\ncpu family : many\n"), None);
    }

    #[test]
    fn known_processors_are_told_apart() {
        assert_eq!(cpu("AuthenticAMD", 0x17, 0x31).microarchitecture(), Microarchitecture::Zen2);
        assert_eq!(cpu("AuthenticAMD", 0x17, 0x01).microarchitecture(), Microarchitecture::Zen1);
        assert_eq!(cpu("AuthenticAMD", 0x19, 0x11).microarchitecture(), Microarchitecture::Zen4);
        assert_eq!(cpu("AuthenticAMD", 0x1a, 0x02).microarchitecture(), Microarchitecture::Zen5);
        assert_eq!(cpu("GenuineIntel", 6, 0x55).microarchitecture(), Microarchitecture::Skylake);
        assert_eq!(cpu("GenuineIntel", 6, 0x6a).microarchitecture(), Microarchitecture::IceLake);
        assert_eq!(cpu("GenuineIntel", 6, 0x8f).microarchitecture(), Microarchitecture::SapphireRapids);
        assert_eq!(cpu("GenuineIntel", 6, 0x97).microarchitecture(), Microarchitecture::Unknown, "hybrid");
        assert_eq!(cpu("other", 0x19, 1).microarchitecture(), Microarchitecture::Unknown);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived(text in "[ -~\n\t]{0,300}") {
            let _ = Cpu::parse(&text);
        }
    }
}
