//! Real photographs and a real document tree.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use faasbench::engine::EngineKind;
use serde_json::Value;
use zip::ZipArchive;

use crate::support::{Bench, files, invoke, shared};

#[test]
fn thumbnails_of_photographs_are_the_same_bytes_on_both_engines() {
    let Some(folder) = shared("data/210.thumbnailer") else { return };
    let bench = Bench::new();
    let photographs = files(&folder);
    assert!(!photographs.is_empty());
    for photograph in photographs {
        bench.store("photograph", &std::fs::read(&photograph).unwrap());
        let [native, wasm] = EngineKind::ALL.map(|engine| {
            let response = invoke(&bench.launcher(engine), "thumbnailer", &Bench::event("photograph"));
            let thumbnail = bench.result(&response);
            let response: Value = serde_json::from_str(&response).unwrap();
            (response["digest"].clone(), thumbnail)
        });
        assert_eq!(native, wasm, "{}", photograph.display());
        let thumbnail = image::load_from_memory(&native.1).unwrap();
        assert_eq!(thumbnail.width().max(thumbnail.height()), 200, "{}", photograph.display());
    }
}

#[test]
fn the_archive_of_a_document_tree_is_the_same_on_both_engines_and_holds_every_file() {
    let Some(folder) = shared("data/311.compression") else { return };
    let bench = Bench::new();
    let mut tree = BTreeMap::new();
    for path in files(&folder) {
        let key = path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
        let content = std::fs::read(&path).unwrap();
        bench.store(&format!("tree/{key}"), &content);
        tree.insert(key, content);
    }
    let [native, wasm] = EngineKind::ALL.map(|engine| {
        let response = invoke(&bench.launcher(engine), "compression", &Bench::event("tree"));
        bench.result(&response)
    });
    assert!(native == wasm, "the archives differ");
    // Read by code that shares none with what wrote it; the reader checks every entry's CRC.
    let mut archive = ZipArchive::new(Cursor::new(native)).unwrap();
    let mut found = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        found.insert(entry.name().unwrap().into_owned(), content);
    }
    assert_eq!(found.keys().collect::<Vec<_>>(), tree.keys().collect::<Vec<_>>());
    assert!(found == tree, "a file's content differs");
    assert_eq!(files(&bench.scratch()), Vec::<std::path::PathBuf>::new(), "scratch files are left");
}
