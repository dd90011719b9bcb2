//! What `compression` does with a bucket.
#![allow(clippy::unwrap_used, reason = "tests")]

mod memory_lab;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use lab::{Error, ErrorKind, ObjectDigest};
use memory_lab::MemoryLab;
use serde_json::Value;

const EVENT: &str = r#"{"object": {"key": "tree"}, "bucket": {"bucket": "bucket", "input": "in", "output": "out"}}"#;

fn run(lab: &MemoryLab, event: &str) -> Result<Value, Error> {
    compression::handle(lab, event).map(|response| serde_json::from_str(&response).unwrap())
}

fn archive(lab: &MemoryLab, response: &Value) -> Vec<u8> {
    let result = &response["result"];
    lab.objects.borrow()[&(result["bucket"].as_str().unwrap().into(), result["key"].as_str().unwrap().into())].clone()
}

/// Names and contents of an archive, read by rawzip and inflated by zlib-rs.
fn entries(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let zip = rawzip::ZipArchive::from_slice(archive).unwrap();
    let mut entries = zip.entries();
    let mut found = Vec::new();
    while let Some(header) = entries.next_entry().unwrap() {
        let name = String::from_utf8(header.file_path().as_bytes().to_vec()).unwrap();
        let mut bytes = vec![0; header.uncompressed_size_hint() as usize];
        let entry = zip.get_entry(header.wayfinder()).unwrap();
        let mut inflate = zlib_rs::Inflate::new(false, 15);
        inflate.decompress(entry.data(), &mut bytes, zlib_rs::InflateFlush::Finish).unwrap();
        assert_eq!(inflate.total_out(), bytes.len() as u64);
        assert_eq!(rawzip::crc32(&bytes), header.crc32());
        found.push((name, bytes));
    }
    found
}

#[test]
fn all_objects_below_the_prefix_are_in_the_archive_sorted_by_name() {
    let objects: [(&str, &[u8]); 6] = [
        ("in/tree/z", b"last"),
        ("in/tree/a/b/c.txt", b"deep"),
        ("in/tree/a-b", b""),
        ("in/tree/C:/\u{e9}.txt", b"colon"),
        ("in/treehouse", b"another prefix"),
        ("other", b"outside"),
    ];
    let lab = MemoryLab::new(&objects);
    let response = run(&lab, EVENT).unwrap();
    let archive = archive(&lab, &response);
    let expected: Vec<(String, Vec<u8>)> =
        [("C:/\u{e9}.txt", "colon"), ("a-b", ""), ("a/b/c.txt", "deep"), ("z", "last")]
            .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))
            .to_vec();
    assert_eq!(entries(&archive), expected);

    assert_eq!(response["result"]["bucket"], "bucket");
    let key = response["result"]["key"].as_str().unwrap();
    let suffix = key.strip_prefix("out/tree.").and_then(|rest| rest.strip_suffix(".zip")).unwrap();
    assert!(suffix.len() == 8 && suffix.bytes().all(|byte| byte.is_ascii_hexdigit()), "{key}");
    assert_eq!(response["digest"], ObjectDigest::of(&archive));
    let measurement = &response["measurement"];
    assert_eq!(measurement["files"], 4);
    assert_eq!(measurement["download_bytes"], 13);
    assert_eq!(measurement["upload_bytes"], archive.len());
    for key in ["download_us", "compute_us", "upload_us"] {
        assert!(measurement[key].is_u64(), "{key}");
    }
    assert!(lab.is_scratch_empty());
}

#[test]
fn the_archive_is_the_same_each_time_under_a_new_key() {
    let lab = MemoryLab::new(&[("in/tree/a", &[7; 300_000]), ("in/tree/b", b"b")]);
    let (first, second) = (run(&lab, EVENT).unwrap(), run(&lab, EVENT).unwrap());
    assert_eq!(first["digest"], second["digest"]);
    assert_ne!(first["result"]["key"], second["result"]["key"]);
    assert_eq!(archive(&lab, &first), archive(&lab, &second));
}

#[test]
fn a_listing_of_many_pages_is_followed_to_its_end() {
    let mut lab = MemoryLab::new(&[]);
    lab.page_size = 100;
    for index in 0..1234 {
        lab.insert("bucket", &format!("in/tree/{index}"), index.to_string().as_bytes());
    }
    let response = run(&lab, EVENT).unwrap();
    assert_eq!(response["measurement"]["files"], 1234);
    assert_eq!(entries(&archive(&lab, &response)).len(), 1234);
}

#[test]
fn input_and_output_may_be_buckets_and_the_prefix_deep() {
    let lab = MemoryLab::new(&[]);
    lab.insert("sources", "a/b/file", b"text");
    let event = r#"{"object": {"key": "a/b/"}, "bucket": {"input": "sources", "output": "archives"}}"#;
    let response = run(&lab, event).unwrap();
    assert_eq!(response["result"]["bucket"], "archives");
    assert!(response["result"]["key"].as_str().unwrap().starts_with("a/b."));
    assert_eq!(entries(&archive(&lab, &response)), [("file".to_owned(), b"text".to_vec())]);
}

#[test]
fn a_key_that_cannot_be_a_file_is_refused_by_name_and_leaves_nothing() {
    let hostile: [&[&str]; 9] = [
        &["../escape"],
        &["a/../../escape"],
        &["/etc/passwd"],
        &["a//b"],
        &["a/"],
        &["./a"],
        &["a\\..\\b"],
        &["nul\0"],
        &["a/b", "a"],
    ];
    for keys in hostile {
        let lab = MemoryLab::new(&[("in/tree/0", b"fine")]);
        for key in keys {
            lab.insert("bucket", &format!("in/tree/{key}"), b"x");
        }
        let error = run(&lab, EVENT).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadRequest, "{error}");
        assert!(error.message.contains(&format!("{:?}", format!("in/tree/{}", keys[0]))), "{error}");
        assert!(lab.is_scratch_empty());
        assert!(lab.keys("bucket", "out/").is_empty());
    }
}

#[test]
fn an_event_whose_key_leaves_the_bucket_is_refused() {
    for key in ["../x", "/x", "a/../b", "a//b"] {
        let lab = MemoryLab::new(&[]);
        let error = run(&lab, &EVENT.replace("\"tree\"", &format!("{key:?}"))).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadRequest);
        assert!(error.message.contains("object.key"), "{error}");
    }
}

#[test]
fn a_prefix_without_objects_is_not_found() {
    let lab = MemoryLab::new(&[("in/treehouse", b"x"), ("in/tree", b"x")]);
    let error = run(&lab, EVENT).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.message.contains("in/tree/"), "{error}");
    assert!(lab.is_scratch_empty());
}

#[test]
fn a_failed_download_or_upload_leaves_neither_files_nor_an_object() {
    let mut lab = MemoryLab::new(&[("in/tree/a", b"a"), ("in/tree/b", &[1; 100_000])]);
    lab.broken = Some("in/tree/b".to_owned());
    let error = run(&lab, EVENT).unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Unavailable, "the connection was lost"));
    assert!(lab.is_scratch_empty());

    lab.broken = None;
    lab.refuse_writes = true;
    assert_eq!(run(&lab, EVENT).unwrap_err().kind, ErrorKind::Denied);
    assert!(lab.is_scratch_empty());
    assert!(lab.keys("bucket", "out/").is_empty());
}

#[test]
fn what_another_invocation_left_in_the_scratch_folder_stays() {
    let lab = MemoryLab::new(&[("in/tree/a", b"a")]);
    fs::write(lab.scratch.path().join("theirs"), "x").unwrap();
    run(&lab, EVENT).unwrap();
    assert_eq!(fs::read_dir(lab.scratch.path()).unwrap().count(), 1);
}

fn document_tree() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/311.compression/acmart-master");
    if !path.is_dir() {
        eprintln!("skipped: there is no document tree at {}", path.display());
        return None;
    }
    Some(path)
}

fn load(lab: &MemoryLab, directory: &Path, key: &str) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let key = format!("{key}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            load(lab, &entry.path(), &key);
        } else {
            lab.insert("bucket", &key, &fs::read(entry.path()).unwrap());
        }
    }
}

#[test]
fn the_archive_of_a_document_tree_is_as_small_as_pythons_and_python_reads_it() {
    let Some(tree) = document_tree() else { return };
    let lab = MemoryLab::new(&[]);
    load(&lab, &tree, "in/tree");
    let start = Instant::now();
    let response = run(&lab, EVENT).unwrap();
    eprintln!("{:?}: {}", start.elapsed(), response["measurement"]);
    let archive = archive(&lab, &response);
    // Python 3.11's zipfile, ZIP_DEFLATED at level 6 with zlib 1.2.13, makes 9,323,341 bytes of these 39 files.
    assert!(archive.len() < 9_323_341 * 101 / 100, "{}", archive.len());

    let path = lab.scratch.path().join("read.zip");
    fs::write(&path, &archive).unwrap();
    let script = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; \
                  assert all(i.date_time == (1980, 1, 1, 0, 0, 0) for i in z.infolist()); print(len(z.namelist()))";
    match Command::new("python3").args(["-c", script]).arg(&path).output() {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "39");
        }
        Err(error) => eprintln!("not read with Python: {error}"),
    }
}
