//! The marker segments of a JPEG: frame, tables, and what applications added.

use super::JpegError;
use super::huffman::{CoefficientTable, HuffmanTable};

/// The kind of coding, by what is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Process {
    /// Decoded here: sequential, Huffman, 8 bits, one or three components.
    Sequential,
    /// Progressive, four components, 12 bits, lossless, arithmetic: a general decoder's business.
    Other,
}

/// One component of the frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Component {
    pub(super) identifier: u8,
    /// Sampling factors, 1 to 4.
    pub(super) horizontal: usize,
    pub(super) vertical: usize,
    /// Index of its quantisation table.
    pub(super) quantisation: usize,
}

/// A JPEG read up to its first scan.
#[derive(Debug, Clone)]
pub(crate) struct Decoder<'a> {
    pub(super) data: &'a [u8],
    pub(super) position: usize,
    pub(super) process: Process,
    /// Samples; 1 to 65,535.
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) components: Vec<Component>,
    /// In the order in which they stand in the file (zigzag).
    pub(super) quantisation: [Option<Box<[u16; 64]>>; 4],
    pub(super) dc: [Option<HuffmanTable>; 4],
    pub(super) ac: [Option<CoefficientTable>; 4],
    /// MCUs between restart markers; 0 for none.
    pub(super) restart_interval: usize,
    /// The colour transform of an Adobe segment.
    pub(super) adobe_transform: Option<u8>,
    exif: Option<&'a [u8]>,
}

/// One component's part in a scan: its index in the frame, its DC and its AC table.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScanComponent {
    pub(super) index: usize,
    pub(super) dc: usize,
    pub(super) ac: usize,
}

impl<'a> Decoder<'a> {
    /// Reads everything before the first scan. Nothing is allocated for the picture yet.
    pub(crate) fn new(data: &'a [u8]) -> Result<Decoder<'a>, JpegError> {
        if !data.starts_with(&[0xFF, 0xD8]) {
            return Err(JpegError::Corrupt("it does not start with a start-of-image marker"));
        }
        let mut decoder = Decoder {
            data,
            position: 2,
            process: Process::Other,
            width: 0,
            height: 0,
            components: Vec::new(),
            quantisation: [const { None }; 4],
            dc: [const { None }; 4],
            ac: [const { None }; 4],
            restart_interval: 0,
            adobe_transform: None,
            exif: None,
        };
        decoder.read_to_scan()?;
        if decoder.components.is_empty() {
            return Err(JpegError::Corrupt("a scan comes before the frame header"));
        }
        Ok(decoder)
    }

    /// Width and height in samples, as stored, before any EXIF orientation.
    pub(crate) fn size(&self) -> (u32, u32) {
        (self.width as u32, self.height as u32)
    }

    pub(crate) fn process(&self) -> Process {
        self.process
    }

    /// Number of components: 1 for grey, 3 for colour, 4 for CMYK.
    pub(crate) fn component_count(&self) -> usize {
        self.components.len()
    }

    /// The EXIF data, a TIFF structure.
    pub(crate) fn exif(&self) -> Option<&'a [u8]> {
        self.exif
    }

    /// The fewest bytes that any picture of this size can be coded in: each block takes a bit in at least one scan, and
    /// where the coding is sequential one for its DC and one for its AC coefficients. A file with less is truncated, and
    /// no memory need be found for its picture.
    pub(crate) fn bytes_min(&self) -> u64 {
        let (h_max, v_max) = self.sampling_max();
        let mcus = self.width.div_ceil(8 * h_max) as u64 * self.height.div_ceil(8 * v_max) as u64;
        let bits = if self.process == Process::Sequential { 2 } else { 1 };
        mcus * bits / 8
    }

    /// The frame's greatest sampling factors, across and down.
    pub(super) fn sampling_max(&self) -> (usize, usize) {
        let h_max = self.components.iter().map(|component| component.horizontal).max().unwrap_or(1);
        let v_max = self.components.iter().map(|component| component.vertical).max().unwrap_or(1);
        (h_max, v_max)
    }

    /// Reads segments up to a start-of-scan marker and stops behind it.
    pub(super) fn read_to_scan(&mut self) -> Result<(), JpegError> {
        loop {
            match self.next_marker()? {
                0xDA => return Ok(()),
                // End of image.
                0xD9 => return Err(JpegError::Truncated),
                // Markers without a segment: restarts that were left over, and TEM.
                0xD0..=0xD8 | 0x01 => {}
                marker => {
                    let segment = self.segment()?;
                    self.read_segment(marker, segment)?;
                }
            }
        }
    }

    fn read_segment(&mut self, marker: u8, segment: &'a [u8]) -> Result<(), JpegError> {
        match marker {
            0xC4 => self.read_huffman_tables(segment),
            0xDB => self.read_quantisation_tables(segment),
            0xDD => {
                let interval = segment.first_chunk().ok_or(SHORT)?;
                self.restart_interval = usize::from(u16::from_be_bytes(*interval));
                Ok(())
            }
            // Arithmetic conditioning.
            0xCC => Ok(()),
            0xC0..=0xCF => self.read_frame(marker, segment),
            0xE1 => {
                if self.exif.is_none() {
                    self.exif = segment.strip_prefix(b"Exif\0\0");
                }
                Ok(())
            }
            0xEE => {
                if let Some(rest) = segment.strip_prefix(b"Adobe") {
                    self.adobe_transform = rest.get(6).copied();
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn next_marker(&mut self) -> Result<u8, JpegError> {
        // What stands between segments is not meant for anybody; libjpeg steps over it too.
        loop {
            let rest = self.data.get(self.position..).ok_or(JpegError::Truncated)?;
            let found = rest.iter().position(|&byte| byte == 0xFF).ok_or(JpegError::Truncated)?;
            self.position += found + 1;
            match self.data.get(self.position) {
                None => return Err(JpegError::Truncated),
                // A stuffed zero, or a fill byte, which is tried again as the marker's first.
                Some(0x00) => self.position += 1,
                Some(0xFF) => {}
                Some(&marker) => {
                    self.position += 1;
                    return Ok(marker);
                }
            }
        }
    }

    fn segment(&mut self) -> Result<&'a [u8], JpegError> {
        let rest = self.data.get(self.position..).ok_or(JpegError::Truncated)?;
        let size = usize::from(u16::from_be_bytes(*rest.first_chunk().ok_or(JpegError::Truncated)?));
        if size < 2 {
            return Err(JpegError::Corrupt("a segment's length is less than 2"));
        }
        self.position += size;
        rest.get(2..size).ok_or(JpegError::Truncated)
    }

    fn read_frame(&mut self, marker: u8, segment: &[u8]) -> Result<(), JpegError> {
        if !self.components.is_empty() {
            return Err(JpegError::Corrupt("it has two frames"));
        }
        let [precision, h1, h0, w1, w0, count, rest @ ..] = segment else { return Err(SHORT) };
        self.height = usize::from(u16::from_be_bytes([*h1, *h0]));
        self.width = usize::from(u16::from_be_bytes([*w1, *w0]));
        if self.width == 0 || self.height == 0 {
            return Err(JpegError::Corrupt("its width or height is 0"));
        }
        if !(1..=4).contains(count) || rest.len() < 3 * usize::from(*count) {
            return Err(JpegError::Corrupt("its number of components is not 1 to 4"));
        }
        for component in rest.chunks_exact(3).take(usize::from(*count)) {
            let component = Component {
                identifier: component[0],
                horizontal: usize::from(component[1] >> 4),
                vertical: usize::from(component[1] & 15),
                quantisation: usize::from(component[2]),
            };
            if !(1..=4).contains(&component.horizontal)
                || !(1..=4).contains(&component.vertical)
                || component.quantisation > 3
            {
                return Err(JpegError::Corrupt("a component's sampling factors or table are out of range"));
            }
            self.components.push(component);
        }
        if let [only] = self.components.as_mut_slice() {
            // The sampling factors of an only component have no meaning (T.81, A.2.2).
            (only.horizontal, only.vertical) = (1, 1);
        }
        if matches!(marker, 0xC0 | 0xC1) && *precision == 8 && matches!(count, 1 | 3) {
            self.process = Process::Sequential;
        }
        Ok(())
    }

    fn read_quantisation_tables(&mut self, mut segment: &[u8]) -> Result<(), JpegError> {
        while let [head, rest @ ..] = segment {
            let (wide, index) = (head >> 4 != 0, usize::from(head & 15));
            let size = if wide { 128 } else { 64 };
            let (bytes, rest) = rest.split_at_checked(size).ok_or(SHORT)?;
            segment = rest;
            let slot = self.quantisation.get_mut(index).ok_or(RANGE)?;
            let table = slot.insert(Box::new([0; 64]));
            if wide {
                for (value, bytes) in table.iter_mut().zip(bytes.chunks_exact(2)) {
                    *value = u16::from_be_bytes([bytes[0], bytes[1]]);
                }
            } else {
                for (value, &byte) in table.iter_mut().zip(bytes) {
                    *value = u16::from(byte);
                }
            }
        }
        Ok(())
    }

    fn read_huffman_tables(&mut self, mut segment: &[u8]) -> Result<(), JpegError> {
        while let [head, rest @ ..] = segment {
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or(SHORT)?;
            let total = counts.iter().map(|&count| usize::from(count)).sum();
            let (values, rest) = rest.split_at_checked(total).ok_or(SHORT)?;
            segment = rest;
            let index = usize::from(head & 15);
            let table = HuffmanTable::new(counts, values)?;
            if head >> 4 == 0 {
                *self.dc.get_mut(index).ok_or(RANGE)? = Some(table);
            } else {
                *self.ac.get_mut(index).ok_or(RANGE)? = Some(CoefficientTable::new(table));
            }
        }
        Ok(())
    }

    /// Reads the header of the scan whose marker was just passed.
    pub(super) fn read_scan_header(&mut self) -> Result<Vec<ScanComponent>, JpegError> {
        let [count, rest @ ..] = self.segment()? else { return Err(SHORT) };
        let count = usize::from(*count);
        if count == 0 || count > self.components.len() || rest.len() < 2 * count + 3 {
            return Err(JpegError::Corrupt("a scan's number of components is not possible"));
        }
        let mut scan: Vec<ScanComponent> = Vec::with_capacity(count);
        for pair in rest.chunks_exact(2).take(count) {
            let index = self.components.iter().position(|component| component.identifier == pair[0]);
            let index = index.ok_or(JpegError::Corrupt("a scan names a component that the frame has not"))?;
            if scan.iter().any(|other| other.index == index) {
                return Err(JpegError::Corrupt("a scan names a component twice"));
            }
            let (dc, ac) = (usize::from(pair[1] >> 4), usize::from(pair[1] & 15));
            if dc > 3 || ac > 3 {
                return Err(RANGE);
            }
            scan.push(ScanComponent { index, dc, ac });
        }
        Ok(scan)
    }
}

const SHORT: JpegError = JpegError::Corrupt("a segment is shorter than what it must hold");
const RANGE: JpegError = JpegError::Corrupt("a table's number is not 0 to 3");
