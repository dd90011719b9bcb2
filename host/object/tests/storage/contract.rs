//! What every backend does.

use std::io::{Read, Write};

use lab::ErrorKind;
use native::Storage;
use object::ObjectStorage;

use crate::place::Place;

/// Checks all of it. Objects are below a prefix of this check's own, and gone afterwards.
pub(crate) fn check(place: &Place) {
    let storage = &*place.storage;
    let bucket = place.bucket.as_str();
    let prefix = format!("contract-{}", std::process::id());
    small_objects_come_back(storage, bucket, &prefix);
    large_objects_come_back(storage, bucket, &prefix);
    what_is_not_finished_is_not_there(storage, bucket, &prefix);
    keys_of_all_kinds(storage, bucket, &prefix);
    keys_that_none_can_have(storage, bucket);
    object::clean(storage, bucket, &prefix, &mut |_| ()).unwrap();
    assert_eq!(keys(storage, bucket, &format!("{prefix}/")), Vec::<String>::new());
}

fn put(storage: &dyn Storage, bucket: &str, key: &str, content: &[u8]) {
    let mut writer = storage.create(bucket, key).unwrap();
    writer.write_all(content).unwrap();
    assert_eq!(writer.finish().unwrap(), content.len() as u64);
}

fn get(storage: &dyn Storage, bucket: &str, key: &str) -> Vec<u8> {
    let mut content = Vec::new();
    storage.open(bucket, key).unwrap().read_to_end(&mut content).unwrap();
    content
}

fn keys(storage: &dyn Storage, bucket: &str, prefix: &str) -> Vec<String> {
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = storage.list(bucket, prefix, after.as_deref()).unwrap();
        assert!(page.objects.len() <= 1000);
        keys.extend(page.objects.into_iter().map(|object| object.key));
        after = page.next;
        if after.is_none() {
            return keys;
        }
    }
}

fn small_objects_come_back(storage: &dyn ObjectStorage, bucket: &str, prefix: &str) {
    for content in ["", "content", "other content"] {
        let key = format!("{prefix}/small");
        put(storage, bucket, &key, content.as_bytes());
        assert_eq!(get(storage, bucket, &key), content.as_bytes());
        let page = storage.list_details(bucket, &key, None).unwrap();
        assert_eq!((page.objects[0].size_bytes, page.next), (content.len() as u64, None));
    }
    let missing = storage.open(bucket, &format!("{prefix}/missing")).map(|_| ()).unwrap_err();
    assert_eq!(missing.kind, ErrorKind::NotFound, "{missing}");
}

fn large_objects_come_back(storage: &dyn ObjectStorage, bucket: &str, prefix: &str) {
    let part = cloud_part_bytes();
    let content: Vec<u8> = (0..2 * part + 12_345).map(|index| (index / 1000 + index) as u8).collect();
    for length in [part, part + 1, content.len()] {
        let key = format!("{prefix}/large");
        let content = &content[..length];
        let mut writer = storage.create(bucket, &key).unwrap();
        // In pieces that don't fit the parts.
        content.chunks(999_983).for_each(|piece| writer.write_all(piece).unwrap());
        assert_eq!(writer.finish().unwrap(), length as u64);
        assert!(get(storage, bucket, &key) == content, "{length} bytes");
    }
    // A reader that stops early.
    let mut beginning = [0; 10];
    storage.open(bucket, &format!("{prefix}/large")).unwrap().read_exact(&mut beginning).unwrap();
    assert_eq!(beginning, content[..10]);
}

fn cloud_part_bytes() -> usize {
    8 << 20
}

fn what_is_not_finished_is_not_there(storage: &dyn ObjectStorage, bucket: &str, prefix: &str) {
    for length in [5, cloud_part_bytes() + 5] {
        let key = format!("{prefix}/unfinished");
        let mut writer = storage.create(bucket, &key).unwrap();
        writer.write_all(&vec![1; length]).unwrap();
        drop(writer);
        assert_eq!(storage.open(bucket, &key).map(|_| ()).unwrap_err().kind, ErrorKind::NotFound);
    }
}

fn keys_of_all_kinds(storage: &dyn ObjectStorage, bucket: &str, prefix: &str) {
    let names =
        ["a b/c", "a+b&c=d", "ä/ö/ü", "percent%20%", "question?#x", "q'u\"o;t,e", "(paren)[x]{y}~!$*@:", "a.b", "日本"];
    let mut expected: Vec<String> = names.iter().map(|name| format!("{prefix}/kinds/{name}")).collect();
    for key in &expected {
        put(storage, bucket, key, key.as_bytes());
    }
    expected.sort();
    assert_eq!(keys(storage, bucket, &format!("{prefix}/kinds/")), expected);
    for key in &expected {
        assert_eq!(get(storage, bucket, key), key.as_bytes());
    }
    // A prefix may end in the middle of a name.
    assert_eq!(keys(storage, bucket, &format!("{prefix}/kinds/a+")), [format!("{prefix}/kinds/a+b&c=d")]);
    assert_eq!(keys(storage, bucket, &format!("{prefix}/kinds/ä")), [format!("{prefix}/kinds/ä/ö/ü")]);
    assert_eq!(keys(storage, bucket, &format!("{prefix}/nothing")), Vec::<String>::new());
    let gone = [expected[0].clone(), format!("{prefix}/kinds/never was")];
    storage.remove_all(bucket, &gone).unwrap();
    assert_eq!(keys(storage, bucket, &format!("{prefix}/kinds/")), expected[1..]);
}

fn keys_that_none_can_have(storage: &dyn ObjectStorage, bucket: &str) {
    for key in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", "a/", "a\0b"] {
        for error in [storage.open(bucket, key).map(|_| ()), storage.create(bucket, key).map(|_| ())] {
            assert_eq!(error.unwrap_err().kind, ErrorKind::BadRequest, "{key:?}");
        }
    }
    for bucket in ["", "..", ".uploads", "a/b"] {
        assert_eq!(storage.open(bucket, "k").map(|_| ()).unwrap_err().kind, ErrorKind::BadRequest, "{bucket:?}");
        assert_eq!(storage.list(bucket, "", None).unwrap_err().kind, ErrorKind::BadRequest, "{bucket:?}");
    }
}
