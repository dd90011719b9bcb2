//! Deflate (RFC 1951) at level 6 that loses no time on data which cannot be made smaller.
//!
//! An ordinary deflate searches compressed media for matches as long as it searches text, finds none, and in the end
//! stores the block. Here such stretches are found first, by [`SpreadTest`], and stored at once; everything else goes
//! through zlib-rs. Its level 6 makes the same bytes on every processor: the hash is a multiplication, and the SIMD
//! routines that it picks at run time compare and move bytes, so they differ in speed only.

use std::io::{self, Write};
use std::mem;

use zlib_rs::{Deflate, DeflateFlush, Status};

use crate::spread::SpreadTest;

/// The compression level of zlib's scale.
const LEVEL: i32 = 6;
/// The base-2 logarithm of the window: 32 KiB, deflate's largest.
const WINDOW_BITS: u8 = 15;
/// What is stored or compressed as one, bytes.
const SEGMENT_BYTES: usize = 4096;
/// Fewer segments than this in a row are not worth ending a compressed stretch for: it starts again with no history.
const STORED_SEGMENTS_MIN: usize = 2;
/// Largest stored block (RFC 1951, section 3.2.4).
const STORED_BLOCK_BYTES_MAX: usize = 65_535;
/// A last block with nothing in it, by fixed codes, from a byte boundary.
const EMPTY_LAST_BLOCK: [u8; 2] = [0b011, 0];
const OUTPUT_BYTES: usize = 128 * 1024;

/// Writes one deflate stream to `inner`.
pub(crate) struct Deflater<W> {
    inner: W,
    state: Deflate,
    stretch: Stretch,
    test: SpreadTest,
    output: Vec<u8>,
}

/// What the stream is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stretch {
    /// Nothing yet; the compressor is as new.
    None,
    /// The compressor holds data.
    Compressed,
    /// At a byte boundary; the compressor holds the state of an earlier stretch.
    Stored,
}

impl<W: Write> Deflater<W> {
    pub(crate) fn new(inner: W) -> Deflater<W> {
        Deflater {
            inner,
            state: Deflate::new(LEVEL, false, WINDOW_BITS),
            stretch: Stretch::None,
            test: SpreadTest::new(),
            output: vec![0; OUTPUT_BYTES],
        }
    }

    /// Takes in the next bytes. The stream depends on how the data are cut into pieces: equal data in equal pieces make
    /// equal streams.
    pub(crate) fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        let mut rest = piece;
        let mut segments: Vec<bool> = piece.chunks(SEGMENT_BYTES).map(|segment| self.test.is_spread(segment)).collect();
        for run in segments.chunk_by_mut(|left, right| left == right) {
            if run.len() < STORED_SEGMENTS_MIN {
                run.fill(false);
            }
        }
        for run in segments.chunk_by(|left, right| left == right) {
            let (bytes, after) = rest.split_at(rest.len().min(run.len() * SEGMENT_BYTES));
            rest = after;
            if run[0] { self.store(bytes)? } else { self.compress(bytes)? }
        }
        Ok(())
    }

    /// Ends the stream.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        match self.stretch {
            Stretch::Compressed => self.run_compressor(&[], DeflateFlush::Finish),
            Stretch::None | Stretch::Stored => self.inner.write_all(&EMPTY_LAST_BLOCK),
        }
    }

    fn compress(&mut self, bytes: &[u8]) -> io::Result<()> {
        if mem::replace(&mut self.stretch, Stretch::Compressed) == Stretch::Stored {
            // Its history is not what the reader's window holds now.
            self.state.reset();
        }
        self.run_compressor(bytes, DeflateFlush::NoFlush)
    }

    fn store(&mut self, bytes: &[u8]) -> io::Result<()> {
        if mem::replace(&mut self.stretch, Stretch::Stored) == Stretch::Compressed {
            self.run_compressor(&[], DeflateFlush::SyncFlush)?;
        }
        for block in bytes.chunks(STORED_BLOCK_BYTES_MAX) {
            let size = (block.len() as u16).to_le_bytes();
            self.inner.write_all(&[0, size[0], size[1], !size[0], !size[1]])?;
            self.inner.write_all(block)?;
        }
        Ok(())
    }

    /// Gives `input` to the compressor, and what comes out to `inner`, until there is no more of either.
    fn run_compressor(&mut self, mut input: &[u8], flush: DeflateFlush) -> io::Result<()> {
        loop {
            let (read_before, written_before) = (self.state.total_in(), self.state.total_out());
            let status = self
                .state
                .compress(input, &mut self.output, flush)
                .map_err(|error| io::Error::other(format!("deflate failed: {}", error.as_str())))?;
            let written = (self.state.total_out() - written_before) as usize;
            input = &input[(self.state.total_in() - read_before) as usize..];
            self.inner.write_all(&self.output[..written])?;
            // Room left in the output means that nothing more waits inside.
            if status == Status::StreamEnd || (input.is_empty() && written < self.output.len()) {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use zlib_rs::{Inflate, InflateFlush};

    fn deflated(pieces: &[&[u8]]) -> Vec<u8> {
        let mut stream = Vec::new();
        let mut deflater = Deflater::new(&mut stream);
        for piece in pieces {
            deflater.write(piece).unwrap();
        }
        deflater.finish().unwrap();
        stream
    }

    fn inflated(stream: &[u8], size: usize) -> Vec<u8> {
        let mut bytes = vec![0; size + 1];
        let mut inflate = Inflate::new(false, WINDOW_BITS);
        let status = inflate.decompress(stream, &mut bytes, InflateFlush::Finish).unwrap();
        assert_eq!(status, Status::StreamEnd);
        assert_eq!(inflate.total_in(), stream.len() as u64);
        bytes.truncate(inflate.total_out() as usize);
        bytes
    }

    fn random(count: usize) -> Vec<u8> {
        let mut state = 88_172_645_463_325_252_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        };
        (0..count).map(|_| next()).collect()
    }

    fn text(count: usize) -> Vec<u8> {
        (0..)
            .flat_map(|line: u32| format!("line {line} of the text, {}\n", line * line).into_bytes())
            .take(count)
            .collect()
    }

    #[test]
    fn what_goes_in_comes_out_however_text_and_noise_follow_each_other() {
        let (noise, text) = (random(300_000), text(300_000));
        let cases: [Vec<&[u8]>; 9] = [
            vec![],
            vec![b""],
            vec![b"a"],
            vec![&text],
            vec![&noise],
            vec![&noise[..100], &text[..100]],
            vec![&text[..10_000], &noise[..70_000], &text[10_000..]],
            vec![&noise[..8192], &text[..8192], &noise[8192..16_384], &text[..8192], &noise[8192..]],
            vec![&text[..200_000], &text[..200_000]],
        ];
        for pieces in cases {
            let whole = pieces.concat();
            assert_eq!(inflated(&deflated(&pieces), whole.len()), whole);
        }
    }

    #[test]
    fn noise_grows_by_its_block_headers_only() {
        let noise = random(200_000);
        assert!(deflated(&[&noise]).len() < noise.len() + 30);
    }

    #[test]
    fn text_between_noise_is_compressed_as_well_as_by_itself() {
        let (noise, text) = (random(100_000), text(40_960));
        let alone = deflated(&[&text]).len();
        let mixed = deflated(&[&[&noise, text.as_slice(), &noise].concat()]).len() - 2 * noise.len();
        // A segment at either end is shared with noise.
        assert!(mixed < alone + 2 * SEGMENT_BYTES, "{mixed} against {alone}");
    }
}
