//! What is built twice, what is damaged, what happens at once.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use image_build::{Builder, ImageKind, Options, Progress};

use crate::shared::{builder, files_of};

/// Options that remember what the build said.
fn listening() -> (Options, Arc<Mutex<Vec<Progress>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&heard);
    let progress: image_build::ProgressCallback = Arc::new(move |progress| writer.lock().unwrap().push(progress));
    (Options { progress: Some(progress), ..Options::default() }, heard)
}

#[test]
fn a_second_build_does_nothing_and_says_so() {
    let first = builder().build(&[], "container", &Options::default()).unwrap();
    assert_eq!(first.len(), 6);
    let (options, heard) = listening();
    let begin = Instant::now();
    let second = builder().build(&[], "container", &options).unwrap();
    let took = begin.elapsed();
    assert!(second.iter().all(|built| built.was_cached));
    assert!(heard.lock().unwrap().is_empty(), "{heard:?}");
    for (first, second) in first.iter().zip(&second) {
        assert_eq!(first.image, second.image);
    }
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn two_builds_into_two_folders_are_equal() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let source = builder().build(&["function1"], "process", &Options::default()).unwrap();
    for kind in ImageKind::ALL.into_iter().filter(|kind| !kind.is_wasm()) {
        let images = folders.each_ref().map(|folder| {
            let built = Builder::open(folder.path()).unwrap().build_kind(&["function1"], kind, &Options::default());
            built.unwrap().remove(0).image
        });
        assert_eq!(images[0].digest, images[1].digest, "{kind}");
        assert_eq!(images[0].code_digest, source[0].image.digest);
        let contents = images.each_ref().map(|image| {
            if image.path.is_dir() { files_of(&image.path) } else { vec![("".into(), fs::read(&image.path).unwrap())] }
        });
        assert!(contents[0] == contents[1], "{kind}");
    }
}
