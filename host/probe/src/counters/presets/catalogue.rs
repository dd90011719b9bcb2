//! The presets that are known, with their meaning.

use schemars::JsonSchema;
use serde::Serialize;

/// A preset of PAPI's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Preset {
    /// Without `PAPI_`.
    pub name: &'static str,
    /// What it counts.
    pub meaning: &'static str,
    /// The kernel's generic event that comes nearest, for processors whose own codes aren't known.
    pub generic: Option<&'static str>,
}

const fn preset(name: &'static str, meaning: &'static str, generic: Option<&'static str>) -> Preset {
    Preset { name, meaning, generic }
}

/// Every preset known here.
pub const PRESETS: &[Preset] = &[
    preset("TOT_INS", "instructions completed", Some("instructions")),
    preset("TOT_CYC", "cycles of the core, not halted", Some("cycles")),
    preset("REF_CYC", "cycles at a constant rate, not halted", Some("ref-cycles")),
    preset("LD_INS", "load instructions", Some("L1-dcache-loads")),
    preset("SR_INS", "store instructions", Some("L1-dcache-stores")),
    preset("LST_INS", "load and store instructions", None),
    preset("BR_INS", "branch instructions", Some("branches")),
    preset("BR_CN", "conditional branch instructions", None),
    preset("BR_TKN", "conditional branches taken", None),
    preset("BR_NTK", "conditional branches not taken", None),
    preset("BR_MSP", "branches mispredicted", Some("branch-misses")),
    preset("BR_PRC", "conditional branches predicted rightly", None),
    preset("L1_DCA", "level 1 data cache accesses", Some("L1-dcache-loads")),
    preset("L1_DCM", "level 1 data cache misses", Some("L1-dcache-load-misses")),
    preset("L1_ICM", "level 1 instruction cache misses", Some("L1-icache-load-misses")),
    preset("L1_TCM", "level 1 cache misses", None),
    preset("L2_DCM", "level 2 data cache misses", None),
    preset("L2_ICM", "level 2 instruction cache misses", None),
    preset("L2_TCM", "level 2 cache misses", Some("cache-misses")),
    preset("L3_TCA", "level 3 cache accesses", Some("LLC-loads")),
    preset("L3_TCM", "level 3 cache misses", Some("LLC-load-misses")),
    preset("TLB_DM", "data TLB misses", Some("dTLB-load-misses")),
    preset("TLB_IM", "instruction TLB misses", Some("iTLB-load-misses")),
    preset("STL_ICY", "cycles with no instruction issued", Some("stalled-cycles-frontend")),
    preset("STL_CCY", "cycles with no instruction completed", None),
    preset("RES_STL", "cycles stalled on any resource", Some("stalled-cycles-backend")),
    preset("FP_OPS", "floating-point operations", None),
    preset("SP_OPS", "single-precision operations, vectors by their elements", None),
    preset("DP_OPS", "double-precision operations, vectors by their elements", None),
    preset("VEC_SP", "single-precision SIMD instructions", None),
    preset("VEC_DP", "double-precision SIMD instructions", None),
    preset("VEC_INS", "vector instructions", None),
];

/// A preset by its name, with or without `PAPI_`, in any case.
#[must_use]
pub fn find(name: &str) -> Option<&'static Preset> {
    let bare = match name.get(..5) {
        Some(prefix) if prefix.eq_ignore_ascii_case("PAPI_") => &name[5..],
        _ => name,
    };
    PRESETS.iter().find(|preset| preset.name.eq_ignore_ascii_case(bare))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::super::code::EventCode;
    use super::super::super::cpu::{Cpu, Microarchitecture};
    use super::super::super::names::kernel_name;
    use super::*;

    fn cpu(vendor_id: &str, family: u32, model: u32) -> Cpu {
        Cpu { vendor_id: vendor_id.into(), family, model, model_name: String::new() }
    }

    fn processors() -> Vec<Cpu> {
        vec![
            cpu("AuthenticAMD", 0x17, 0x01),
            cpu("AuthenticAMD", 0x17, 0x31),
            cpu("AuthenticAMD", 0x19, 0x01),
            cpu("AuthenticAMD", 0x19, 0x11),
            cpu("AuthenticAMD", 0x1a, 0x02),
            cpu("GenuineIntel", 6, 0x55),
            cpu("GenuineIntel", 6, 0x6a),
            cpu("GenuineIntel", 6, 0x8f),
        ]
    }

    #[test]
    fn names_are_found_with_and_without_their_prefix() {
        assert_eq!(find("PAPI_L1_DCM").unwrap().name, "L1_DCM");
        assert_eq!(find("papi_l1_dcm"), find("L1_DCM"));
        assert!(find("PAPI_").is_none());
        assert!(find("PAPI_PAPI_L1_DCM").is_none());
    }

    #[test]
    fn every_preset_has_an_event_or_a_reason_on_every_processor() {
        for processor in processors() {
            assert_ne!(processor.microarchitecture(), Microarchitecture::Unknown);
            for preset in PRESETS {
                match preset.on(Some(&processor)) {
                    Ok(event) => {
                        assert!(event.is_hardware() && !event.terms.is_empty(), "{} {event:?}", preset.name);
                        assert!(event.terms.iter().all(|term| term.weight != 0));
                    }
                    Err(reason) => assert!(reason.len() > 10, "{} {reason}", preset.name),
                }
            }
        }
    }

    #[test]
    fn generic_names_exist() {
        for preset in PRESETS {
            if let Some(name) = preset.generic {
                assert!(kernel_name(name).is_some(), "{name}");
            }
        }
        let event = find("BR_INS").unwrap().on(None).unwrap();
        assert_eq!(event.terms[0].primitive.code, EventCode::new(0, 4));
        assert!(event.note.is_some());
        assert!(find("SP_OPS").unwrap().on(None).is_err());
    }

    #[test]
    fn zen3_has_the_codes_that_were_measured_there() {
        let zen3 = cpu("AuthenticAMD", 0x19, 0x01);
        let code = |name| find(name).unwrap().on(Some(&zen3)).unwrap().code();
        assert_eq!(code("TOT_INS"), "hardware:0x1");
        assert_eq!(code("LST_INS"), "r729");
        assert_eq!(code("LD_INS"), "r129");
        assert_eq!(code("SR_INS"), "r229");
        assert_eq!(code("L1_DCM"), "re860");
        assert_eq!(code("L2_DCM"), "r864");
        assert_eq!(code("L2_TCM"), "r964");
        assert_eq!(code("TLB_DM"), "rff45");
        assert_eq!(code("TLB_IM"), "rff85");
        assert_eq!(code("STL_ICY"), "ra9");
        for absent in ["L3_TCM", "SP_OPS", "DP_OPS", "VEC_SP", "VEC_DP", "RES_STL"] {
            assert!(find(absent).unwrap().on(Some(&zen3)).is_err(), "{absent}");
        }
        let operations = find("FP_OPS").unwrap().on(Some(&zen3)).unwrap();
        assert_eq!((operations.code().as_str(), operations.terms[0].primitive.counters), ("rff03", 2));
    }

    #[test]
    fn intel_has_sums_of_several_events() {
        let code = |model, name| find(name).unwrap().on(Some(&cpu("GenuineIntel", 6, model))).unwrap().code();
        assert_eq!(code(0x55, "LST_INS"), "r81d0 + r82d0");
        assert_eq!(code(0x55, "SP_OPS"), "r2c7 + 4 * r8c7 + 8 * r20c7 + 16 * r80c7");
        assert_eq!(code(0x55, "L2_DCM"), "r4f2e - r2424");
        assert_eq!(code(0x55, "STL_ICY"), "r400019c");
        assert_eq!(code(0x6a, "STL_ICY"), "r500019c");
        assert_eq!(code(0x6a, "STL_CCY"), "r18002c2");
        assert_eq!(code(0x55, "BR_MSP"), "r1c5");
        assert_eq!(code(0x6a, "BR_MSP"), "r11c5");
        assert_eq!(code(0x8f, "TLB_IM"), "re11");
    }
}
