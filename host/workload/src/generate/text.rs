//! Texts as they stand in a source tree: programs, prose and data, from small grammars.

use super::random::Random;
use super::vocabulary::Vocabulary;

const LINE_CHARACTERS: usize = 78;
const LICENCE: [&str; 9] = [
    "Licensed under the Apache License, Version 2.0 (the \"License\");",
    "you may not use this file except in compliance with the License.",
    "You may obtain a copy of the License at",
    "    http://www.apache.org/licenses/LICENSE-2.0",
    "Unless required by applicable law or agreed to in writing, software",
    "distributed under the License is distributed on an \"AS IS\" BASIS,",
    "WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.",
    "See the License for the specific language governing permissions and",
    "limitations under the License.",
];

/// What kind of text a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Rust,
    C,
    Python,
    Markdown,
    Latex,
    Json,
}

/// How programs of a language look. In a template `$i` is an identifier, `$n` a number and `$w` some words.
struct Language {
    comment: &'static str,
    function: &'static str,
    /// Closes a function or block; nothing in a language of indentation.
    end: &'static str,
    blocks: &'static [&'static str],
    statements: &'static [&'static str],
}

const RUST: Language = Language {
    comment: "// ",
    function: "pub fn $i($i: &$i, $i: usize) -> Result<(), Error> {",
    end: "}",
    blocks: &["if $i.$i() < $n {", "for $i in $i.iter() {", "match $i.$i($i) {", "while let Some($i) = $i.next() {"],
    statements: &[
        "let $i = $i.$i($i, $n);",
        "let mut $i = Vec::with_capacity($n);",
        "self.$i = $i + $n;",
        "self.$i.$i($i)?;",
        "return Err(Error::$i(\"$w\"));",
        "assert_eq!($i.$i(), $n, \"$w\");",
        "$i.push($i.$i());",
    ],
};
const C: Language = Language {
    comment: "// ",
    function: "static int $i(struct $i *$i, size_t $i) {",
    end: "}",
    blocks: &["if ($i->$i < $n) {", "for (int i = 0; i < $i->$i; i++) {", "while ($i != NULL) {", "if (!$i($i, $n)) {"],
    statements: &[
        "int $i = $i($i, $n);",
        "$i->$i = $i->$i + $n;",
        "$i($i, &$i, sizeof(struct $i));",
        "memcpy($i->$i, $i, $n);",
        "fprintf(stderr, \"$w: %d\\n\", $i);",
        "return $i;",
        "#define $i $n",
    ],
};
const PYTHON: Language = Language {
    comment: "# ",
    function: "def $i(self, $i, $i=None):",
    end: "",
    blocks: &["if $i.$i < $n:", "for $i in $i.$i():", "while $i is not None:", "with $i($i, $n) as $i:"],
    statements: &[
        "$i = $i.$i($i, $n)",
        "self.$i = $i + $n",
        "self.$i.append($i)",
        "raise ValueError(\"$w\")",
        "return $i",
        "assert $i == $n, \"$w\"",
    ],
};

impl Kind {
    pub(super) const ALL: [Kind; 6] = [Kind::Rust, Kind::C, Kind::Python, Kind::Markdown, Kind::Latex, Kind::Json];

    pub(super) fn extension(self) -> &'static str {
        match self {
            Kind::Rust => "rs",
            Kind::C => "c",
            Kind::Python => "py",
            Kind::Markdown => "md",
            Kind::Latex => "tex",
            Kind::Json => "json",
        }
    }

    /// A text of exactly `bytes` bytes: what a grammar gives, cut off.
    pub(super) fn text(self, bytes: usize, vocabulary: &Vocabulary, random: Random) -> Vec<u8> {
        let mut writer = Writer::new(bytes, vocabulary, random);
        match self {
            Kind::Rust => writer.program(&RUST),
            Kind::C => writer.program(&C),
            Kind::Python => writer.program(&PYTHON),
            Kind::Markdown => writer.prose("## ", "", "- "),
            Kind::Latex => writer.prose("\\section{", "}", "\\item "),
            Kind::Json => writer.records(),
        }
        let mut text = writer.text.into_bytes();
        text.truncate(bytes);
        if let Some(last) = text.last_mut() {
            *last = b'\n';
        }
        text
    }
}

struct Writer<'a> {
    text: String,
    bytes: usize,
    vocabulary: &'a Vocabulary,
    identifiers: Vec<String>,
    random: Random,
}

impl<'a> Writer<'a> {
    fn new(bytes: usize, vocabulary: &'a Vocabulary, mut random: Random) -> Writer<'a> {
        let identifiers = vocabulary.identifiers(&mut random);
        Writer { text: String::with_capacity(bytes + 256), bytes, vocabulary, identifiers, random }
    }

    fn is_full(&self) -> bool {
        self.text.len() >= self.bytes
    }

    fn line(&mut self, depth: usize, line: &str) {
        for _ in 0..depth {
            self.text.push_str("    ");
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn identifier(&mut self) -> &str {
        self.vocabulary.identifier(&self.identifiers, &mut self.random)
    }

    /// Numbers in texts are small, or round.
    fn number(&mut self) -> u32 {
        match self.random.below(4) {
            0 => 1 << self.random.below(13),
            1 => self.random.below(1_000),
            _ => self.random.below(10),
        }
    }

    fn words(&mut self, count: u32) -> String {
        let words: Vec<&str> = (0..count).map(|_| self.vocabulary.word(&mut self.random)).collect();
        words.join(" ")
    }

    fn expand(&mut self, template: &str) -> String {
        let mut expanded = String::with_capacity(2 * template.len());
        let mut parts = template.split('$');
        expanded.push_str(parts.next().unwrap_or(""));
        for part in parts {
            match part.as_bytes().first() {
                Some(b'i') => expanded.push_str(self.identifier()),
                Some(b'n') => expanded.push_str(&self.number().to_string()),
                _ => {
                    let count = self.random.between(3, 7);
                    expanded.push_str(&self.words(count));
                }
            }
            expanded.push_str(part.get(1..).unwrap_or(""));
        }
        expanded
    }

    fn program(&mut self, language: &Language) {
        for line in LICENCE {
            self.line(0, &format!("{}{line}", language.comment));
        }
        while !self.is_full() {
            self.line(0, "");
            self.paragraph(language.comment, 2);
            let function = self.expand(language.function);
            self.line(0, &function);
            let mut depth = 1;
            for _ in 0..self.random.between(4, 30) {
                match self.random.below(16) {
                    0..3 if depth < 5 => {
                        let block = self.random.pick(language.blocks);
                        let block = self.expand(block);
                        self.line(depth, &block);
                        depth += 1;
                    }
                    3..6 if depth > 1 => {
                        depth -= 1;
                        self.close(depth, language);
                    }
                    6 => {
                        let count = self.random.between(5, 11);
                        let words = self.words(count);
                        self.line(depth, &format!("{}{words}", language.comment));
                    }
                    7 => self.line(0, ""),
                    _ => {
                        let statement = self.random.pick(language.statements);
                        let statement = self.expand(statement);
                        self.line(depth, &statement);
                    }
                }
            }
            while depth > 0 {
                depth -= 1;
                self.close(depth, language);
            }
        }
    }

    fn close(&mut self, depth: usize, language: &Language) {
        if !language.end.is_empty() {
            self.line(depth, language.end);
        }
    }

    /// Sentences in lines of even length, each after a prefix. Some phrases come again, as in every text on one subject.
    fn paragraph(&mut self, prefix: &str, sentences: u32) {
        let mut line = prefix.to_owned();
        for _ in 0..sentences {
            let mut sentence = String::new();
            while sentence.len() < 50 {
                let phrase = if self.random.chance(45) { self.identifier().replace('_', " ") } else { self.words(2) };
                sentence.push_str(&phrase);
                sentence.push(' ');
            }
            let sentence = format!("{}{}.", sentence[..1].to_uppercase(), sentence[1..].trim_end());
            for word in sentence.split(' ') {
                if line.len() + word.len() > LINE_CHARACTERS {
                    self.line(0, line.trim_end());
                    line = prefix.to_owned();
                }
                line.push_str(word);
                line.push(' ');
            }
        }
        self.line(0, line.trim_end());
    }

    fn prose(&mut self, heading: &str, heading_end: &str, item: &str) {
        while !self.is_full() {
            let title = self.words(3);
            self.line(0, &format!("{heading}{title}{heading_end}"));
            for _ in 0..self.random.between(1, 4) {
                self.line(0, "");
                let sentences = self.random.between(2, 6);
                self.paragraph("", sentences);
            }
            if self.random.chance(40) {
                for _ in 0..self.random.between(2, 6) {
                    self.paragraph(item, 1);
                }
            }
            self.line(0, "");
        }
    }

    fn records(&mut self) {
        let fields: Vec<String> = (0..5).map(|_| self.identifier().to_owned()).collect();
        self.line(0, "[");
        while !self.is_full() {
            self.line(1, "{");
            for (index, field) in fields.iter().enumerate() {
                let value = match index {
                    0 => self.random.below(100_000).to_string(),
                    1 => format!("\"{}\"", self.identifier()),
                    2 => format!("{}.{:03}", self.random.below(100), self.random.below(1_000)),
                    3 => self.random.chance(70).to_string(),
                    _ => format!("\"{}\"", self.words(3)),
                };
                let comma = if index + 1 < fields.len() { "," } else { "" };
                self.line(2, &format!("\"{field}\": {value}{comma}"));
            }
            self.line(1, "},");
        }
        self.line(0, "]");
    }
}
