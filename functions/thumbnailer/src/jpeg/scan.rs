//! Scans: from entropy-coded data to planes of samples.

use super::JpegError;
use super::bits::BitReader;
use super::header::{Decoder, ScanComponent};
use super::huffman::{CoefficientTable, HuffmanTable};
use super::inverse::{COEFFICIENT_MAX, inverse};
use crate::plane::Plane;

/// What a picture's planes mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Model {
    Grey,
    /// As JFIF has it: all of the range, after ITU-R BT.601.
    YCbCr,
    Rgb,
}

/// A decoded picture. Its planes may differ in size; all cover the same area.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Picture {
    pub(crate) model: Model,
    pub(crate) planes: Vec<Plane>,
}

/// Natural order (`8 v + u`) of the coefficients as they are coded (T.81, figure A.6).
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];
/// In [`places`]: this coefficient is not wanted.
const UNWANTED: u8 = 255;

/// Where each coefficient goes in a block of N to a row.
const fn places(n: u8) -> [u8; 64] {
    let mut places = [UNWANTED; 64];
    let mut index = 0;
    while index < 64 {
        let (u, v) = (ZIGZAG[index] % 8, ZIGZAG[index] / 8);
        if u < n && v < n {
            places[index] = v * n + u;
        }
        index += 1;
    }
    places
}

/// The number of coefficients up to the last wanted one.
const fn count_wanted(places: &[u8; 64]) -> usize {
    let mut count = 64;
    while count > 1 && places[count - 1] == UNWANTED {
        count -= 1;
    }
    count
}

/// One component's tables and state while a scan is read.
struct Channel<'a> {
    dc: &'a HuffmanTable,
    ac: &'a CoefficientTable,
    quantisation: &'a [u16; 64],
    /// The last block's DC coefficient.
    predictor: i32,
    /// Blocks in one MCU, across and down.
    blocks: (usize, usize),
    index: usize,
}

impl Decoder<'_> {
    /// Decodes the picture with N samples for each 8, across and down: 8, 4, 2 or 1. The process must be sequential.
    pub(crate) fn decode<const N: usize>(mut self) -> Result<Picture, JpegError> {
        if self.bytes_min() > self.data.len() as u64 {
            return Err(JpegError::Truncated);
        }
        let (h_max, v_max) = self.sampling_max();
        let (mcus_across, mcus_down) = (self.width.div_ceil(8 * h_max), self.height.div_ceil(8 * v_max));
        let planes = self.components.iter().map(|component| {
            let stride = mcus_across * component.horizontal * N;
            let rows = mcus_down * component.vertical * N;
            let extent = (
                (self.width * component.horizontal * N) as f64 / (8 * h_max) as f64,
                (self.height * component.vertical * N) as f64 / (8 * v_max) as f64,
            );
            Plane {
                samples: vec![0; stride * rows],
                stride,
                width: extent.0.ceil() as usize,
                height: extent.1.ceil() as usize,
                extent,
            }
        });
        let mut planes: Vec<Plane> = planes.collect();
        let mut done = vec![false; planes.len()];
        loop {
            let scan = self.read_scan_header()?;
            self.position = self.decode_scan::<N>(&scan, &mut planes)?;
            for component in &scan {
                done[component.index] = true;
            }
            if done.iter().all(|&done| done) {
                return Ok(Picture { model: self.model(), planes });
            }
            self.read_to_scan()?;
        }
    }

    fn model(&self) -> Model {
        let identifiers: Vec<u8> = self.components.iter().map(|component| component.identifier).collect();
        match (identifiers.as_slice(), self.adobe_transform) {
            ([_], _) => Model::Grey,
            (_, Some(0)) | (b"RGB", None) => Model::Rgb,
            _ => Model::YCbCr,
        }
    }

    /// Decodes one scan and returns where the marker after it stands.
    fn decode_scan<const N: usize>(&self, scan: &[ScanComponent], planes: &mut [Plane]) -> Result<usize, JpegError> {
        let (h_max, v_max) = self.sampling_max();
        let mut channels = Vec::with_capacity(scan.len());
        for part in scan {
            let component = &self.components[part.index];
            channels.push(Channel {
                dc: self.dc[part.dc].as_ref().ok_or(MISSING)?,
                ac: self.ac[part.ac].as_ref().ok_or(MISSING)?,
                quantisation: self.quantisation[component.quantisation].as_ref().ok_or(MISSING)?,
                predictor: 0,
                blocks: (component.horizontal, component.vertical),
                index: part.index,
            });
        }
        let (mcus_across, mcus_down) = match channels.as_mut_slice() {
            // Alone, a component comes block by block, without those that only fill up MCUs (T.81, A.2.2).
            [only] => {
                let (horizontal, vertical) = std::mem::replace(&mut only.blocks, (1, 1));
                ((self.width * horizontal).div_ceil(8 * h_max), (self.height * vertical).div_ceil(8 * v_max))
            }
            _ => (self.width.div_ceil(8 * h_max), self.height.div_ceil(8 * v_max)),
        };
        let mut reader = BitReader::new(self.data, self.position);
        let mut coefficients = [0; 64];
        let mut until_restart = self.restart_interval;
        for mcu_y in 0..mcus_down {
            for mcu_x in 0..mcus_across {
                if self.restart_interval > 0 {
                    if until_restart == 0 {
                        reader.restart()?;
                        channels.iter_mut().for_each(|channel| channel.predictor = 0);
                        until_restart = self.restart_interval;
                    }
                    until_restart -= 1;
                }
                for channel in &mut channels {
                    let plane = &mut planes[channel.index];
                    for y in 0..channel.blocks.1 {
                        for x in 0..channel.blocks.0 {
                            channel.read_block::<N>(&mut reader, &mut coefficients)?;
                            let row = (mcu_y * channel.blocks.1 + y) * N;
                            let column = (mcu_x * channel.blocks.0 + x) * N;
                            let samples = &mut plane.samples[row * plane.stride + column..];
                            inverse::<N>(&coefficients, samples, plane.stride);
                        }
                    }
                }
            }
            reader.check()?;
        }
        Ok(reader.next_marker())
    }
}

const MISSING: JpegError = JpegError::Corrupt("a scan needs a table that is missing");

impl Channel<'_> {
    /// Reads one block's wanted coefficients, dequantised, N to a row.
    #[inline(always)]
    fn read_block<const N: usize>(
        &mut self,
        reader: &mut BitReader,
        coefficients: &mut [i32; 64],
    ) -> Result<(), JpegError> {
        let places_here = const { places(N as u8) };
        let wanted = const { count_wanted(&places(N as u8)) };
        coefficients[..N * N].fill(0);

        reader.refill();
        let size = u32::from(self.dc.read(reader)?);
        if size > 15 {
            return Err(JpegError::Corrupt("a DC coefficient has more than 15 bits"));
        }
        self.predictor = self.predictor.wrapping_add(reader.signed(size));
        coefficients[0] = dequantise(self.predictor, self.quantisation[0]);

        let mut index = 1;
        while index < wanted {
            reader.refill();
            let Some((run, size)) = self.ac.read(reader)? else { return Ok(()) };
            index += run;
            let value = reader.signed(size);
            let Some(&place) = places_here.get(index) else {
                return Err(JpegError::Corrupt("a block has more than 64 coefficients"));
            };
            if place != UNWANTED {
                coefficients[usize::from(place)] = dequantise(value, self.quantisation[index]);
            }
            index += 1;
        }
        self.ac.skip_from(reader, index)
    }
}

#[inline(always)]
fn dequantise(value: i32, step: u16) -> i32 {
    value.saturating_mul(i32::from(step)).clamp(-COEFFICIENT_MAX, COEFFICIENT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_low_frequencies_are_wanted_at_reduced_scales() {
        assert_eq!([1, 2, 4, 8].map(|n| count_wanted(&places(n))), [1, 5, 25, 64]);
        assert_eq!(places(2)[..6], [0, 1, 2, UNWANTED, 3, UNWANTED]);
    }
}
