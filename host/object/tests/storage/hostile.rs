//! Requests to the endpoint that no client of S3 should send, signed well.

use lab::ErrorKind;

use crate::endpoint::Endpoint;

#[test]
fn a_link_does_not_lead_out_of_the_folder() {
    let endpoint = Endpoint::start();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    let bucket = endpoint.folder.path().join("b");
    std::fs::create_dir(&bucket).unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret"), bucket.join("link")).unwrap();
    std::os::unix::fs::symlink(outside.path(), bucket.join("folder")).unwrap();
    std::os::unix::fs::symlink(outside.path(), endpoint.folder.path().join("linked")).unwrap();
    let storage = endpoint.storage();
    for (bucket, key) in [("b", "link"), ("b", "folder/secret"), ("linked", "secret")] {
        let error = storage.open(bucket, key).map(|_| ()).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Denied | ErrorKind::NotFound | ErrorKind::Unavailable), "{error}");
    }
    for (bucket, key) in [("b", "folder/new"), ("linked", "new")] {
        storage.create(bucket, key).unwrap().finish().unwrap_err();
    }
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(storage.list("b", "", None).unwrap().objects.len(), 0);
    // Over a link is in its place.
    let mut writer = storage.create("b", "link").unwrap();
    writer.write_all(b"new").unwrap();
    writer.finish().unwrap();
    assert_eq!(std::fs::read_to_string(outside.path().join("secret")).unwrap(), "secret");
}

#[test]
fn an_object_and_a_folder_of_the_same_name_are_told_apart() {
    let endpoint = Endpoint::start();
    std::fs::create_dir(endpoint.folder.path().join("b")).unwrap();
    let storage = endpoint.storage();
    let put = |key: &str| storage.create("b", key).unwrap().finish();
    put("a").unwrap();
    put("a/b").unwrap_err();
    put("c/d").unwrap();
    put("c").unwrap_err();
    // Once its objects are gone the folder is in nobody's way.
    storage.remove_all("b", &["c/d".to_owned()]).unwrap();
    put("c").unwrap();
    assert_eq!(storage.open("b", "a/x").map(|_| ()).unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(std::fs::read_dir(endpoint.folder.path().join(".uploads")).unwrap().count(), 0);
}
