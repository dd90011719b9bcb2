//! Intel Skylake to Granite Rapids. Codes of Intel's perfmon event files (`skylakex_core.json`, `icelakex_core.json`,
//! `sapphirerapids_core.json`), sums of PAPI's `papi_events.csv`.

use super::super::cpu::Microarchitecture;
use super::mapping::Mapping::{self, Absent, Kernel, Raw};

const WALKS: Option<&str> = Some("completed page walks; PAPI counts those that began");
const LAST_LEVEL: Option<&str> = Some("as PAPI has it: requests that reached the last level");

/// What `preset` is on `core`; `None` leaves it to the kernel's generic event.
pub(super) fn mapping(core: Microarchitecture, preset: &str) -> Option<Mapping> {
    use Microarchitecture::{SapphireRapids, Skylake};
    Some(match preset {
        // Generic, so that the kernel may use the fixed counters.
        "TOT_INS" => Kernel("instructions", None),
        "TOT_CYC" => Kernel("cycles", None),
        "REF_CYC" => Kernel("ref-cycles", None),
        // MEM_INST_RETIRED.ALL_LOADS, .ALL_STORES
        "LD_INS" => Raw(&[(1, 0x81d0)], None),
        "SR_INS" => Raw(&[(1, 0x82d0)], None),
        "LST_INS" => Raw(&[(1, 0x81d0), (1, 0x82d0)], None),
        "L1_DCA" => Raw(&[(1, 0x81d0), (1, 0x82d0)], Some("load and store instructions, as each accesses the cache")),
        // BR_INST_RETIRED.ALL_BRANCHES
        "BR_INS" => Raw(&[(1, 0x00c4)], None),
        // BR_INST_RETIRED.CONDITIONAL; .COND from Ice Lake on
        "BR_CN" if core == Skylake => Raw(&[(1, 0x01c4)], None),
        "BR_CN" => Raw(&[(1, 0x11c4)], None),
        // .CONDITIONAL - .NOT_TAKEN; .COND_TAKEN
        "BR_TKN" if core == Skylake => Raw(&[(1, 0x01c4), (-1, 0x10c4)], None),
        "BR_TKN" => Raw(&[(1, 0x01c4)], None),
        "BR_NTK" => Raw(&[(1, 0x10c4)], None),
        // BR_MISP_RETIRED.CONDITIONAL; .COND
        "BR_MSP" if core == Skylake => Raw(&[(1, 0x01c5)], Some("conditional branches, as PAPI has it")),
        "BR_MSP" => Raw(&[(1, 0x11c5)], Some("conditional branches, as PAPI has it")),
        "BR_PRC" if core == Skylake => Raw(&[(1, 0x01c4), (-1, 0x01c5)], None),
        "BR_PRC" => Raw(&[(1, 0x11c4), (-1, 0x11c5)], None),
        // L1D.REPLACEMENT, L2_RQSTS.ALL_CODE_RD
        "L1_DCM" => Raw(&[(1, 0x0151)], Some("lines brought into the data cache, prefetches included")),
        "L1_ICM" => Raw(&[(1, 0xe424)], Some("reads of code from level 2")),
        "L1_TCM" => Raw(&[(1, 0x0151), (1, 0xe424)], None),
        // LONGEST_LAT_CACHE.REFERENCE, L2_RQSTS.CODE_RD_MISS
        "L2_TCM" | "L3_TCA" => Raw(&[(1, 0x4f2e)], LAST_LEVEL),
        "L2_ICM" => Raw(&[(1, 0x2424)], None),
        "L2_DCM" => Raw(&[(1, 0x4f2e), (-1, 0x2424)], LAST_LEVEL),
        // LONGEST_LAT_CACHE.MISS
        "L3_TCM" => Raw(&[(1, 0x412e)], None),
        // {DTLB_LOAD,DTLB_STORE,ITLB}_MISSES.WALK_COMPLETED; other numbers from Sapphire Rapids on
        "TLB_DM" if core == SapphireRapids => Raw(&[(1, 0x0e12), (1, 0x0e13)], WALKS),
        "TLB_DM" => Raw(&[(1, 0x0e08), (1, 0x0e49)], WALKS),
        "TLB_IM" if core == SapphireRapids => Raw(&[(1, 0x0e11)], WALKS),
        "TLB_IM" => Raw(&[(1, 0x0e85)], WALKS),
        // IDQ_UOPS_NOT_DELIVERED.CYCLES_0_UOPS_DELIV.CORE: the mask is the width of the core
        "STL_ICY" => Raw(
            match core {
                Skylake => &[(1, 0x0400_019c)],
                SapphireRapids => &[(1, 0x0600_019c)],
                _ => &[(1, 0x0500_019c)],
            },
            Some("cycles in which the front end delivered nothing although the back end could take it"),
        ),
        // UOPS_RETIRED.STALL_CYCLES: slots retired, mask 1, inverted
        "STL_CCY" => Raw(&[(1, 0x0180_02c2)], Some("cycles in which no operation retired")),
        // RESOURCE_STALLS.ANY
        "RES_STL" if core == Skylake => Raw(&[(1, 0x01a2)], None),
        "RES_STL" => Absent("from Ice Lake on, Intel has no event for stalls on any resource"),
        // FP_ARITH_INST_RETIRED: 1, 4, 10h, 40h double (scalar, 128, 256, 512 bits); 2, 8, 20h, 80h single
        "SP_OPS" => Raw(&[(1, 0x02c7), (4, 0x08c7), (8, 0x20c7), (16, 0x80c7)], None),
        "DP_OPS" => Raw(&[(1, 0x01c7), (2, 0x04c7), (4, 0x10c7), (8, 0x40c7)], None),
        // Both precisions by their number of operations: 1 scalar, 2, 4 (two kinds), 8 (two kinds), 16
        "FP_OPS" => Raw(
            &[(1, 0x03c7), (2, 0x04c7), (4, 0x18c7), (8, 0x60c7), (16, 0x80c7)],
            Some("needs five counters beside instructions"),
        ),
        // One counter with the masks together: the sum of the four.
        "VEC_SP" => Raw(&[(1, 0xaac7)], Some("scalar SSE instructions included, as PAPI has it")),
        "VEC_DP" => Raw(&[(1, 0x55c7)], Some("scalar SSE instructions included, as PAPI has it")),
        "VEC_INS" => Raw(&[(1, 0xfcc7)], Some("packed floating-point instructions")),
        _ => return None,
    })
}
