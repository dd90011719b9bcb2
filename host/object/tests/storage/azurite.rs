//! Azurite: Azure's storage on this machine (npm `azurite`).

use std::process::Command;

use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};
use object_store::client::HttpRequestBody;

use crate::place::{Place, open};
use crate::servers::{Process, free_port, request};

/// The account that every Azurite has, and its key, which is published.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

pub(crate) fn place() -> Option<(Place, u16)> {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut command = Command::new("azurite-blob");
    command.args(["--blobHost", "127.0.0.1", "--silent", "--skipApiVersionCheck", "--disableTelemetry"]);
    command.args(["--blobPort", &port.to_string()]).arg("--location").arg(folder.path());
    let process = Process::start(&mut command, port)?;
    make_container(port, "mine");
    let variables = [("AZURE_STORAGE_ACCOUNT_KEY", KEY)];
    let storage = open(&format!("azure://{ACCOUNT}/mine/lab?endpoint=http://127.0.0.1:{port}"), &variables);
    let place = Place {
        storage,
        bucket: "faasbench".to_owned(),
        _folder: Some(folder),
        _process: Some(process),
        _endpoint: None,
    };
    Some((place, port))
}

fn make_container(port: u16, name: &str) {
    let credential = AzureCredential::AccessKey(AzureAccessKey::try_new(KEY).unwrap());
    let uri = format!("http://127.0.0.1:{port}/{ACCOUNT}/{name}?restype=container");
    let built = hyper::Request::builder().method("PUT").uri(&uri).header("content-length", "0");
    let mut signed = built.body(HttpRequestBody::empty()).unwrap();
    AzureAuthorizer::new(&credential, ACCOUNT).try_authorize(&mut signed).unwrap();
    let mut text = format!("PUT {} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n", signed.uri().path_and_query().unwrap());
    for (name, value) in signed.headers() {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    text.push_str("Connection: close\r\n\r\n");
    assert_eq!(request(port, &text), 201);
}

#[test]
fn a_wrong_key_is_denied_and_a_missing_container_is_named() {
    let Some(place) = place() else { return };
    let location = |container: &str| format!("azure://{ACCOUNT}/{container}?endpoint=http://127.0.0.1:{}", place.1);
    let wrong = open(&location("mine"), &[("AZURE_STORAGE_ACCOUNT_KEY", "d3Jvbmc=")]);
    let error = wrong.list("faasbench", "", None).unwrap_err();
    assert_eq!(error.kind, lab::ErrorKind::Denied, "{error}");
    let missing = open(&location("missing"), &[("AZURE_STORAGE_ACCOUNT_KEY", KEY)]);
    let error = missing.list("faasbench", "", None).unwrap_err();
    assert!(error.kind == lab::ErrorKind::NotFound && error.message.contains("\"missing\""), "{error}");
}
