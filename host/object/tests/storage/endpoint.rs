//! The endpoint of ours.

use std::sync::Arc;
use std::time::Duration;

use native::Storage;
use object::ObjectStorage;
use object::server::{AccessKey, RunningServer, ServeError, ServeOptions, serve};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::place::{Place, open};
use crate::servers::{free_port, request};

/// An endpoint over a temporary folder.
pub(crate) struct Endpoint {
    pub(crate) folder: TempDir,
    pub(crate) server: Option<RunningServer>,
    pub(crate) runtime: Runtime,
}

impl Endpoint {
    pub(crate) fn start() -> Endpoint {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(serve(ServeOptions::new(folder.path(), AccessKey::generate()))).unwrap();
        Endpoint { folder, server: Some(server), runtime }
    }

    pub(crate) fn server(&self) -> &RunningServer {
        self.server.as_ref().unwrap()
    }

    pub(crate) fn storage(&self) -> Arc<dyn ObjectStorage> {
        let key = self.server().access_key();
        let variables = [("AWS_ACCESS_KEY_ID", key.id()), ("AWS_SECRET_ACCESS_KEY", key.secret())];
        open(&self.server().location(None).to_string(), &variables)
    }

    pub(crate) fn port(&self) -> u16 {
        self.server().address().port()
    }
}

pub(crate) fn place() -> Place {
    let endpoint = Endpoint::start();
    std::fs::create_dir(endpoint.folder.path().join("faasbench")).unwrap();
    let storage = endpoint.storage();
    Place { storage, bucket: "faasbench".to_owned(), _folder: None, _process: None, _endpoint: Some(endpoint) }
}

#[test]
fn the_same_folder_is_a_directory_and_s3() {
    let endpoint = Endpoint::start();
    let directory = native::DirectoryStorage::new(endpoint.folder.path()).unwrap();
    let write = |storage: &dyn Storage, key: &str, content: &[u8]| {
        let mut writer = storage.create("shared", key).unwrap();
        writer.write_all(content).unwrap();
        writer.finish().unwrap();
    };
    let read = |storage: &dyn Storage, key: &str| {
        let mut content = Vec::new();
        storage.open("shared", key).unwrap().read_to_end(&mut content).unwrap();
        content
    };
    write(&directory, "a/from directory", b"one");
    let s3 = endpoint.storage();
    assert_eq!(read(&*s3, "a/from directory"), b"one");
    write(&*s3, "a/from s3", b"two");
    assert_eq!(read(&directory, "a/from s3"), b"two");
    let large: Vec<u8> = (0..20_000_000_u32).map(|index| (index / 7) as u8).collect();
    write(&*s3, "large", &large);
    assert!(read(&directory, "large") == large);
    assert_eq!(directory.list("shared", "", None).unwrap(), s3.list("shared", "", None).unwrap());
    assert_eq!(std::fs::read_dir(endpoint.folder.path().join(".uploads")).unwrap().count(), 0);
    let etag = |key: &str| {
        let page = s3.list_details("shared", key, None).unwrap();
        page.objects[0].etag.clone().unwrap()
    };
    let (first, kept) = (etag("a/from directory"), etag("large"));
    assert!(kept.ends_with("-3"), "{kept}");
    write(&directory, "a/from directory", b"other");
    assert_ne!(etag("a/from directory"), first);
}

#[test]
fn it_ends_when_it_is_told_and_its_port_is_free_again() {
    let mut endpoint = Endpoint::start();
    let (address, server) = (endpoint.server().address(), endpoint.server.take().unwrap());
    assert!(endpoint.runtime.block_on(server.stop()));
    let mut options = ServeOptions::new(endpoint.folder.path(), AccessKey::generate());
    options.address = address;
    let again = endpoint.runtime.block_on(serve(options.clone())).unwrap();
    assert_eq!(again.address(), address);
    let error = endpoint.runtime.block_on(serve(options)).unwrap_err();
    assert!(matches!(error, ServeError::Address { .. }), "{error}");
    drop(again);
}

#[test]
fn what_is_under_way_is_finished_before_the_end() {
    let mut endpoint = Endpoint::start();
    std::fs::create_dir(endpoint.folder.path().join("b")).unwrap();
    let content: Vec<u8> = vec![1; 30_000_000];
    std::fs::write(endpoint.folder.path().join("b/k"), &content).unwrap();
    let storage = endpoint.storage();
    let mut reader = storage.open("b", "k").unwrap();
    let server = endpoint.server.take().unwrap();
    let stopping = endpoint.runtime.spawn(server.stop());
    let mut read = Vec::new();
    reader.read_to_end(&mut read).unwrap();
    assert_eq!(read.len(), content.len());
    assert!(endpoint.runtime.block_on(stopping).unwrap());
    let refused = storage.open("b", "k").map(|_| ()).unwrap_err();
    assert_eq!(refused.kind, lab::ErrorKind::Unavailable);
}

#[test]
fn only_who_knows_the_secret_gets_in() {
    let endpoint = Endpoint::start();
    std::fs::create_dir(endpoint.folder.path().join("b")).unwrap();
    std::fs::write(endpoint.folder.path().join("b/k"), "content").unwrap();
    let location = endpoint.server().location(None).to_string();
    let id = endpoint.server().access_key().id();
    for variables in [
        [("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", "another")],
        [("AWS_ACCESS_KEY_ID", "another"), ("AWS_SECRET_ACCESS_KEY", endpoint.server().access_key().secret())],
    ] {
        let error = open(&location, &variables).open("b", "k").map(|_| ()).unwrap_err();
        assert_eq!(error.kind, lab::ErrorKind::Denied, "{error}");
        assert!(!error.message.contains(endpoint.server().access_key().secret()), "{error}");
    }
    for path in ["/", "/b", "/b/k", "/b?list-type=2"] {
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert_eq!(request(endpoint.port(), &head), 403, "{path}");
    }
    let put = "PUT /b/new HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx";
    assert_eq!(request(endpoint.port(), put), 403);
    assert!(!endpoint.folder.path().join("b/new").exists());
}

#[test]
fn a_directory_that_cant_be_used_is_named() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(serve(ServeOptions::new("/proc/none", AccessKey::generate()))).unwrap_err();
    assert!(error.to_string().contains("/proc/none"), "{error}");
}

#[test]
fn an_end_does_not_wait_for_ever() {
    let mut endpoint = Endpoint::start();
    let server = endpoint.server.take().unwrap();
    let mut options = ServeOptions::new(endpoint.folder.path(), AccessKey::generate());
    drop(server);
    options.grace = Duration::from_millis(100);
    options.address.set_port(free_port());
    let server = endpoint.runtime.block_on(serve(options)).unwrap();
    // The head of a request that never ends.
    let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
    std::io::Write::write_all(&mut stream, b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-").unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let begin = std::time::Instant::now();
    endpoint.runtime.block_on(server.stop());
    assert!(begin.elapsed() < Duration::from_secs(5));
}
