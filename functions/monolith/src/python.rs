//! Results as Python's `str` prints them, cut at a number of characters.

/// Characters of `monolith_result`.
pub(crate) const RESULT_CHARACTERS: usize = 100;

/// Text that takes no more than [`RESULT_CHARACTERS`]. Large results are never printed whole.
#[derive(Default)]
pub(crate) struct CutText {
    text: String,
    characters: usize,
}

impl CutText {
    pub(crate) fn is_full(&self) -> bool {
        self.characters >= RESULT_CHARACTERS
    }

    pub(crate) fn push(&mut self, text: &str) {
        for character in text.chars() {
            if self.is_full() {
                return;
            }
            self.text.push(character);
            self.characters += 1;
        }
    }
}

/// A value that Python prints.
pub(crate) trait Python {
    /// Writes what Python's `repr` gives.
    fn repr(&self, out: &mut CutText);
}

/// `str(value)[:100]`, for everything but a string, whose `str` is itself.
pub(crate) fn str(value: &impl Python) -> String {
    let mut out = CutText::default();
    value.repr(&mut out);
    out.text
}

/// `text[:100]`
pub(crate) fn cut(text: &str) -> String {
    let mut out = CutText::default();
    out.push(text);
    out.text
}

impl Python for i64 {
    fn repr(&self, out: &mut CutText) {
        out.push(&self.to_string());
    }
}

impl Python for i32 {
    fn repr(&self, out: &mut CutText) {
        out.push(&self.to_string());
    }
}

impl Python for bool {
    fn repr(&self, out: &mut CutText) {
        out.push(if *self { "True" } else { "False" });
    }
}

impl<T: Python> Python for Vec<T> {
    fn repr(&self, out: &mut CutText) {
        out.push("[");
        for (index, item) in self.iter().enumerate() {
            if out.is_full() {
                return;
            }
            if index > 0 {
                out.push(", ");
            }
            item.repr(out);
        }
        out.push("]");
    }
}

/// The shortest digits that read back as the same double, in positional notation from 1e-4 up to 1e16 and in scientific
/// notation beyond, as `float.__repr__` does.
impl Python for f64 {
    fn repr(&self, out: &mut CutText) {
        if self.is_nan() {
            return out.push("nan");
        }
        if self.is_infinite() {
            return out.push(if *self > 0.0 { "inf" } else { "-inf" });
        }
        // Rust gives the same shortest digits; only the notation differs.
        let scientific = format!("{self:e}");
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        match exponent.parse::<i32>() {
            Ok(exponent) if !(-4..16).contains(&exponent) => {
                let sign = if exponent < 0 { '-' } else { '+' };
                out.push(&format!("{digits}e{sign}{:02}", exponent.abs()));
            }
            _ => {
                let positional = self.to_string();
                out.push(&positional);
                if !positional.contains('.') {
                    out.push(".0");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_printed_as_python_prints_them() {
        assert_eq!(str(&vec![vec![6_i64], vec![97, 53], vec![]]), "[[6], [97, 53], []]");
        assert_eq!((str(&true), str(&false), str(&-7_i32)), ("True".to_owned(), "False".to_owned(), "-7".to_owned()));
    }

    /// Right-hand sides are what `repr` of CPython 3.11 gave.
    #[test]
    fn floats_are_printed_as_python_prints_them() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (5.0, "5.0"),
            (144.000_000_000_000_06, "144.00000000000006"),
            (0.1, "0.1"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (1e300, "1e+300"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(str(&value), expected);
        }
    }

    #[test]
    fn a_result_is_cut_at_a_hundred_characters_not_bytes() {
        assert_eq!(cut(&"é".repeat(150)), "é".repeat(100));
        assert_eq!(str(&vec![11_i64; 1_000_000]).chars().count(), 100);
    }
}
