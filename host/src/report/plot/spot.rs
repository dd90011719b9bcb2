//! What hovering over a plot, or stepping through it by keyboard, says.

/// A place in a drawing, in pixels of its SVG, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    /// Left, top, right, bottom; a point has no extent.
    pub(super) place: [i32; 4],
    /// The series and the value with its unit.
    pub(super) text: String,
}

/// The spots as the JSON that the page's script reads: `[[left, top, right, bottom, text], ...]`, a point shorter as
/// `[x, y, text]`.
pub(super) fn json(spots: &[Spot]) -> String {
    let one = |spot: &Spot| {
        let [left, top, right, bottom] = spot.place;
        let text = serde_json::Value::from(spot.text.as_str());
        if (left, top) == (right, bottom) {
            format!("[{left},{top},{text}]")
        } else {
            format!("[{left},{top},{right},{bottom},{text}]")
        }
    };
    format!("[{}]", spots.iter().map(one).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_json() {
        let spots = [
            Spot { place: [1, 2, 1, 2], text: "a \"quoted\" </script>".to_owned() },
            Spot { place: [1, 2, 3, 4], text: "\0\u{202e}".to_owned() },
        ];
        let read: serde_json::Value = serde_json::from_str(&json(&spots)).unwrap();
        assert_eq!(read[0][2], "a \"quoted\" </script>");
        assert_eq!(read[1][4], "\0\u{202e}");
    }
}
