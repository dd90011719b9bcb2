//! Credentials are seen by the service alone.

use std::io::Read;

use lab::ErrorKind;
use native::Storage;

use crate::scripted::{KEY_ID, Reply, SECRET, error, serve, status, storage, storage_at};

#[test]
fn a_refusal_repeats_its_code_and_nothing_else() {
    for (status_line, code) in [
        ("403 Forbidden", "SignatureDoesNotMatch"),
        ("403 Forbidden", "InvalidAccessKeyId"),
        ("401 Unauthorized", "AccessDenied"),
        ("400 Bad Request", "ExpiredToken"),
    ] {
        let (port, _) = serve(move |_, _| Reply::Answer(error(status_line, code)));
        for location in ["s3://", "gs://", "azure://account1"] {
            let storage = storage_at(&format!("{location}?endpoint=http://127.0.0.1:{port}"));
            let failures = [
                storage.open("b", "k").map(|_| ()).unwrap_err(),
                storage.list("b", "", None).map(|_| ()).unwrap_err(),
                storage.create("b", "k").unwrap().finish().map(|_| ()).unwrap_err(),
                storage.remove("b", &["k".to_owned()]).unwrap_err(),
            ];
            // A HEAD's answer has no body and so no code: what 400 means is not known then.
            let looked = storage.details("b", "k").map(|_| ()).unwrap_err();
            let expected = if status_line.starts_with("400") { ErrorKind::Internal } else { ErrorKind::Denied };
            assert_eq!(looked.kind, expected, "{looked}");
            assert!(!looked.message.contains(SECRET), "{looked}");
            for failure in failures {
                assert_eq!(failure.kind, ErrorKind::Denied, "{location} {failure}");
                let text = format!("{failure} {failure:?}");
                assert!(!text.contains(SECRET) && !text.contains(KEY_ID), "{text}");
            }
        }
        let failure = storage(port).open("b", "k").map(|_| ()).unwrap_err();
        assert!(failure.message.contains(code) && failure.message.contains("AWS_ACCESS_KEY_ID"), "{failure}");
    }
}

#[test]
fn the_secret_is_not_sent_and_not_shown() {
    let (port, requests) = serve(|_, _| Reply::Answer(status("200 OK", "content")));
    let storage = storage(port);
    storage.open("b", "k").unwrap().read_to_end(&mut Vec::new()).unwrap();
    let request = requests.lock().unwrap()[0].clone();
    // The session's token is sent by the protocol, the secret only as a signature.
    assert!(request.contains(KEY_ID) && request.contains("Signature="), "{request}");
    let shown = format!("{storage:?} {}", storage.location());
    assert!(!shown.contains(SECRET) && !shown.contains(KEY_ID), "{shown}");
}

#[test]
fn settings_that_cant_be_used_are_not_repeated() {
    let native::Location::Remote(location) = native::Location::parse("azure://account1/c").unwrap() else { panic!() };
    let variables = |name: &str| (name == "AZURE_STORAGE_ACCOUNT_KEY").then(|| format!("not base64 {SECRET}"));
    let storage = cloud_storage::CloudStorage::new(location, &variables, crate::scripted::PATIENCE);
    let failure = storage.open("b", "k").map(|_| ()).unwrap_err();
    assert!(failure.kind == ErrorKind::Denied && !failure.message.contains(SECRET), "{failure}");
}

#[test]
fn a_wrong_service_account_file_is_not_repeated() {
    let native::Location::Remote(location) = native::Location::parse("gs://bucket").unwrap() else { panic!() };
    let variables =
        |name: &str| (name == "GOOGLE_SERVICE_ACCOUNT_KEY").then(|| format!("{{\"private_key\": \"{SECRET}\"}}"));
    let storage = cloud_storage::CloudStorage::new(location, &variables, crate::scripted::PATIENCE);
    let failure = storage.open("b", "k").map(|_| ()).unwrap_err();
    assert!(failure.kind == ErrorKind::Denied && !failure.message.contains(SECRET), "{failure}");
}
