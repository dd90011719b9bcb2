//! PAPI's preset names, and what each is on a processor.
//!
//! The codes come from the vendors' own lists (AMD's Processor Programming References as in Linux's
//! `tools/perf/pmu-events/arch/x86/amdzen*`, Intel's perfmon event files for SKX, ICX and SPR) and the sums from PAPI's
//! `papi_events.csv`; where ours differ from PAPI's, the event's note says so.

mod amd;
mod catalogue;
mod intel;
mod mapping;

pub use catalogue::*;
pub(super) use mapping::raw_primitive;
