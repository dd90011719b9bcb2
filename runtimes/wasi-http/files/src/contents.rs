//! The bytes of a file.

use alloc::vec::Vec;

/// Size of the pieces in which a file is held, bytes: a file that grows is never copied whole.
const PIECE_BYTES: usize = 1 << 20;

/// The bytes of a file, in pieces that are full but for the last.
#[derive(Debug, Default)]
pub struct Contents {
    pieces: Vec<Vec<u8>>,
}

impl Contents {
    /// Size, bytes.
    pub fn len(&self) -> usize {
        self.pieces.last().map_or(0, |last| (self.pieces.len() - 1) * PIECE_BYTES + last.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// At most `most` bytes from `offset` on; none at the end.
    pub fn read(&self, offset: usize, most: usize) -> Vec<u8> {
        let end = offset.saturating_add(most).min(self.len());
        let mut bytes = Vec::with_capacity(end.saturating_sub(offset));
        let mut at = offset;
        while at < end {
            let (piece, start) = (&self.pieces[at / PIECE_BYTES], at % PIECE_BYTES);
            let part = &piece[start..piece.len().min(start + (end - at))];
            bytes.extend_from_slice(part);
            at += part.len();
        }
        bytes
    }

    /// Puts `bytes` at `offset`; what was not there before it is zero.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        while self.len() < offset {
            let gap = offset - self.len();
            self.append_zeros(gap);
        }
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (index, start) = (at / PIECE_BYTES, at % PIECE_BYTES);
            if index == self.pieces.len() {
                self.pieces.push(Vec::new());
            }
            let piece = &mut self.pieces[index];
            let (now, later) = rest.split_at(rest.len().min(PIECE_BYTES - start));
            let over = now.len().min(piece.len() - start);
            piece[start..start + over].copy_from_slice(&now[..over]);
            piece.extend_from_slice(&now[over..]);
            at += now.len();
            rest = later;
        }
    }

    fn append_zeros(&mut self, most: usize) {
        match self.pieces.last_mut() {
            Some(last) if last.len() < PIECE_BYTES => last.resize((last.len() + most).min(PIECE_BYTES), 0),
            _ => self.pieces.push(alloc::vec![0; most.min(PIECE_BYTES)]),
        }
    }

    /// Removes all bytes.
    pub fn clear(&mut self) {
        self.pieces = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_across_pieces() {
        let bytes: Vec<u8> = (0..PIECE_BYTES * 2 + 100).map(|index| (index * 7 % 251) as u8).collect();
        let mut contents = Contents::default();
        for part in bytes.chunks(70_001) {
            let end = contents.len();
            contents.write(end, part);
        }
        assert_eq!(contents.len(), bytes.len());
        assert_eq!(contents.read(0, usize::MAX), bytes);
        assert_eq!(contents.read(PIECE_BYTES - 3, 7), bytes[PIECE_BYTES - 3..PIECE_BYTES + 4]);
        assert!(contents.read(bytes.len(), 9).is_empty() && contents.read(usize::MAX, 9).is_empty());
    }

    #[test]
    fn writing_over_and_past_the_end_keeps_the_rest() {
        let mut contents = Contents::default();
        contents.write(0, b"abcdef");
        contents.write(4, b"XYZ");
        assert_eq!(contents.read(0, 100), b"abcdXYZ");
        contents.write(PIECE_BYTES + 1, b"!");
        assert_eq!(contents.len(), PIECE_BYTES + 2);
        assert_eq!(contents.read(5, 4), b"YZ\0\0");
        assert_eq!(contents.read(PIECE_BYTES - 1, 5), b"\0\0!");
        contents.clear();
        assert!(contents.is_empty());
        assert_eq!(contents.len(), 0);
    }
}
