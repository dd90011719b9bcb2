//! The identity of this instance.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use wasi_http_client::bindings::wasi::clocks::monotonic_clock;

use super::bindings::exports::faasbench::lab::instance::{Description, Guest};
use super::bindings::exports::faasbench::wasi_http::invocation;
use super::bindings::wasi::random::random;
use super::{Component, STATE, settings};

impl invocation::Guest for Component {
    fn begin(passed_on: Vec<(String, Vec<u8>)>) -> invocation::Identity {
        let now = monotonic_clock::now();
        let mut state = STATE.get();
        let state = state.get_or_insert_default();
        if state.invocations == 0 {
            // Hosts make an instance when there is a request for it, so its life begins with the first.
            state.identifier = identifier(random::get_random_u64(), random::get_random_u64());
            state.created_ns = now;
        }
        state.invocations += 1;
        state.age_us = now.saturating_sub(state.created_ns) / 1_000;
        state.passed_on = passed_on;
        invocation::Identity { id: state.identifier.clone(), sequence: state.invocations - 1, uptime_us: state.age_us }
    }
}

impl Guest for Component {
    fn describe() -> Description {
        let platform = settings().platform.clone();
        let mut state = STATE.get();
        let state = state.get_or_insert_default();
        Description {
            identifier: state.identifier.clone(),
            invocation_index: state.invocations,
            age_us: state.age_us,
            platform,
            engine: "wasm".to_owned(),
            // Of the processor below a proxy host says nothing, nor of how many there are: an instance has one thread.
            arch: "wasm32".to_owned(),
            cores: 1,
            memory_limit_bytes: None,
        }
    }

    fn cpu_time_us() -> Option<u64> {
        None
    }
}

/// A UUID, version 4.
fn identifier(high: u64, low: u64) -> String {
    let (high, low) = (high & !0xf000 | 0x4000, low & (u64::MAX >> 2) | 1 << 63);
    let (first, second, third) = (high >> 32, high >> 16 & 0xffff, high & 0xffff);
    format!("{first:08x}-{second:04x}-{third:04x}-{:04x}-{:012x}", low >> 48, low & 0xffff_ffff_ffff)
}
