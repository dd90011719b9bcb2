//! Media that is compressed already: the head of a usual format, and content that can't be compressed again.

use super::random::Random;

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Pdf,
    Png,
    Jpeg,
    Zip,
}

impl Format {
    pub(super) const ALL: [Format; 4] = [Format::Pdf, Format::Png, Format::Jpeg, Format::Zip];

    pub(super) fn extension(self) -> &'static str {
        match self {
            Format::Pdf => "pdf",
            Format::Png => "png",
            Format::Jpeg => "jpg",
            Format::Zip => "zip",
        }
    }

    fn head(self) -> &'static [u8] {
        match self {
            Format::Pdf => b"%PDF-1.5\n%\xd0\xd4\xc5\xd8\n3 0 obj\n<< /Filter /FlateDecode >>\nstream\n",
            Format::Png => b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x03\x20\0\0\x02\x58\x08\x02\0\0\0",
            Format::Jpeg => b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0",
            Format::Zip => b"PK\x03\x04\x14\0\0\0\x08\0",
        }
    }

    /// A file of exactly `bytes` bytes.
    pub(super) fn file(self, bytes: usize, mut random: Random) -> Vec<u8> {
        let mut file = vec![0; bytes];
        random.fill(&mut file);
        let head = self.head();
        let head = &head[..head.len().min(bytes)];
        file[..head.len()].copy_from_slice(head);
        file
    }
}
