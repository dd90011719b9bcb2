//! The throughput loop: a fixed unit of work, counted until a deadline.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// What the generator starts from, so that every run does the same work; the record repeats it as `random_seed`.
pub(crate) const RANDOM_SEED: u64 = 20_260_101;

/// Steps of the generator in one iteration.
const STEPS: u32 = 64;

/// Most iterations between two looks at the clock: some 100 us, of which a clock read through a WASM host (0.1 to 0.5 us)
/// is under 1%.
const MOST_ITERATIONS_PER_READ: u64 = 2048;

/// Iterations before the first look at the clock, from which the speed is estimated.
const FIRST_ITERATIONS: u64 = 64;

/// What the loop did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Throughput {
    pub(crate) iterations: u64,
    /// From a monotonic clock; at least the time asked for.
    pub(crate) running: Duration,
}

/// Computes for `time`, counting iterations.
pub(crate) fn run(time: Duration) -> Throughput {
    let mut generator = Xoshiro256PlusPlus::from_seed(RANDOM_SEED);
    let mut accumulator = 0_u64;
    let mut iterations = 0;
    let start = Instant::now();
    let mut running = Duration::ZERO;
    let mut next = FIRST_ITERATIONS;
    while running < time {
        for _ in 0..next {
            accumulator = iteration(&mut generator, accumulator);
        }
        iterations += next;
        running = start.elapsed();
        next = iterations_until(time, running, iterations);
    }
    // Keeps the optimiser from removing the work.
    black_box(accumulator);
    Throughput { iterations, running }
}

/// How many iterations fit into what is left, at the speed seen so far.
fn iterations_until(time: Duration, running: Duration, iterations: u64) -> u64 {
    let left = time.saturating_sub(running).as_secs_f64();
    let speed = iterations as f64 / running.as_secs_f64().max(1e-9);
    // A float that is out of range saturates.
    ((left * speed) as u64).clamp(1, MOST_ITERATIONS_PER_READ)
}

/// The unit of work: [`STEPS`] steps of the generator, folded into the accumulator.
fn iteration(generator: &mut Xoshiro256PlusPlus, mut accumulator: u64) -> u64 {
    for _ in 0..STEPS {
        accumulator = accumulator.rotate_left(1) ^ generator.next();
    }
    accumulator
}

/// xoshiro256++ 1.0 by David Blackman and Sebastiano Vigna, <https://prng.di.unimi.it/xoshiro256plusplus.c>.
struct Xoshiro256PlusPlus {
    state: [u64; 4],
}

impl Xoshiro256PlusPlus {
    /// Fills the state from SplitMix64, as its authors advise.
    fn from_seed(seed: u64) -> Xoshiro256PlusPlus {
        let mut counter = seed;
        let state = std::array::from_fn(|_| {
            counter = counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (counter ^ (counter >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        });
        Xoshiro256PlusPlus { state }
    }

    fn next(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gives_the_reference_sequence() {
        let mut generator = Xoshiro256PlusPlus { state: [1, 2, 3, 4] };
        for expected in
            [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386, 9_228_616_714_210_784_205]
        {
            assert_eq!(generator.next(), expected);
        }
    }

    #[test]
    fn an_iteration_depends_on_all_its_steps() {
        let mut generator = Xoshiro256PlusPlus::from_seed(RANDOM_SEED);
        let mut again = Xoshiro256PlusPlus::from_seed(RANDOM_SEED);
        let expected = (0..STEPS).fold(7_u64, |folded, _| folded.rotate_left(1) ^ again.next());
        assert_eq!(iteration(&mut generator, 7), expected);
        assert_eq!(generator.state, again.state);
    }

    #[test]
    fn the_loop_runs_for_the_time_asked_and_no_time_is_no_work() {
        let time = Duration::from_millis(5);
        let throughput = run(time);
        assert!(throughput.running >= time);
        assert!(throughput.iterations > 0);
        assert_eq!(run(Duration::ZERO), Throughput { iterations: 0, running: Duration::ZERO });
    }

    #[test]
    fn batches_shrink_towards_the_deadline() {
        let (time, running) = (Duration::from_micros(1_000), Duration::from_micros(900));
        assert!((99..=100).contains(&iterations_until(time, running, 900)));
        assert_eq!(iterations_until(time, running, 900_000), MOST_ITERATIONS_PER_READ);
        assert_eq!(iterations_until(time, time * 2, 1), 1);
        assert_eq!(iterations_until(time, Duration::ZERO, 64), MOST_ITERATIONS_PER_READ);
    }
}
