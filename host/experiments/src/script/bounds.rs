//! What a step of a script may be.

/// Steps may be nested so deep.
pub(super) const DEEPEST: usize = 8;
/// Combinations of variables' values, at most.
pub(super) const MOST_COMBINATIONS: usize = 10_000;
/// Rounds, at most.
pub(super) const MOST_ROUNDS: u32 = 1_000;
/// A unit may take as long as this at most, s: a week.
pub(super) const LONGEST_S: f64 = 604_800.0;
/// Calls of a unit, at most: each is kept until its end.
pub(super) const MOST_CALLS: u32 = 1_000_000;
/// Calls at one instant, at most.
pub(super) const MOST_AT_ONCE: u32 = 10_000;
