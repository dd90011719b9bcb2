//! Sizes: of the thumbnail, and of what it is made from.

/// How much larger than the thumbnail, in each direction, a picture must stay when it is first reduced by cheap means:
/// then the good filter that comes last still decides what is seen. Pillow's `thumbnail` has the same.
const REDUCTION_GAP: u32 = 2;

/// The largest size in the aspect ratio of `size` that fits in `bounds`; `size` itself where that fits. All at least 1.
pub(crate) fn fit(size: (u32, u32), bounds: (u32, u32)) -> (u32, u32) {
    let (width, height) = (u64::from(size.0), u64::from(size.1));
    let (across, down) = (u64::from(bounds.0), u64::from(bounds.1));
    if width <= across && height <= down {
        return size;
    }
    let scaled = |side: u64, to: u64, from: u64| (side * to + from / 2) / from;
    // Which side meets its bound: across / width <= down / height.
    let (width, height) = if across * height <= down * width {
        (across, scaled(height, across, width).clamp(1, down))
    } else {
        (scaled(width, down, height).clamp(1, across), down)
    };
    (width as u32, height as u32)
}

/// The whole factor by which `size` may be reduced in each direction on the way to `target`; 1 for not at all.
pub(crate) fn reduction(size: (u32, u32), target: (u32, u32)) -> (u32, u32) {
    let factor = |size: u32, target: u32| (size / target.saturating_mul(REDUCTION_GAP)).max(1);
    (factor(size.0, target.0), factor(size.1, target.1))
}

/// How many samples a decoder must make of each 8 of a JPEG, across and down: 8, 4, 2 or 1.
pub(crate) fn samples_of_8(size: (u32, u32), target: (u32, u32)) -> u32 {
    let (across, down) = reduction(size, target);
    match across.min(down) {
        0..=1 => 8,
        2..=3 => 4,
        4..=7 => 2,
        8.. => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbnail_keeps_the_aspect_ratio_within_its_bounds() {
        // Pillow's sizes for the same.
        assert_eq!(fit((3648, 5472), (200, 200)), (133, 200));
        assert_eq!(fit((6000, 4000), (200, 200)), (200, 133));
        assert_eq!(fit((3273, 2835), (200, 200)), (200, 173));
        assert_eq!(fit((100, 100), (50, 20)), (20, 20));
        assert_eq!(fit((60_000, 10), (200, 200)), (200, 1));
        assert_eq!(fit((1, 65_535), (200, 200)), (1, 200));
    }

    #[test]
    fn nothing_is_enlarged() {
        assert_eq!(fit((120, 80), (200, 200)), (120, 80));
        assert_eq!(fit((200, 200), (200, 200)), (200, 200));
        assert_eq!(fit((120, 300), (200, 200)), (80, 200));
    }

    #[test]
    fn the_smallest_scale_is_taken_that_keeps_twice_the_size() {
        assert_eq!(samples_of_8((3648, 5472), (133, 200)), 1);
        assert_eq!(samples_of_8((2000, 2000), (200, 200)), 2);
        assert_eq!(samples_of_8((800, 800), (200, 200)), 4);
        assert_eq!(samples_of_8((799, 799), (200, 200)), 8);
        assert_eq!(samples_of_8((10, 10), (10, 10)), 8);
        assert_eq!(samples_of_8((10, 10), (u32::MAX, u32::MAX)), 8);
    }
}
