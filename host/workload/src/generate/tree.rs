//! A tree of files like that of a project with its documents: many small texts, some structured binary files, and media that
//! hold most of the bytes.

use std::collections::BTreeSet;

use super::binary;
use super::media::Format;
use super::random::Random;
use super::text::Kind;
use super::vocabulary::Vocabulary;

/// Shares of the bytes, of 100; media has the rest. They give a tree that shrinks as little as a real one with many PDFs.
const TEXT_SHARE: u64 = 8;
const BINARY_SHARE: u64 = 4;
/// Spread of the sizes within a kind: the standard deviation of their base-2 logarithm, in 1/256.
const SIZE_DEVIATION_256: i64 = 400;
/// No file is smaller, bytes.
const SMALLEST_FILE: u64 = 96;
/// Streams of random numbers: of the layout, of the words, and from `FIRST_FILE` on of the files.
const LAYOUT: u64 = 1;
const WORDS: u64 = 2;
const FIRST_FILE: u64 = 16;

/// How many files a tree has and of which kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TreeShape {
    pub(crate) text_files: usize,
    pub(crate) binary_files: usize,
    pub(crate) media_files: usize,
    /// Size of all files together.
    pub(crate) bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Text(Kind),
    Binary,
    Media(Format),
}

/// A file that a tree has.
#[derive(Debug)]
pub(crate) struct TreeFile {
    /// Where, below the tree's root, with slashes.
    pub(crate) path: String,
    class: Class,
    bytes: u64,
    stream: u64,
}

/// A tree: where its files are, and what they hold when asked.
#[derive(Debug)]
pub(crate) struct Tree {
    seed: u64,
    vocabulary: Vocabulary,
    files: Vec<TreeFile>,
}

impl Tree {
    /// The tree of a seed.
    pub(crate) fn new(shape: TreeShape, seed: u64) -> Tree {
        let vocabulary = Vocabulary::new(&mut Random::new(seed, WORDS));
        let mut random = Random::new(seed, LAYOUT);
        let text = shape.bytes * TEXT_SHARE / 100;
        let binary = shape.bytes * BINARY_SHARE / 100;
        let texts =
            sizes(shape.text_files, text, &mut random).into_iter().map(|bytes| (Class::Text(Kind::Rust), bytes));
        let binaries = sizes(shape.binary_files, binary, &mut random).into_iter().map(|bytes| (Class::Binary, bytes));
        let media = sizes(shape.media_files, shape.bytes - text - binary, &mut random)
            .into_iter()
            .map(|bytes| (Class::Media(Format::Pdf), bytes));
        let classes: Vec<(Class, u64)> = texts.chain(binaries).chain(media).collect();

        let folders = Folders::new(classes.len(), &vocabulary, &mut random);
        let mut taken = BTreeSet::new();
        let mut files = Vec::with_capacity(classes.len());
        for (index, (class, bytes)) in classes.into_iter().enumerate() {
            let (class, extension) = match class {
                Class::Text(_) => {
                    let kind = Kind::ALL[index % Kind::ALL.len()];
                    (Class::Text(kind), kind.extension())
                }
                Class::Binary => (Class::Binary, if random.chance(50) { "o" } else { "dat" }),
                Class::Media(_) => {
                    // Half of the media are documents.
                    let format = Format::ALL[(random.below(6) as usize).saturating_sub(2)];
                    (Class::Media(format), format.extension())
                }
            };
            let path = loop {
                let folder = folders.pick(class, &mut random);
                let mut name = vocabulary.noun(&mut random).to_owned();
                if random.chance(50) || taken.len() > 300 {
                    name = format!("{name}_{}", vocabulary.noun(&mut random));
                }
                let path = format!("{folder}{name}.{extension}");
                if taken.insert(path.clone()) {
                    break path;
                }
            };
            files.push(TreeFile { path, class, bytes, stream: FIRST_FILE + index as u64 });
        }
        Tree { seed, vocabulary, files }
    }

    pub(crate) fn files(&self) -> &[TreeFile] {
        &self.files
    }

    /// What one of its files holds.
    pub(crate) fn content(&self, file: &TreeFile) -> Vec<u8> {
        let random = Random::new(self.seed, file.stream);
        let bytes = file.bytes as usize;
        match file.class {
            Class::Text(kind) => kind.text(bytes, &self.vocabulary, random),
            Class::Binary => binary::structured(bytes, random),
            Class::Media(format) => format.file(bytes, random),
        }
    }
}

/// The folders of a tree, each with a slash at its end; the empty one is the root.
struct Folders {
    text: Vec<String>,
    binary: Vec<String>,
    media: Vec<String>,
}

impl Folders {
    fn new(files: usize, vocabulary: &Vocabulary, random: &mut Random) -> Folders {
        let mut text: Vec<String> = ["", "src/", "docs/", "tests/"].map(str::to_owned).to_vec();
        // A folder for about a dozen files, at any depth.
        for _ in 0..files / 12 {
            let parent = &text[1 + random.below(text.len() as u32 - 1) as usize];
            // Deep paths are rare.
            let parent = if parent.matches('/').count() > 4 { "src/" } else { parent };
            text.push(format!("{parent}{}/", vocabulary.noun(random)));
        }
        let below = |parents: &[&str]| -> Vec<String> { parents.iter().map(|parent| (*parent).to_owned()).collect() };
        let binary = below(&["build/", "build/objects/", "tests/data/"]);
        let media = below(&["docs/images/", "docs/papers/", "assets/", "tests/data/"]);
        Folders { text, binary, media }
    }

    fn pick<'a>(&'a self, class: Class, random: &mut Random) -> &'a str {
        let folders = match class {
            Class::Text(_) => &self.text,
            Class::Binary => &self.binary,
            Class::Media(_) => &self.media,
        };
        &folders[random.below(folders.len() as u32) as usize]
    }
}

/// Sizes of `count` files that are `bytes` together, distributed log-normally.
fn sizes(count: usize, bytes: u64, random: &mut Random) -> Vec<u64> {
    let weights: Vec<u64> = (0..count).map(|_| random.log_normal(SIZE_DEVIATION_256)).collect();
    let total = weights.iter().sum::<u64>().max(1);
    let mut sizes: Vec<u64> = weights
        .iter()
        .map(|weight| ((u128::from(bytes) * u128::from(*weight) / u128::from(total)) as u64).max(SMALLEST_FILE))
        .collect();
    // What rounding left over or took too much goes to the largest.
    let sum: u64 = sizes.iter().sum();
    if let Some(largest) = sizes.iter_mut().max() {
        *largest = (*largest + bytes).saturating_sub(sum);
    }
    sizes
}
