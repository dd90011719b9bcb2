//! Turning a picture upright.

use image::metadata::Orientation;

/// Whether width and height change places.
pub(crate) fn swaps_sides(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
    )
}

/// The samples of a channel of `width` x `height`, turned upright.
pub(crate) fn upright(samples: Vec<u8>, width: u32, height: u32, orientation: Orientation) -> Vec<u8> {
    let (width, height) = (width as usize, height as usize);
    let (right, bottom) = (width.saturating_sub(1), height.saturating_sub(1));
    // Which stored sample stands at column x and row y of the upright picture.
    let source = |x: usize, y: usize| match orientation {
        Orientation::NoTransforms => (x, y),
        Orientation::FlipHorizontal => (right - x, y),
        Orientation::Rotate180 => (right - x, bottom - y),
        Orientation::FlipVertical => (x, bottom - y),
        Orientation::Rotate90FlipH => (y, x),
        Orientation::Rotate90 => (y, bottom - x),
        Orientation::Rotate270FlipH => (right - y, bottom - x),
        Orientation::Rotate270 => (right - y, x),
    };
    if orientation == Orientation::NoTransforms {
        return samples;
    }
    let (columns, rows) = if swaps_sides(orientation) { (height, width) } else { (width, height) };
    let mut turned = Vec::with_capacity(samples.len());
    for y in 0..rows {
        turned.extend((0..columns).map(|x| {
            let (x, y) = source(x, y);
            samples[y * width + x]
        }));
    }
    turned
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use image::{DynamicImage, GrayImage};

    #[test]
    fn each_of_the_eight_orientations_is_that_of_the_image_crate() {
        let samples: Vec<u8> = (0..6).collect();
        for exif in 1..=8 {
            let orientation = Orientation::from_exif(exif).unwrap();
            let mut expected = DynamicImage::from(GrayImage::from_raw(3, 2, samples.clone()).unwrap());
            expected.apply_orientation(orientation);
            assert_eq!(upright(samples.clone(), 3, 2, orientation), expected.as_bytes(), "{exif}");
            assert_eq!(swaps_sides(orientation), expected.width() == 2, "{exif}");
        }
    }
}
