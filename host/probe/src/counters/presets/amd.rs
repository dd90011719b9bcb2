//! AMD Zen: families 17h, 19h, 1Ah. Codes of Linux's `tools/perf/pmu-events/arch/x86/amdzen{1..5}`.

use super::super::cpu::Microarchitecture;
use super::mapping::Mapping::{self, Absent, Kernel, Raw};

const DISPATCHED: Option<&str> =
    Some("operations dispatched to the load-store unit, not instructions completed; speculation is in it");
const NO_PRECISION: &str =
    "from Zen 2 on, AMD counts floating-point operations of both precisions together; see FP_OPS for their sum";
const NO_L3: &str = "the level 3 cache has counters of its own (amd_l3), for whole groups of cores, not for a process";
const SPLIT_STALLS: &str = "AMD splits dispatch stalls over two events by cause (AEh, AFh); causes overlap, so no sum of them is a number of cycles";

/// What `preset` is on `core`; `None` leaves it to the kernel's generic event.
pub(super) fn mapping(core: Microarchitecture, preset: &str) -> Option<Mapping> {
    use Microarchitecture::{Zen1, Zen2, Zen3, Zen4};
    Some(match preset {
        // The kernel's generic events are C0h and 76h here, and keep the door open for a fixed counter.
        "TOT_INS" => Kernel("instructions", None),
        "TOT_CYC" => Kernel("cycles", None),
        // LS_DISPATCH: 1 loads, 2 stores, 4 both in one.
        "LD_INS" => Raw(&[(1, 0x0129)], DISPATCHED),
        "SR_INS" => Raw(&[(1, 0x0229)], DISPATCHED),
        "LST_INS" | "L1_DCA" => Raw(&[(1, 0x0729)], DISPATCHED),
        "BR_INS" => Raw(&[(1, 0xc2)], None),
        "BR_MSP" => Raw(&[(1, 0xc3)], None),
        // Conditional branches have an event of their own from Zen 3 on.
        "BR_CN" | "BR_TKN" | "BR_NTK" | "BR_PRC" if core < Zen3 => {
            Absent("before Zen 3, AMD doesn't count conditional branches apart")
        }
        "BR_CN" => Raw(&[(1, 0xd1)], None),
        // All taken (C4h) less the unconditional ones (all less conditional).
        "BR_TKN" => Raw(&[(1, 0xc4), (-1, 0xc2), (1, 0xd1)], None),
        "BR_NTK" => Raw(&[(1, 0xc2), (-1, 0xc4)], None),
        "BR_PRC" => Raw(&[(1, 0xd1), (-1, 0xc3)], Some("mispredictions of all branches are subtracted, as PAPI does")),
        // L2 requests from data cache misses: reads, reads to write, shared reads, upgrades.
        "L1_DCM" => {
            Raw(&[(1, 0xe860)], Some("requests to level 2 from data cache misses, prefetches by the core included"))
        }
        "L1_ICM" => Kernel(
            "L1-icache-load-misses",
            Some("the kernel's generic event (81h on Zen); PAPI has it on Zen 1 and 2 only"),
        ),
        "L1_TCM" => Absent("data and instruction misses are counted in different units here; see L1_DCM and L1_ICM"),
        "L2_DCM" => Raw(&[(1, 0x0864)], Some("of requests by the core, without level 2's own prefetches")),
        "L2_ICM" => Raw(&[(1, 0x0164)], Some("of requests by the core, without level 2's own prefetches")),
        "L2_TCM" => Raw(&[(1, 0x0964)], Some("of requests by the core, without level 2's own prefetches")),
        "L3_TCA" | "L3_TCM" => Absent(NO_L3),
        "TLB_DM" => Raw(&[(1, 0xff45)], Some("misses of the level 1 data TLB, level 2 hits included")),
        "TLB_IM" => Raw(
            &[(1, 0xff85)],
            Some("misses of both instruction TLBs (page walks); PAPI adds those that level 2 served"),
        ),
        // The queue of micro-operations was empty: nothing to dispatch.
        "STL_ICY" if core <= Zen3 => {
            Raw(&[(1, 0xa9)], Some("cycles in which the queue of decoded operations was empty"))
        }
        "STL_ICY" => Absent("from Zen 4 on, AMD counts empty dispatch slots (1A0h), not cycles"),
        "STL_CCY" if core >= Zen4 => Raw(&[(1, 0x1bd6)], Some("cycles in which no operation retired, for any reason")),
        "STL_CCY" => Absent("before Zen 4, AMD documents no event for cycles without a completed instruction"),
        "RES_STL" => Absent(SPLIT_STALLS),
        "FP_OPS" if core <= Zen2 || core == Zen3 => {
            Raw(&[(1, 0xff03)], Some("SSE and AVX; a multiply-add counts as two; takes two counters"))
        }
        "FP_OPS" => Raw(&[(1, 0x1f03)], Some("SSE and AVX; a multiply-add counts as two; takes two counters")),
        // On Zen 1 the low half of the mask is single precision, the high half double.
        "SP_OPS" if core == Zen1 => Raw(&[(1, 0x0f03)], Some("SSE and AVX; takes two counters")),
        "DP_OPS" if core == Zen1 => Raw(&[(1, 0xf003)], Some("SSE and AVX; takes two counters")),
        "SP_OPS" | "DP_OPS" | "VEC_SP" | "VEC_DP" => Absent(NO_PRECISION),
        "VEC_INS" if core >= Zen4 => Raw(&[(1, 0xf00a)], Some("vector floating-point operations retired")),
        "VEC_INS" => Absent(
            "before Zen 4, AMD doesn't count vector instructions apart (PAPI's preset is FP_OPS there); see FP_OPS",
        ),
        _ => return None,
    })
}
