//! Objects over S3, and the scratch folder in memory.

use serde_json::json;

use crate::client::post;
use crate::functions::Endpoint;
use crate::host::Kind;

fn thumbnail(key: &str) -> String {
    json!({ "object": { "key": key }, "bucket": { "bucket": "photos", "input": "in", "output": "out" } }).to_string()
}

fn archive(key: &str) -> String {
    json!({ "object": { "key": key }, "bucket": { "bucket": "docs", "input": "in", "output": "out" } }).to_string()
}

#[test]
fn without_storage_it_is_refused_with_what_to_do() {
    for kind in Kind::all() {
        let host = kind.serve("thumbnailer", &[]);
        let answer = post(host.address(), &thumbnail("a.jpg"));
        assert_eq!((answer.status, answer.error().0), (403, "denied".to_owned()));
        assert!(answer.error().1.contains("FAASBENCH_STORAGE"), "{answer:?}");
    }
}

#[test]
fn what_is_not_there_or_not_allowed_is_told() {
    let endpoint = Endpoint::start();
    std::fs::create_dir_all(endpoint.folder.path().join("photos")).unwrap();
    for kind in Kind::all() {
        let host = endpoint.serve(kind, "thumbnailer");
        let answer = post(host.address(), &thumbnail("missing é &.jpg"));
        assert_eq!((answer.status, answer.error().0), (404, "not-found".to_owned()), "{answer:?}");
        assert!(answer.error().1.contains("missing é &.jpg"), "{answer:?}");

        let mut variables = endpoint.variables();
        variables[2].1 = "another".to_owned();
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let host = kind.serve_with_environment("thumbnailer", &variables);
        let answer = post(host.address(), &thumbnail("a.jpg"));
        assert_eq!((answer.status, answer.error().0), (403, "denied".to_owned()), "{answer:?}");
        assert!(!answer.body.contains("another"), "{answer:?}");
    }
}

#[test]
fn an_endpoint_that_is_not_there_is_unavailable() {
    let unused = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    for kind in Kind::all() {
        // Without a secret it can be part of the image.
        let location = format!("s3://?endpoint=http://{unused}");
        let host = kind.serve("thumbnailer", &[("FAASBENCH_STORAGE", &location)]);
        let answer = post(host.address(), &thumbnail("a.jpg"));
        assert_eq!((answer.status, answer.error().0), (503, "unavailable".to_owned()), "{answer:?}");
        assert!(answer.error().1.contains(&unused.to_string()), "{answer:?}");
    }
}

#[test]
fn more_objects_than_a_page_holds_go_through_files_into_one_archive() {
    let endpoint = Endpoint::start();
    let folder = endpoint.folder.path().join("docs/in/tree");
    for number in 0..1_100 {
        let folder = folder.join(format!("d{}", number % 7));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("ä & {number}+.txt")), format!("content {number}")).unwrap();
    }
    let mut digests = Vec::new();
    for kind in Kind::all() {
        let host = endpoint.serve(kind, "compression");
        let answer = post(host.address(), &archive("tree"));
        assert_eq!(answer.status, 200, "{answer:?}: {}", host.stderr());
        let answer = answer.json();
        assert_eq!(answer["measurement"]["files"], 1_100);
        let key = answer["result"]["key"].as_str().unwrap();
        let written = std::fs::metadata(endpoint.folder.path().join("docs").join(key)).unwrap();
        assert_eq!(answer["measurement"]["upload_bytes"], written.len());
        digests.push(answer["digest"].clone());
    }
    digests.dedup();
    assert_eq!(digests.len(), 1);
}

#[test]
fn an_error_leaves_no_object() {
    let endpoint = Endpoint::start();
    let folder = endpoint.folder.path().join("photos/in");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("a.jpg"), b"no image").unwrap();
    for kind in Kind::all() {
        let host = endpoint.serve(kind, "thumbnailer");
        assert_eq!(post(host.address(), &thumbnail("a.jpg")).status, 400);
        assert!(!endpoint.folder.path().join("photos/out").exists());
    }
}
