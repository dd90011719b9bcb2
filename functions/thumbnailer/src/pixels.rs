//! Pixels of all kinds to grey or RGB of 8 bits, and colour spaces.

use image::ColorType;

/// How a decoder's pixels are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Grey or three colours.
    is_grey: bool,
    has_alpha: bool,
    /// 16 bits for each sample, in this processor's order, instead of 8.
    is_deep: bool,
}

impl Layout {
    /// The layout of a colour type; `None` for floats.
    pub(crate) fn of(colour: ColorType) -> Option<Layout> {
        let layout = |is_grey, has_alpha, is_deep| Some(Layout { is_grey, has_alpha, is_deep });
        match colour {
            ColorType::L8 => layout(true, false, false),
            ColorType::La8 => layout(true, true, false),
            ColorType::Rgb8 => layout(false, false, false),
            ColorType::Rgba8 => layout(false, true, false),
            ColorType::L16 => layout(true, false, true),
            ColorType::La16 => layout(true, true, true),
            ColorType::Rgb16 => layout(false, false, true),
            ColorType::Rgba16 => layout(false, true, true),
            _ => None,
        }
    }

    /// Channels of the picture, without alpha.
    pub(crate) fn channels(self) -> usize {
        if self.is_grey { 1 } else { 3 }
    }

    pub(crate) fn pixel_bytes(self) -> usize {
        (self.channels() + usize::from(self.has_alpha)) * if self.is_deep { 2 } else { 1 }
    }

    /// Whether rows need no [`Layout::flatten`].
    pub(crate) fn is_plain(self) -> bool {
        !self.has_alpha && !self.is_deep
    }

    /// Turns a row into 8 bits for each channel, on white where it is transparent, because JPEG has no transparency.
    pub(crate) fn flatten(self, row: &[u8], result: &mut Vec<u8>) {
        result.clear();
        let bytes = if self.is_deep { 2 } else { 1 };
        for pixel in row.chunks_exact(self.pixel_bytes()) {
            let sample = |index: usize| {
                if self.is_deep {
                    let deep = u16::from_ne_bytes([pixel[index * bytes], pixel[index * bytes + 1]]);
                    (u32::from(deep) * 255 + 32_767) / 65_535
                } else {
                    u32::from(pixel[index])
                }
            };
            let alpha = if self.has_alpha { sample(self.channels()) } else { 255 };
            for channel in 0..self.channels() {
                result.push(((sample(channel) * alpha + 255 * (255 - alpha) + 127) / 255) as u8);
            }
        }
    }
}

/// Amounts of ink of a row, 255 for all of it, to light.
pub(crate) fn cmyk_to_rgb(row: &[u8], result: &mut Vec<u8>) {
    result.clear();
    for ink in row.chunks_exact(4) {
        let light = |amount: u8| 255 - u32::from(amount);
        result.extend(ink[..3].iter().map(|&amount| ((light(amount) * light(ink[3]) + 127) / 255) as u8));
    }
}

/// Interleaved RGB from the planes of JFIF's YCbCr (ITU-T T.871, section 7), with 16 fraction bits.
pub(crate) fn ycbcr_to_rgb(luma: &[u8], blue: &[u8], red: &[u8]) -> Vec<u8> {
    const HALF: i32 = 1 << 15;
    let mut rgb = Vec::with_capacity(luma.len() * 3);
    for ((&luma, &blue), &red) in luma.iter().zip(blue).zip(red) {
        let luma = (i32::from(luma) << 16) + HALF;
        let (blue, red) = (i32::from(blue) - 128, i32::from(red) - 128);
        // 1.402, 0.344136, 0.714136 and 1.772 times 2^16.
        let channels = [luma + 91_881 * red, luma - 22_554 * blue - 46_802 * red, luma + 116_130 * blue];
        rgb.extend(channels.map(|channel| (channel >> 16).clamp(0, 255) as u8));
    }
    rgb
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn transparent_pixels_become_white_and_deep_ones_8_bits() {
        let mut row = Vec::new();
        Layout::of(ColorType::Rgba8).unwrap().flatten(&[10, 20, 30, 255, 10, 20, 30, 0, 0, 0, 0, 51], &mut row);
        assert_eq!(row, [10, 20, 30, 255, 255, 255, 204, 204, 204]);
        let deep: Vec<u8> = [65_535_u16, 0, 257, 65_535].iter().flat_map(|sample| sample.to_ne_bytes()).collect();
        Layout::of(ColorType::L16).unwrap().flatten(&deep, &mut row);
        assert_eq!(row, [255, 0, 1, 255]);
        Layout::of(ColorType::La16).unwrap().flatten(&deep, &mut row);
        assert_eq!(row, [255, 1]);
    }

    #[test]
    fn primary_colours_survive_the_way_through_ycbcr() {
        // Y, Cb, Cr of white, black, red, green, blue, rounded, after BT.601.
        let rgb = ycbcr_to_rgb(&[255, 0, 76, 150, 29], &[128, 128, 85, 44, 255], &[128, 128, 255, 21, 107]);
        let exact = [[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]].concat();
        for (ours, exact) in rgb.iter().zip(exact) {
            assert!(ours.abs_diff(exact) <= 2, "{rgb:?}");
        }
    }

    #[test]
    fn black_ink_leaves_no_light() {
        let mut rgb = Vec::new();
        cmyk_to_rgb(&[0, 0, 0, 0, 9, 8, 7, 255, 255, 0, 0, 0], &mut rgb);
        assert_eq!(rgb, [255, 255, 255, 0, 0, 0, 0, 255, 255]);
    }
}
