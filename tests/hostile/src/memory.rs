//! Taking the processor and memory.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lab::Lab;
use serde_json::{Value, json};

/// Size of the pieces in which memory is taken, bytes.
const PIECE_BYTES: u64 = 1 << 20;

/// Computes for ever, or that long.
pub(crate) fn compute(lab: &dyn Lab, time: Option<Duration>) -> Value {
    let start = Instant::now();
    let mut turns = 0_u64;
    loop {
        for _ in 0..100_000 {
            turns = black_box(turns.wrapping_add(1));
        }
        if time.is_some_and(|time| start.elapsed() >= time) {
            return json!({ "turns": turns, "cpu_us": lab.cpu_time_us() });
        }
    }
}

/// Takes and touches memory without end, or that much.
pub(crate) fn allocate(bytes: Option<u64>) -> Value {
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    let mut taken = 0;
    while bytes.is_none_or(|bytes| taken < bytes) {
        let size = bytes.map_or(PIECE_BYTES, |bytes| PIECE_BYTES.min(bytes - taken));
        // Not zero, or the pages would be touched by nobody.
        pieces.push(black_box(vec![1; usize::try_from(size).unwrap_or(usize::MAX)]));
        taken += size;
    }
    json!({ "bytes": black_box(pieces).iter().map(Vec::len).sum::<usize>() })
}

/// Calls itself until the stack ends.
#[allow(unconditional_recursion, reason = "that is the deed")]
pub(crate) fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    recurse(frame[0] + 1) + frame[63]
}

/// How often this was called in this instance before.
pub(crate) fn count() -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    CALLS.fetch_add(1, Ordering::Relaxed)
}
