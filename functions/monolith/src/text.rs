//! `dummie_webpage` and `docker_documentation`: a text is put together from a template and drawn words, and a random piece of
//! it is the result. The texts are our own.

use crate::python::{RESULT_CHARACTERS, cut};
use crate::random::Random;

/// About 2 kB with five gaps. `{}` is a gap, as in Python's `str.format`; other braces are text.
const WEB_PAGE: &str = include_str!("web_page.html");
const ANIMALS: [&str; 5] = ["pony", "donkey", "unicorn", "llama", "goat"];

/// About 4 kB with seven gaps: six words and, as the third, a range of port numbers.
const DOCUMENTATION: &str = include_str!("documentation.txt");
const VERBS: [&str; 6] = ["start", "stop", "inspect", "remove", "rename", "restore"];
const RANGE_GAP: usize = 2;

/// 100 characters of the page.
pub(crate) fn web_page(random: &mut Random) -> String {
    let page = fill(WEB_PAGE, |_| random.choice(&ANIMALS).to_owned());
    slice(random, &page)
}

/// 100 characters of the documentation.
pub(crate) fn documentation(random: &mut Random) -> String {
    let text = fill(DOCUMENTATION, |gap| {
        if gap == RANGE_GAP {
            let first = random.integer(1024, 32_767);
            format!("{first} to {}", first + random.integer(1, 100))
        } else {
            random.choice(&VERBS).to_owned()
        }
    });
    slice(random, &text)
}

/// The template with each gap filled by `word`, which is told the gap's number.
fn fill(template: &str, mut word: impl FnMut(usize) -> String) -> String {
    let mut text = String::with_capacity(template.len() + 64);
    for (number, piece) in template.split("{}").enumerate() {
        if number > 0 {
            text.push_str(&word(number - 1));
        }
        text.push_str(piece);
    }
    text
}

/// `text[start:start + 100]` from a drawn start, so that all of it lies in the text.
fn slice(random: &mut Random, text: &str) -> String {
    let characters = text.chars().count();
    let start = random.index(characters.saturating_sub(RESULT_CHARACTERS) + 1);
    let from_start: String = text.chars().skip(start).collect();
    cut(&from_start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_have_their_sizes_and_gaps() {
        assert_eq!(WEB_PAGE.matches("{}").count(), 5);
        assert_eq!(DOCUMENTATION.matches("{}").count(), 7);
        assert!((1_800..2_400).contains(&WEB_PAGE.len()), "{}", WEB_PAGE.len());
        assert!((3_600..4_400).contains(&DOCUMENTATION.len()), "{}", DOCUMENTATION.len());
    }

    #[test]
    fn gaps_are_filled_in_order_and_other_braces_stay() {
        assert_eq!(fill("{}, { a } and {}.", |gap| gap.to_string()), "0, { a } and 1.");
    }

    #[test]
    fn every_slice_has_a_hundred_characters_of_the_text() {
        for seed in 0..200 {
            assert_eq!(web_page(&mut Random::from_seed(seed)).chars().count(), 100);
            assert_eq!(documentation(&mut Random::from_seed(seed)).chars().count(), 100);
        }
    }

    /// Five words drawn before the start: `random.seed(3)`, five `choice` of five, then `randint(0, len(page) - 100)`.
    #[test]
    fn words_are_drawn_before_the_slice() {
        let mut random = Random::from_seed(3);
        let words: Vec<_> = (0..5).map(|_| random.choice(&ANIMALS)).collect();
        let mut next = words.iter();
        let page = fill(WEB_PAGE, |_| (*next.next().unwrap_or(&"")).to_owned());
        let start = random.index(page.len() - 99);
        assert_eq!(web_page(&mut Random::from_seed(3)), page[start..start + 100]);
    }
}
