//! Any bytes as the event of each function: it answers with JSON or a clear error of the caller's, and leaves nothing.
#![no_main]

use fuzz::{FUNCTIONS, MemoryLab, is_quick, mutate_event};
use lab::{Error, ErrorKind};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use serde_json::Value;

/// The longest error that is clear, bytes beyond those of the event itself.
const MESSAGE_BYTES_MAX: usize = 2000;

thread_local! {
    static LAB: MemoryLab = lab_with_objects();
}

fn lab_with_objects() -> MemoryLab {
    let mut lab = MemoryLab::new(None).expect("a temporary folder");
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_fn(9, 5, |x, y| image::Rgb([x as u8 * 25, y as u8 * 40, 99]))
        .write_to(&mut png, image::ImageFormat::Png)
        .expect("a picture");
    lab.insert("bucket", "in/photo.png", png.get_ref());
    lab.insert("in", "photo.png", png.get_ref());
    for name in ["a", "b/c", "b/d", "é", "long.txt"] {
        lab.insert("bucket", &format!("in/tree/{name}"), name.repeat(100).as_bytes());
        lab.insert("in", &format!("tree/{name}"), name.as_bytes());
    }
    // As hostile as a store's keys can be.
    lab.insert("bucket", "in/root/../../escaped", b"x");
    lab.insert("bucket", &format!("in/deep/{}", ["x"; 3000].join("/")), b"a longer path than systems take");
    lab.insert("in", "root/a", b"a file");
    lab.insert("in", "root/a/b", b"in a folder of the file's name");
    lab
}

fn is_fault_of_ours(error: &Error) -> bool {
    error.kind == ErrorKind::Internal
}

fuzz_target!(|data: &[u8]| {
    let Ok(event) = std::str::from_utf8(data) else { return };
    if !is_quick(event) {
        return;
    }
    LAB.with(|lab| {
        for (name, handler) in FUNCTIONS {
            let response = handler(lab, event);
            let written = lab.take_written();
            assert!(lab.is_scratch_empty(), "{name} left something in the scratch folder");
            match response {
                Ok(text) => {
                    let response: Value = serde_json::from_str(&text).expect("the response is JSON");
                    let root = response["identifier"].as_str();
                    let answered = match name {
                        "thumbnailer" | "compression" => written.len() == 1 && response["digest"].is_string(),
                        _ => root.is_some_and(|root| response["records"][root].is_object()),
                    };
                    assert!(answered, "{name}: {text}");
                }
                Err(error) => {
                    assert!(!is_fault_of_ours(&error), "{name}: {error}");
                    assert!(error.message.len() <= event.len() + MESSAGE_BYTES_MAX, "{name}: {error}");
                    assert!(written.is_empty(), "{name} failed and wrote");
                }
            }
        }
    });
});

// Half of the changes keep the event JSON.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if seed.is_multiple_of(2)
        && let Ok(event) = std::str::from_utf8(&data[..size])
        && let Some(changed) = mutate_event(event, seed / 2)
        && changed.len() <= max_size
    {
        data[..changed.len()].copy_from_slice(changed.as_bytes());
        return changed.len();
    }
    fuzzer_mutate(data, size, max_size)
});
