//! Texts of others, made fit for a page or a picture.

/// Without characters that XML forbids, and without those that turn the direction of the text around them: each
/// becomes the replacement character. Newlines become spaces.
pub(in crate::report) fn clean(text: &str) -> String {
    let one = |character: char| match character {
        '\n' | '\r' | '\t' => ' ',
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        other => other,
    };
    text.chars().map(one).collect()
}

/// At most so many characters, with an ellipsis where it is cut.
pub(in crate::report) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => text[..end].to_owned() + "…",
        None => text.to_owned(),
    }
}

/// As the content of an element, or of an attribute in double quotes.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in clean(text).chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            other => safe.push(other),
        }
    }
    safe
}

/// As a part of a file name: lower-case letters, digits and dashes, at most 60 of them.
pub(super) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for character in text.chars() {
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
        if slug.len() >= 60 {
            break;
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_becomes_harmless() {
        assert_eq!(escaped("<script>\"&'\0\u{202e}"), "&lt;script&gt;&quot;&amp;'\u{fffd}\u{fffd}");
        assert_eq!(clean("a\nb\u{7}"), "a b\u{fffd}");
    }

    #[test]
    fn a_slug_is_a_file_name() {
        assert_eq!(slug("../../etc/passwd"), "etc-passwd");
        assert_eq!(slug("phase:process-start"), "phase-process-start");
        assert_eq!(slug("שלום"), "");
        assert!(slug(&"long ".repeat(100)).len() <= 60);
    }

    #[test]
    fn a_cut_text_shows_that_it_is_cut() {
        assert_eq!(shortened("שלום עולם", 4), "שלום…");
        assert_eq!(shortened("four", 4), "four");
    }
}
