//! Telling data that deflate cannot shrink from data that it can.

/// Matches reach this far back in deflate, bytes (RFC 1951, section 2).
const WINDOW_BYTES: u64 = 32 * 1024;
/// One position in this many is remembered to find repetitions, chosen by content so that both copies of a passage are
/// sampled at the same places.
const SAMPLE_ONE_IN: u32 = 16;
/// Slots for remembered positions: twice the number that a window holds.
const SLOTS: usize = 4096;
/// Repetitions of 4 bytes within a window of random data are one in millions; from two on there is something to match.
const REPETITIONS_MIN: u32 = 2;
/// How far from evenly spread byte values may be, in units of chi-squared per byte. To first order Huffman codes save
/// chi-squared / (2 ln 2) bits, so this is 0.06 bits of each byte: less than the code lengths' own description takes in
/// a segment of a few kilobytes.
const UNEVENNESS_MAX_PER_THOUSAND: u64 = 80;

/// Decides segment by segment of one file.
#[derive(Debug)]
pub(crate) struct SpreadTest {
    /// The last sampled 4 bytes of each slot and their position.
    sampled: Vec<(u32, u64)>,
    position: u64,
}

impl SpreadTest {
    pub(crate) fn new() -> SpreadTest {
        SpreadTest { sampled: vec![(0, 0); SLOTS], position: WINDOW_BYTES + 1 }
    }

    /// Takes in the next segment, of 1 KiB to 64 KiB, and tells whether its bytes are spread as evenly as random ones and
    /// repeat nothing within a window: then neither Huffman codes nor matches would make it smaller.
    pub(crate) fn is_spread(&mut self, segment: &[u8]) -> bool {
        let repetitions = self.repetitions(segment);
        repetitions < REPETITIONS_MIN && is_even(segment)
    }

    fn repetitions(&mut self, segment: &[u8]) -> u32 {
        let mut repetitions = 0;
        for (index, bytes) in segment.windows(4).enumerate() {
            let value = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            // Knuth's multiplicative hash; its upper bits are the good ones.
            let hash = value.wrapping_mul(2_654_435_761);
            if hash < u32::MAX / SAMPLE_ONE_IN {
                let slot = &mut self.sampled[(hash >> 12) as usize % SLOTS];
                let position = self.position + index as u64;
                if slot.0 == value && position - slot.1 <= WINDOW_BYTES {
                    repetitions += 1;
                }
                *slot = (value, position);
            }
        }
        self.position += segment.len() as u64;
        repetitions
    }
}

/// Pearson's chi-squared test of the byte values against an even distribution, in integers.
fn is_even(segment: &[u8]) -> bool {
    // Four tables, because adding to the count that was just written waits for the store.
    let mut counts = [[0_u32; 256]; 4];
    let mut quads = segment.chunks_exact(4);
    for quad in &mut quads {
        counts[0][usize::from(quad[0])] += 1;
        counts[1][usize::from(quad[1])] += 1;
        counts[2][usize::from(quad[2])] += 1;
        counts[3][usize::from(quad[3])] += 1;
    }
    for &byte in quads.remainder() {
        counts[0][usize::from(byte)] += 1;
    }
    let squares: u64 =
        (0..256).map(|value| counts.iter().map(|table| u64::from(table[value])).sum::<u64>().pow(2)).sum();
    let size = segment.len() as u64;
    // chi-squared = 256 * squares / size - size; random bytes have 255 on average, with a standard deviation of 23.
    let allowed = 255 + 23 + size * UNEVENNESS_MAX_PER_THOUSAND / 1000;
    256 * squares <= size * (size + allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of a xorshift generator.
    fn random(count: usize, seed: u64) -> Vec<u8> {
        let mut state = seed;
        std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .take(count)
        .collect()
    }

    #[test]
    fn random_bytes_are_spread_and_text_is_not() {
        let mut test = SpreadTest::new();
        for segment in random(400 * 4096, 7).chunks(4096) {
            assert!(test.is_spread(segment));
        }
        let text = "A line of text in plain words, as a manual or a letter would have it. ".repeat(60);
        assert!(!SpreadTest::new().is_spread(&text.as_bytes()[..4096]));
    }

    #[test]
    fn random_bytes_that_come_again_within_the_window_are_not_spread() {
        let passage = random(20_000, 3);
        let mut test = SpreadTest::new();
        assert!(passage.chunks(4096).all(|segment| test.is_spread(segment)));
        let again = passage.chunks(4096).filter(|segment| !test.is_spread(segment)).count();
        assert_eq!(again, 5);
    }

    #[test]
    fn bytes_of_which_one_in_eight_values_is_missing_are_not_spread() {
        let segment: Vec<u8> = random(5000, 9).into_iter().filter(|byte| byte % 8 != 0).take(4096).collect();
        assert!(!SpreadTest::new().is_spread(&segment));
    }
}
