//! Uploads, downloads and clean-up.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use object::{CONCURRENCY, Progress, clean, download, upload};

use crate::place::{Place, directory};

/// More than one page of every service.
const FILES: u64 = 1203;

/// Checks all of it.
pub(crate) fn check(place: &Place) {
    let storage = &*place.storage;
    let bucket = place.bucket.as_str();
    let prefix = format!("transfers-{}/input", std::process::id());
    let folder = tempfile::tempdir().unwrap();
    for index in 0..FILES - 1 {
        write(folder.path(), &format!("d{}/file {index:04}", index % 7), &format!("content {index}"));
    }
    fs::write(folder.path().join("large"), vec![9; (8 << 20) + 9]).unwrap();
    let told = Mutex::new(Vec::<Progress>::new());
    let put = || {
        let mut tell = |progress| told.lock().unwrap().push(progress);
        upload(storage, folder.path(), bucket, &prefix, CONCURRENCY, &mut tell).unwrap()
    };
    let first = put();
    assert_eq!((first.written, first.present, first.present_by_size), (FILES, 0, 0));
    let last = told.lock().unwrap().pop().unwrap();
    assert_eq!((last.objects_done, last.objects), (FILES, FILES));
    assert_eq!((last.bytes_done, last.bytes), (first.written_bytes, first.written_bytes));

    let second = put();
    assert_eq!((second.written, second.present + second.present_by_size), (0, FILES));
    let tells_content = second.present > 0;
    // Another size, another content of the same size, and a new one.
    write(folder.path(), "d0/file 0000", "longer than before");
    write(folder.path(), "d1/file 0001", "CONTENT 1");
    write(folder.path(), "new", "new");
    let third = put();
    assert_eq!(third.written, if tells_content { 3 } else { 2 });

    let copy = tempfile::tempdir().unwrap();
    let back = download(storage, bucket, &prefix, copy.path(), CONCURRENCY, &mut |_| ()).unwrap();
    assert_eq!(back.objects, FILES + 1);
    assert_eq!(fs::read_to_string(copy.path().join("d0/file 0000")).unwrap(), "longer than before");
    assert_eq!(fs::read_to_string(copy.path().join("d6/file 0006")).unwrap(), "content 6");
    assert_eq!(fs::metadata(copy.path().join("large")).unwrap().len(), (8 << 20) + 9);

    let output = format!("transfers-{}/output", std::process::id());
    upload(storage, &copy.path().join("d2"), bucket, &output, CONCURRENCY, &mut |_| ()).unwrap();
    let mut told = 0;
    let cleaned = clean(storage, bucket, &prefix, &mut |_| told += 1).unwrap();
    assert_eq!((cleaned.objects, told), (FILES + 1, 2));
    // Only what is below the folder: `output` is beside it, and so would be `input2`.
    let left = clean(storage, bucket, &output, &mut |_| ()).unwrap();
    assert!(left.objects > 100);
}

fn write(folder: &Path, name: &str, content: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn a_whole_bucket_is_not_removed_by_a_slip() {
    let place = directory();
    for prefix in ["", "/", "//"] {
        assert!(clean(&*place.storage, "faasbench", prefix, &mut |_| ()).is_err());
    }
}

#[test]
fn an_upload_stops_at_a_file_that_cant_be_an_object() {
    let place = directory();
    let folder = tempfile::tempdir().unwrap();
    let mut tell = |_| ();
    let missing = folder.path().join("missing");
    let error = upload(&*place.storage, &missing, "b", "p", CONCURRENCY, &mut tell).unwrap_err();
    assert!(error.to_string().contains("missing"), "{error}");
    write(folder.path(), &format!("{}/x", "y".repeat(200)), "");
    let long = format!("{}/p", "z".repeat(900));
    let error = upload(&*place.storage, folder.path(), "b", &long, CONCURRENCY, &mut tell).unwrap_err();
    assert!(error.to_string().contains("rename it"), "{error}");
}

#[test]
fn a_download_does_not_leave_its_folder() {
    let place = directory();
    let (target, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let source = tempfile::tempdir().unwrap();
    write(source.path(), "link/file", "content");
    upload(&*place.storage, source.path(), "b", "p", CONCURRENCY, &mut |_| ()).unwrap();
    std::os::unix::fs::symlink(outside.path(), target.path().join("link")).unwrap();
    assert!(download(&*place.storage, "b", "p", target.path(), CONCURRENCY, &mut |_| ()).is_err());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}
