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
    let first = builder().build(&["function1"], "container", &Options::default()).unwrap();
    let (options, heard) = listening();
    let begin = Instant::now();
    let second = builder().build(&["function1"], "container", &options).unwrap();
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

/// A cache of its own that has function1 for the platform container, made from the shared one's binary.
fn filled_cache() -> (tempfile::TempDir, Builder) {
    let folder = tempfile::tempdir().unwrap();
    let builder = Builder::open(folder.path()).unwrap();
    builder.build(&["function1"], "container", &Options::default()).unwrap();
    (folder, builder)
}

#[test]
fn what_is_damaged_is_noticed_and_made_anew() {
    let (_folder, builder) = filled_cache();
    let whole = builder.build(&["function1"], "container", &Options::default()).unwrap().remove(0);
    assert!(whole.was_cached);
    let contents = files_of(&whole.image.path);
    let largest = contents.iter().max_by_key(|(_, content)| content.len()).unwrap();
    let damages: [&dyn Fn(&std::path::Path); 4] = [
        &|file| {
            let mut content = fs::read(file).unwrap();
            content[1000] ^= 1;
            fs::write(file, content).unwrap();
        },
        &|file| fs::write(file, b"short").unwrap(),
        &|file| fs::remove_file(file).unwrap(),
        &|file| fs::write(file.ancestors().nth(4).unwrap().join("record.json"), "{").unwrap(),
    ];
    for damage in damages {
        damage(&whole.image.path.join(&largest.0));
        let (options, heard) = listening();
        let repaired = builder.build(&["function1"], "container", &options).unwrap().remove(0);
        assert!(!repaired.was_cached);
        assert_eq!(repaired.image, whole.image);
        assert!(files_of(&whole.image.path) == contents);
        assert!(heard.lock().unwrap().iter().any(|said| matches!(said, Progress::Damaged { .. })), "{heard:?}");
        assert!(builder.build(&["function1"], "container", &Options::default()).unwrap()[0].was_cached);
    }
}

#[test]
fn a_damaged_binary_is_built_again() {
    let (_folder, builder) = filled_cache();
    let binary = builder.build(&["function1"], "process", &Options::default()).unwrap().remove(0).image;
    fs::write(&binary.path, b"\x7fELF").unwrap();
    let repaired = builder.build(&["function1"], "process", &Options::default()).unwrap().remove(0);
    assert!(!repaired.was_cached);
    assert_eq!(repaired.image, binary);
    assert_eq!(fs::metadata(&binary.path).unwrap().len(), binary.bytes);
}

#[test]
fn builds_at_once_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let images: Vec<_> = std::thread::scope(|scope| {
        let builds: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let builder = Builder::open(folder.path()).unwrap();
                    builder.build(&["function1"], "lambda", &Options::default()).unwrap().remove(0).image
                })
            })
            .collect();
        builds.into_iter().map(|build| build.join().unwrap()).collect()
    });
    assert!(images.iter().all(|image| *image == images[0]));
    let unfinished = fs::read_dir(folder.path()).unwrap();
    let unfinished: Vec<_> = unfinished
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().contains("unfinished"))
        .collect();
    assert!(unfinished.is_empty(), "{unfinished:?}");
}

#[test]
fn a_copy_outside_of_the_cache_replaces_an_older_one() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("images");
    let options = Options { output: Some(output.clone()), ..Options::default() };
    for _ in 0..2 {
        let built = builder().build(&["function1"], "knative", &options).unwrap().remove(0);
        assert_eq!(built.image.path, output.join("function1"));
        assert!(built.image.archive().unwrap().is_file());
        let cached = builder().build(&["function1"], "knative", &Options::default()).unwrap().remove(0);
        assert!(files_of(&built.image.path) == files_of(&cached.image.path));
        fs::write(output.join("function1/old"), "old").unwrap();
    }
    let names: Vec<_> = fs::read_dir(&output).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}
