//! Colours. Series take those of M. Okabe and K. Ito, "Color Universal Design" (2008), which people with any kind of
//! colour vision tell apart. Each role has a colour of its own: the page finds it by its value and gives it another in
//! its dark theme (`html/style.css`).

use plotters::style::RGBColor;

/// The ground of picture files. Drawings within a page have none.
pub(super) const PAPER: RGBColor = RGBColor(255, 255, 255);
/// Text that carries the answer, and intervals.
pub(super) const INK: RGBColor = RGBColor(0x1B, 0x1B, 0x1B);
/// Ticks, titles of axes.
pub(super) const MUTED: RGBColor = RGBColor(0x55, 0x55, 0x55);
/// Lines to read values by.
pub(super) const GRID: RGBColor = RGBColor(0xE4, 0xE4, 0xE4);
/// Axes and the line that a ratio is compared with.
pub(super) const AXIS: RGBColor = RGBColor(0x86, 0x86, 0x86);
/// Spans of time.
pub(super) const BAND: RGBColor = RGBColor(0xED, 0xED, 0xF2);

/// Native code.
pub(super) const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xB2);
/// WASM.
pub(super) const VERMILION: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
/// Further series.
pub(super) const GREEN: RGBColor = RGBColor(0x00, 0x9E, 0x73);
/// Further series.
pub(super) const PURPLE: RGBColor = RGBColor(0xCC, 0x79, 0xA7);
/// Further series.
pub(super) const ORANGE: RGBColor = RGBColor(0xE6, 0x9F, 0x00);
/// Further series.
pub(super) const SKY: RGBColor = RGBColor(0x56, 0xB4, 0xE9);

/// One hue from light to dark, "Blues" of C. Brewer's ColorBrewer, and the text colour that is read on each.
pub(super) const STEPS: [(RGBColor, RGBColor); 5] = [
    (RGBColor(0xE9, 0xF1, 0xFB), ON_LIGHT),
    (RGBColor(0xBD, 0xD7, 0xE7), ON_LIGHT),
    (RGBColor(0x6B, 0xAE, 0xD6), ON_LIGHT),
    (RGBColor(0x21, 0x71, 0xB5), ON_DARK),
    (RGBColor(0x08, 0x45, 0x94), ON_DARK),
];
const ON_LIGHT: RGBColor = RGBColor(0x10, 0x10, 0x10);
const ON_DARK: RGBColor = RGBColor(0xFD, 0xFD, 0xFD);

#[cfg(test)]
mod tests {
    use super::*;

    /// Contrast of two colours, 1 to 21: Web Content Accessibility Guidelines 2.2, "contrast ratio".
    fn contrast(a: RGBColor, b: RGBColor) -> f64 {
        let linear = |part: u8| {
            let share = f64::from(part) / 255.0;
            if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        let luminance = |RGBColor(r, g, b): RGBColor| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_and_the_two_engines_stand_out_on_paper() {
        assert!(contrast(INK, PAPER) > 7.0 && contrast(MUTED, PAPER) > 4.5 && contrast(MUTED, BAND) > 4.5);
        assert!(contrast(BLUE, PAPER) > 3.0 && contrast(VERMILION, PAPER) > 3.0 && contrast(AXIS, PAPER) > 3.0);
    }

    #[test]
    fn the_text_of_each_step_is_read_on_it() {
        for (ground, text) in STEPS {
            assert!(contrast(ground, text) > 4.5, "{ground:?}");
        }
    }
}
