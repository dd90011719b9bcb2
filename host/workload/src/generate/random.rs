//! Random numbers that are the same on every machine and with every version of a library: the words of the ChaCha8 stream,
//! turned into numbers by integer arithmetic of our own.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(super) struct Random(ChaCha8Rng);

impl Random {
    /// Stream number `stream` of a seed. Streams of one seed are independent of each other.
    pub(super) fn new(seed: u64, stream: u64) -> Random {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(stream);
        Random(generator)
    }

    pub(super) fn word(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// A number under `bound`, which must not be 0. The bias is under `bound` / 2^32.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.word()) * u64::from(bound)) >> 32) as u32
    }

    /// A number from `low` up to and with `high`.
    pub(super) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    /// True in `percent` of 100 draws.
    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len() as u32) as usize]
    }

    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// A weight whose base-2 logarithm is nearly normal with mean 16 and standard deviation `deviation_256` / 256: the
    /// sizes of files in a tree are distributed like this. Only integers, so that no machine's `exp` matters.
    pub(super) fn log_normal(&mut self, deviation_256: i64) -> u64 {
        // Twelve uniform numbers have variance 1 together.
        let sum: i64 = (0..12).map(|_| i64::from(self.below(1 << 16))).sum();
        let normal = sum - 6 * (1 << 16);
        let exponent = ((16 << 16) + normal * deviation_256 / 256).clamp(0, 40 << 16);
        // 2^fraction, taken as 1 + fraction: at most 6% off, which is nothing to a weight.
        ((1 << 16) + (exponent as u64 & 0xFFFF)) << (exponent as u64 >> 16) >> 16
    }
}

/// Ranks 0, 1, 2, ... drawn with frequencies 1, 1/2, 1/3, ...: Zipf's law, which words and identifiers follow.
#[derive(Debug, Clone)]
pub(super) struct Zipf {
    cumulative: Vec<u32>,
}

impl Zipf {
    /// Over `ranks` ranks, at least 1 and at most 100,000.
    pub(super) fn new(ranks: usize) -> Zipf {
        let mut total = 0;
        let cumulative = (1..=ranks as u32)
            .map(|rank| {
                total += 100_000_000 / rank.max(1);
                total
            })
            .collect();
        Zipf { cumulative }
    }

    pub(super) fn draw(&self, random: &mut Random) -> usize {
        let total = self.cumulative.last().copied().unwrap_or(1);
        let drawn = random.below(total);
        self.cumulative.partition_point(|sum| *sum <= drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_that_of_chacha8_everywhere() {
        let mut random = Random::new(0, 0);
        // The first words of ChaCha8 with a zero key and nonce (RFC 7539 layout, eight rounds).
        assert_eq!(random.word().to_le_bytes(), [0x3e, 0x00, 0xef, 0x2f]);
    }

    #[test]
    fn streams_and_seeds_differ() {
        let first = |seed, stream| Random::new(seed, stream).word();
        assert_ne!(first(1, 0), first(1, 1));
        assert_ne!(first(1, 0), first(2, 0));
        assert_eq!(first(1, 1), first(1, 1));
    }

    #[test]
    fn zipf_draws_the_first_rank_twice_as_often_as_the_second() {
        let (zipf, mut random) = (Zipf::new(50), Random::new(3, 0));
        let mut counts = [0_u32; 50];
        for _ in 0..20_000 {
            counts[zipf.draw(&mut random)] += 1;
        }
        let ratio = f64::from(counts[0]) / f64::from(counts[1]);
        assert!((1.8..2.2).contains(&ratio), "{ratio}");
        assert!(counts[49] > 0);
    }

    #[test]
    fn log_normal_weights_have_their_median_in_the_middle() {
        let mut random = Random::new(5, 0);
        let mut weights: Vec<u64> = (0..2_001).map(|_| random.log_normal(512)).collect();
        weights.sort_unstable();
        assert!((40_000..100_000).contains(&weights[1_000]), "{}", weights[1_000]);
        assert!(weights[1_900] > 4 * weights[1_000], "the tail is too thin");
    }
}
