//! Huffman tables (T.81, annex C and F.2.2.3), and one that steps over coefficients without computing them.

use super::JpegError;
use super::bits::BitReader;

/// Codes up to this length are found by one look-up.
const LOOKUP_BITS: u32 = 10;
/// Width of the look-up for stepping over coefficients: 8 KiB a table, so that two fit the first-level cache.
const SKIP_BITS: u32 = 12;
/// Coefficients of a block.
const BLOCK: usize = 64;

/// A table of codes of 1 to 16 bits for symbols of 8.
#[derive(Debug, Clone)]
pub(crate) struct HuffmanTable {
    /// By the next bits: the code's length in the upper byte and its symbol in the lower; 0 where the code is longer.
    lookup: Box<[u16; 1 << LOOKUP_BITS]>,
    /// By length: the first code that is too great for it, left-aligned to 16 bits.
    limits: [u32; 17],
    /// By length: what to add to a code to get its symbol's index.
    offsets: [i32; 17],
    symbols: [u8; 256],
}

impl HuffmanTable {
    /// A table from the number of codes of each length from 1 on, and their symbols in order.
    pub(crate) fn new(counts: &[u8; 16], values: &[u8]) -> Result<HuffmanTable, JpegError> {
        let mut table = HuffmanTable {
            lookup: Box::new([0; 1 << LOOKUP_BITS]),
            limits: [0; 17],
            offsets: [0; 17],
            symbols: [0; 256],
        };
        let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
        if total > table.symbols.len() || values.len() < total {
            return Err(JpegError::Corrupt("a Huffman table has more codes than symbols"));
        }
        table.symbols[..total].copy_from_slice(&values[..total]);
        let (mut code, mut index) = (0_u32, 0_usize);
        for (length, &count) in (1_u32..).zip(counts) {
            table.offsets[length as usize] = index as i32 - code as i32;
            for _ in 0..count {
                if code >> length != 0 {
                    return Err(JpegError::Corrupt("a Huffman table has more codes than its lengths allow"));
                }
                if length <= LOOKUP_BITS {
                    let first = (code << (LOOKUP_BITS - length)) as usize;
                    let entry = (length as u16) << 8 | u16::from(table.symbols[index]);
                    table.lookup[first..first + (1 << (LOOKUP_BITS - length))].fill(entry);
                }
                code += 1;
                index += 1;
            }
            table.limits[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Ok(table)
    }

    /// Reads one symbol. The reader has 16 bits or more.
    #[inline(always)]
    pub(crate) fn read(&self, reader: &mut BitReader) -> Result<u8, JpegError> {
        let entry = self.lookup[reader.peek(LOOKUP_BITS)];
        if entry != 0 {
            reader.consume(u32::from(entry >> 8));
            return Ok(entry as u8);
        }
        let (symbol, length) = self.find(reader.peek(16) as u32, 16)?;
        reader.consume(length);
        Ok(symbol)
    }

    /// The symbol of the code at the top of `bits`, 16 of them, and its length, at most `longest`.
    fn find(&self, bits: u32, longest: u32) -> Result<(u8, u32), JpegError> {
        let length = (1..=longest).find(|&length| bits < self.limits[length as usize]);
        let length = length.ok_or(JpegError::Corrupt("a code is in no Huffman table"))?;
        let index = (bits >> (16 - length)) as i32 + self.offsets[length as usize];
        let symbol = usize::try_from(index).ok().and_then(|index| self.symbols.get(index));
        Ok((*symbol.ok_or(JpegError::Corrupt("a code is in no Huffman table"))?, length))
    }
}

/// A table for AC coefficients.
#[derive(Debug, Clone)]
pub(crate) struct CoefficientTable {
    pub(crate) codes: HuffmanTable,
    skip: Box<[Skip; 1 << SKIP_BITS]>,
}

/// What is known from the next bits alone of as many coefficients as are in them whole, or whose code at least is: bits
/// taken (5 bits), coefficients passed (7 bits), and whether the block ends (1 bit). 0 where not even one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Skip(u16);

impl Skip {
    fn new(bits: u32, coefficients: usize, ends: bool) -> Skip {
        Skip(bits as u16 | (coefficients as u16) << 5 | u16::from(ends) << 12)
    }

    #[inline(always)]
    fn bits(self) -> u32 {
        u32::from(self.0 & 31)
    }

    #[inline(always)]
    fn coefficients(self) -> usize {
        usize::from(self.0 >> 5 & 127)
    }

    #[inline(always)]
    fn ends(self) -> bool {
        self.0 >> 12 != 0
    }
}

impl CoefficientTable {
    pub(crate) fn new(codes: HuffmanTable) -> CoefficientTable {
        let mut skip = Box::new([Skip(0); 1 << SKIP_BITS]);
        for (window, entry) in (0_u32..).zip(skip.iter_mut()) {
            *entry = skip_of(&codes, window);
        }
        CoefficientTable { codes, skip }
    }

    /// Reads the next coefficient's run of zeros before it and its size in bits; `None` is the end of the block. The
    /// reader has 16 bits or more.
    #[inline(always)]
    pub(crate) fn read(&self, reader: &mut BitReader) -> Result<Option<(usize, u32)>, JpegError> {
        Ok(meaning(self.codes.read(reader)?))
    }

    /// Steps over the coefficients from the one of `index` to the end of the block.
    #[inline(always)]
    pub(crate) fn skip_from(&self, reader: &mut BitReader, mut index: usize) -> Result<(), JpegError> {
        while index < BLOCK {
            reader.refill();
            let skip = self.skip[reader.peek(SKIP_BITS)];
            let after = index + skip.coefficients();
            // What would pass the end of the block is partly the next block's.
            if skip.0 != 0 && after <= BLOCK {
                reader.consume(skip.bits());
                if skip.ends() {
                    return Ok(());
                }
                index = after;
            } else {
                match self.read(reader)? {
                    None => return Ok(()),
                    Some((run, size)) => {
                        reader.consume(size);
                        index += run + 1;
                    }
                }
                if index > BLOCK {
                    return Err(JpegError::Corrupt("a block has more than 64 coefficients"));
                }
            }
        }
        Ok(())
    }
}

/// The run of zeros and the size in bits that an AC symbol stands for; `None` for the end of the block.
#[inline(always)]
fn meaning(symbol: u8) -> Option<(usize, u32)> {
    let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
    // 15 zeros and a zero: 16 zeros. Other runs before a zero mean nothing in sequential JPEG; they end the block.
    if size == 0 && run != 15 { None } else { Some((run, size)) }
}

fn skip_of(codes: &HuffmanTable, window: u32) -> Skip {
    let (mut bits, mut coefficients) = (0, 0);
    while bits < SKIP_BITS {
        let rest = window << (bits + 16 - SKIP_BITS) & 0xFFFF;
        let Ok((symbol, length)) = codes.find(rest, SKIP_BITS - bits) else { break };
        let Some((run, size)) = meaning(symbol) else {
            // The end takes a place of its own: a block that is full has no end code.
            return Skip::new(bits + length, coefficients + 1, true);
        };
        if coefficients + run + 1 > BLOCK {
            break;
        }
        bits += length + size;
        coefficients += run + 1;
    }
    Skip::new(bits, coefficients, false)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// 0: end of block; 10: run 0, size 1; 110: run 2, size 3; 1110: 16 zeros; and a code of 16 bits: run 1, size 2.
    fn table() -> CoefficientTable {
        let mut counts = [0; 16];
        counts[..4].fill(1);
        counts[15] = 1;
        CoefficientTable::new(HuffmanTable::new(&counts, &[0x00, 0x01, 0x23, 0xF0, 0x12]).unwrap())
    }

    #[test]
    fn codes_of_every_length_are_read() {
        let table = table();
        let mut reader = BitReader::new(&[0b0101_1011, 0b1011_1100, 0, 0, 0b0000_0000], 0);
        let mut next = || {
            reader.refill();
            table.codes.read(&mut reader).unwrap()
        };
        assert_eq!([next(), next(), next(), next()], [0x00, 0x01, 0x23, 0xF0]);
        // Now 1111 0000 0000 0000 0.
        assert_eq!(next(), 0x12);
    }

    #[test]
    fn skipping_stops_exactly_where_reading_does() {
        let table = table();
        let mut state = 1_u32;
        let data: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Few ones in a row, and no byte of 0xFF.
            (state >> 24) as u8 & 0xBB
        })
        .take(20_000)
        .collect();
        let (mut skipping, mut reading) = (BitReader::new(&data, 0), BitReader::new(&data, 0));
        let mut blocks = 0;
        while skipping.check().is_ok() {
            let skipped = table.skip_from(&mut skipping, 1);
            let mut index = 1;
            let read = loop {
                if index >= BLOCK {
                    break if index == BLOCK { Ok(()) } else { Err(()) };
                }
                reading.refill();
                match table.read(&mut reading) {
                    Err(_) => break Err(()),
                    Ok(None) => break Ok(()),
                    Ok(Some((run, size))) => {
                        reading.signed(size);
                        index += run + 1;
                    }
                }
            };
            assert_eq!(skipped.is_ok(), read.is_ok());
            if read.is_err() {
                break;
            }
            skipping.refill();
            reading.refill();
            assert_eq!(skipping.peek(16), reading.peek(16));
            blocks += 1;
        }
        assert!(blocks > 1000, "{blocks}");
    }

    #[test]
    fn impossible_tables_are_refused() {
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(HuffmanTable::new(&counts, &[1, 2, 3]).is_err());
        assert!(HuffmanTable::new(&[255; 16], &[0; 4096]).is_err());
        counts[0] = 1;
        assert!(HuffmanTable::new(&counts, &[]).is_err());
    }
}
