//! The bits of entropy-coded data.

use super::JpegError;

/// Reads bits, most significant first, up to the next marker; behind it come zeros, which are counted.
#[derive(Debug, Clone)]
pub(crate) struct BitReader<'a> {
    data: &'a [u8],
    /// The next byte to read.
    position: usize,
    /// The next bits, left-aligned. Below the first `count` stand bits of the bytes from `position` on, or zeros.
    bits: u64,
    count: u32,
    /// How many of the bits that were put in are not in the data.
    padding: u64,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(data: &'a [u8], position: usize) -> BitReader<'a> {
        BitReader { data, position, bits: 0, count: 0, padding: 0 }
    }

    /// Makes at least 32 bits available.
    #[inline(always)]
    pub(crate) fn refill(&mut self) {
        if self.count >= 32 {
            return;
        }
        if let Some(Some(next)) = self.data.get(self.position..).map(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_be_bytes(*next);
            // Exact test for a byte of 0xFF, that is a zero byte in the complement.
            let zeros = !word;
            if zeros.wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080 == 0 {
                self.bits |= word >> self.count;
                self.position += ((63 - self.count) / 8) as usize;
                self.count |= 56;
                return;
            }
        }
        self.refill_bytewise();
    }

    #[cold]
    #[inline(never)]
    fn refill_bytewise(&mut self) {
        while self.count <= 56 {
            let byte = match self.data.get(self.position) {
                Some(0xFF) if self.data.get(self.position + 1) == Some(&0) => {
                    self.position += 2;
                    0xFF
                }
                // A marker, or the end.
                None | Some(0xFF) => {
                    self.padding += 8;
                    0
                }
                Some(&byte) => {
                    self.position += 1;
                    byte
                }
            };
            self.bits |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// The next `count` bits, 1 to 16, which [`BitReader::refill`] has made available.
    #[inline(always)]
    pub(crate) fn peek(&self, count: u32) -> usize {
        (self.bits >> (64 - count)) as usize
    }

    /// Steps over `count` available bits, at most 31.
    #[inline(always)]
    pub(crate) fn consume(&mut self, count: u32) {
        self.bits <<= count;
        self.count -= count;
    }

    /// Reads a number of `size` available bits, 0 to 15, in the format's signed form (T.81, F.2.2.1, EXTEND).
    #[inline(always)]
    pub(crate) fn signed(&mut self, size: u32) -> i32 {
        // Shifted in two steps, because a shift by 64 is not one.
        let value = (self.bits >> 1 >> (63 - size)) as i32;
        self.consume(size);
        let half = (1 << size) >> 1;
        if value < half { value - (1 << size) + 1 } else { value }
    }

    /// An error when bits have been used that are not in the data.
    pub(crate) fn check(&self) -> Result<(), JpegError> {
        if self.padding > u64::from(self.count) { Err(JpegError::Truncated) } else { Ok(()) }
    }

    /// Goes on behind the restart marker that must come next.
    pub(crate) fn restart(&mut self) -> Result<(), JpegError> {
        self.check()?;
        let marker = self.next_marker();
        match self.data.get(marker..marker + 2) {
            Some([0xFF, 0xD0..=0xD7]) => {
                *self = BitReader::new(self.data, marker + 2);
                Ok(())
            }
            Some(_) | None => Err(JpegError::Truncated),
        }
    }

    /// Where the next marker stands, or the data end.
    pub(crate) fn next_marker(&self) -> usize {
        let mut position = self.position;
        while let Some(rest) = self.data.get(position..) {
            match rest {
                [0xFF, 0x00, ..] => position += 2,
                // Any number of 0xFF may stand before a marker.
                [0xFF, 0xFF, ..] => position += 1,
                [0xFF, ..] | [] => return position,
                _ => position += 1,
            }
        }
        self.data.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_bytes(data: &[u8], count: usize) -> Vec<u8> {
        let mut reader = BitReader::new(data, 0);
        let bytes = (0..count).map(|_| {
            reader.refill();
            let byte = reader.peek(8) as u8;
            reader.consume(3);
            reader.consume(5);
            byte
        });
        bytes.collect()
    }

    #[test]
    fn a_stuffed_zero_is_not_data_wherever_it_stands() {
        for before in 0..20 {
            let plain: Vec<u8> = (0..before).collect();
            let data = [&plain[..], &[0xFF, 0, 0xAB], &[1; 12]].concat();
            let expected = [&plain[..], &[0xFF, 0xAB], &[1; 12]].concat();
            assert_eq!(read_bytes(&data, expected.len()), expected);
        }
    }

    #[test]
    fn bits_behind_a_marker_are_missed_only_once_used() {
        let mut reader = BitReader::new(&[0x12, 0x34, 0xFF, 0xD9], 0);
        reader.refill();
        reader.consume(16);
        assert_eq!(reader.check(), Ok(()));
        reader.consume(1);
        assert_eq!(reader.check(), Err(JpegError::Truncated));
    }

    #[test]
    fn signed_numbers_are_those_of_the_standard() {
        // T.81, table F.1: category 2 is -3, -2, 2, 3; category 1 is -1, 1.
        let mut reader = BitReader::new(&[0b0001_1011, 0b0100_0000], 0);
        reader.refill();
        let numbers = [2, 2, 2, 2, 1, 1, 0].map(|size| reader.signed(size));
        assert_eq!(numbers, [-3, -2, 2, 3, -1, 1, 0]);
    }

    #[test]
    fn reading_goes_on_behind_a_restart_marker() {
        let mut reader = BitReader::new(&[0x80, 0xFF, 0xFF, 0xD3, 0x55], 0);
        reader.refill();
        reader.consume(3);
        assert_eq!(reader.restart(), Ok(()));
        reader.refill();
        assert_eq!(reader.peek(8), 0x55);
        assert_eq!(reader.restart(), Err(JpegError::Truncated));
    }
}
