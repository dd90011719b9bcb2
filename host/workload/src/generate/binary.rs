//! Structured binary files, like object files and tables: they shrink to about a half.

use super::random::Random;

const HEADER_BYTES: usize = 64;
const RECORD_BYTES: usize = 16;

/// A file of exactly `bytes` bytes: a header like that of an ELF object, and records of offsets that grow, small numbers,
/// flags that are mostly zero and a hash.
pub(super) fn structured(bytes: usize, mut random: Random) -> Vec<u8> {
    let mut file = Vec::with_capacity(bytes + RECORD_BYTES);
    file.extend_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x01\0\x3e\0\x01\0\0\0");
    file.resize(HEADER_BYTES, 0);
    let mut offset: u32 = 0;
    while file.len() < bytes {
        offset = offset.wrapping_add(8 * random.between(1, 40));
        let flags: u16 = if random.chance(15) { 1 << random.below(12) } else { 0 };
        file.extend_from_slice(&offset.to_le_bytes());
        file.extend_from_slice(&(random.below(24) as u16).to_le_bytes());
        file.extend_from_slice(&flags.to_le_bytes());
        file.extend_from_slice(&random.below(4_096).to_le_bytes());
        file.extend_from_slice(&random.word().to_le_bytes());
    }
    file.truncate(bytes);
    file
}
