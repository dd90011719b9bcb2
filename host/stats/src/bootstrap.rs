//! The bootstrap's settings.

use super::Confidence;

/// How to bootstrap. The same settings and the same samples always give the same interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// How many resamples are drawn, at least 200. Only processes with repetitions are drawn; the bootstrap of a
    /// median of independent values is computed without drawing.
    pub resamples: usize,
    /// Seed of the generator.
    pub seed: u64,
    /// The confidence wanted.
    pub confidence: Confidence,
}

impl Default for Bootstrap {
    /// 2,000 resamples at 95 %, from a fixed seed.
    fn default() -> Self {
        Self { resamples: 2_000, seed: 0, confidence: Confidence::NINETY_FIVE }
    }
}
