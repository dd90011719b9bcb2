//! What the tests share: one cache of images, so that cargo builds the binaries once for all of them.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use image_build::{Builder, Image, ImageKind, Options};

/// A builder with the cache that all tests share.
pub(crate) fn builder() -> Builder {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("images");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).unwrap();
    Builder::open(folder).unwrap()
}

/// The image of one function.
pub(crate) fn image(function: &str, kind: ImageKind) -> Image {
    builder().build_kind(&[function], kind, &Options::default()).unwrap().remove(0).image
}

/// The paths of all files below a folder, relative to it, sorted, with their contents.
pub(crate) fn files_of(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.push((path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

/// Whether a program is there; says that the test is skipped when it is not.
pub(crate) fn has(program: &str) -> bool {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|folder| folder.join(program).is_file());
    if !found {
        eprintln!("skipped: {program} is not installed");
    }
    found
}
