//! Words and identifiers, drawn as often as Zipf's law says.

use super::random::{Random, Zipf};

/// Words of a tree, by rank.
const WORDS: usize = 3_000;
/// Identifiers of one file: a file uses few, and often.
const IDENTIFIERS: usize = 70;

const COMMON: [&str; 48] = [
    "the", "of", "to", "a", "is", "and", "in", "that", "for", "it", "be", "are", "this", "with", "as", "by", "not",
    "on", "or", "an", "which", "can", "if", "from", "at", "we", "when", "all", "one", "has", "its", "must", "no",
    "more", "than", "each", "only", "other", "value", "file", "time", "number", "there", "first", "used", "set", "may",
    "same",
];
const SYLLABLES: [&str; 60] = [
    "con", "ter", "re", "in", "ment", "tion", "al", "per", "ver", "de", "com", "ate", "er", "pro", "st", "ble", "form",
    "ex", "tra", "sig", "na", "ture", "port", "ma", "ic", "ent", "dis", "pre", "ing", "sub", "cal", "ri", "mo", "ta",
    "li", "den", "ac", "count", "sys", "tem", "or", "der", "ge", "ne", "rat", "vi", "su", "al", "lo", "ca", "tive",
    "man", "age", "pos", "si", "fi", "len", "gth", "un", "par",
];

/// The words of a tree.
#[derive(Debug)]
pub(super) struct Vocabulary {
    words: Vec<String>,
    frequency: Zipf,
    identifier_frequency: Zipf,
}

impl Vocabulary {
    pub(super) fn new(random: &mut Random) -> Vocabulary {
        let mut words: Vec<String> = COMMON.iter().map(|word| (*word).to_owned()).collect();
        while words.len() < WORDS {
            // Rare words are longer.
            let syllables = random.between(2, if words.len() < 400 { 3 } else { 4 });
            words.push((0..syllables).map(|_| random.pick(&SYLLABLES)).collect());
        }
        Vocabulary { words, frequency: Zipf::new(WORDS), identifier_frequency: Zipf::new(IDENTIFIERS) }
    }

    /// A word of prose.
    pub(super) fn word(&self, random: &mut Random) -> &str {
        &self.words[self.frequency.draw(random)]
    }

    /// A word that says something: for names.
    pub(super) fn noun(&self, random: &mut Random) -> &str {
        &self.words[COMMON.len() + random.below((600 - COMMON.len()) as u32) as usize]
    }

    /// The identifiers that one file uses, by rank: words joined by underscores.
    pub(super) fn identifiers(&self, random: &mut Random) -> Vec<String> {
        (0..IDENTIFIERS)
            .map(|_| {
                let words = random.between(1, 3);
                (0..words).map(|_| self.noun(random)).collect::<Vec<_>>().join("_")
            })
            .collect()
    }

    /// One of a file's identifiers.
    pub(super) fn identifier<'a>(&self, identifiers: &'a [String], random: &mut Random) -> &'a str {
        identifiers.get(self.identifier_frequency.draw(random)).map_or("value", String::as_str)
    }
}
