//! The font of pictures and of every measurement of text: built in, so that a machine without fonts draws the same.

use std::sync::OnceLock;

use plotters::style::{FontStyle, IntoFont, register_font};

use super::error::PlotError;

/// What SVG asks the reader's machine for; the built-in font is registered under this name.
pub(super) const FAMILY: &str = "sans-serif";

/// Plotters divides a size by this to get the em that SVG is given.
pub(super) const SVG_EM: f64 = 1.24;
/// The built-in font's height from ascent to descent, em: what a bitmap's size counts in.
pub(super) const BITMAP_EM: f64 = 1.149;

static REGISTERED: OnceLock<bool> = OnceLock::new();

/// Makes the font known, once.
///
/// # Errors
/// When it can't be parsed.
pub(super) fn register() -> Result<(), PlotError> {
    let is_registered = *REGISTERED
        .get_or_init(|| register_font(FAMILY, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT).is_ok());
    if is_registered { Ok(()) } else { Err(PlotError::Font) }
}

/// How wide a text is at a font size, both in pixels. Readers' fonts are wider or narrower by some percent: this is a
/// tenth more than what the built-in one takes.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let wide = |measured: (u32, u32)| f64::from(measured.0);
    // Measured large: the library gives whole pixels.
    let font = (FAMILY, 10.0 * size * SVG_EM).into_font();
    font.box_size(text).map_or(text.chars().count() as f64 * size * 0.6, wide) / 10.0
}

/// The text, cut to a width with an ellipsis where it is longer.
pub(super) fn fitted(text: &str, size: f64, room: f64) -> String {
    /// Longer than any that fits; measuring a megabyte would take long.
    const LONGEST: usize = 200;
    let mut kept: Vec<char> = text.chars().take(LONGEST).collect();
    let is_whole = text.chars().nth(LONGEST).is_none();
    if is_whole && width(text, size) <= room {
        return text.to_owned();
    }
    while !kept.is_empty() {
        let cut: String = kept.iter().collect::<String>().trim_end().to_owned() + "…";
        if width(&cut, size) <= room {
            return cut;
        }
        kept.pop();
    }
    "…".to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_to_its_room_and_says_so() {
        register().unwrap();
        assert_eq!(fitted("short", 12.0, 100.0), "short");
        let cut = fitted("a name that is far too long for its column", 12.0, 100.0);
        assert!(cut.ends_with('…') && width(&cut, 12.0) <= 100.0, "{cut}");
        assert_eq!(fitted(&"x".repeat(1_000_000), 12.0, 5.0), "…");
    }

    #[test]
    fn wider_text_is_measured_wider() {
        register().unwrap();
        assert!(width("WWWW", 12.0) > width("iiii", 12.0));
        assert!((width("function1", 24.0) / width("function1", 12.0) - 2.0).abs() < 0.05);
    }
}
