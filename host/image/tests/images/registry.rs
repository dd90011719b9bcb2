//! Debian's docker-registry, really run.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use image_build::{ImageKind, PushError, PushOptions, push, remove_tag};
use tempfile::TempDir;

use crate::shared::{files_of, has, image};

/// A registry over a temporary folder.
struct Registry {
    process: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Registry {
    /// `None` when it is not installed. `more` is added to its configuration.
    fn start(more: &str) -> Option<Registry> {
        Registry::start_over(more, "")
    }

    /// One that lets things be removed.
    fn start_with_deletion() -> Option<Registry> {
        Registry::start_over("", "  delete: {enabled: true}\n")
    }

    fn start_over(more: &str, of_storage: &str) -> Option<Registry> {
        if !has("docker-registry") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let storage = folder.path().join("storage");
        let configuration = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\n{of_storage}http:\n  addr: {address}\n{more}",
            storage.display()
        );
        let path = folder.path().join("config.yml");
        fs::write(&path, configuration).unwrap();
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(&path)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let registry = Registry { process, address, _folder: folder };
        let begin = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(20), "the registry does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(registry)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn what_is_pushed_is_what_is_pulled_and_a_second_push_sends_next_to_nothing() {
    let Some(registry) = Registry::start("") else { return };
    let image = image("function1", ImageKind::Oci);
    let place = format!("{}/faasbench/function1", registry.address);
    let pushed = push(&image, &place, &PushOptions::default()).await.unwrap();
    assert_eq!(pushed.digest, image.digest);
    assert_eq!(pushed.pinned, format!("{place}@{}", image.digest));
    assert!(pushed.tagged.starts_with(&format!("{place}:")) && !pushed.tagged.ends_with("latest"), "{pushed:?}");
    let again = push(&image, &format!("{place}:v1"), &PushOptions::default()).await.unwrap();
    assert_eq!((again.digest.as_str(), again.tagged.as_str()), (image.digest.as_str(), format!("{place}:v1").as_str()));
    assert!(again.sent_bytes < 4096 && pushed.sent_bytes > 100_000, "{pushed:?} {again:?}");
    if !has("skopeo") {
        return;
    }
    let copy = tempfile::tempdir().unwrap();
    let output = Command::new("skopeo")
        .args(["copy", "--quiet", "--src-tls-verify=false", &format!("docker://{}", pushed.pinned)])
        .arg(format!("oci:{}", copy.path().display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let blobs = |folder: &std::path::Path| files_of(&folder.join("blobs"));
    assert!(blobs(copy.path()) == blobs(&image.path));
}

#[tokio::test]
async fn a_component_is_pushed_as_an_artifact() {
    let Some(registry) = Registry::start("") else { return };
    let image = image("function1", ImageKind::Component);
    let place = format!("{}/faasbench/function1", registry.address);
    let pushed = push(&image, &place, &PushOptions::default()).await.unwrap();
    if !has("skopeo") {
        return;
    }
    let output = Command::new("skopeo")
        .args(["inspect", "--raw", "--tls-verify=false", &format!("docker://{}", pushed.pinned)])
        .output()
        .unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
    assert_eq!(manifest["layers"][0]["digest"], image.digest.as_str());
}

#[tokio::test]
async fn a_registry_that_asks_who_we_are_is_told_so_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let accounts = folder.path().join("htpasswd");
    // `somebody` with the password `secret`.
    fs::write(&accounts, "somebody:$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n").unwrap();
    let authentication = format!("auth:\n  htpasswd: {{realm: here, path: {}}}\n", accounts.display());
    let Some(registry) = Registry::start(&authentication) else { return };
    let image = image("function1", ImageKind::Oci);
    let error = push(&image, &format!("{}/a/b", registry.address), &PushOptions::default()).await.unwrap_err();
    assert!(matches!(error, PushError::Denied { anonymous: true, .. }), "{error:?}");
    assert!(error.to_string().contains("docker login"), "{error}");

    // Docker's configuration is found by a variable, so each is for a process of its own.
    for (account, expected) in [("somebody:secret", "pushed"), ("somebody:guess", "denied")] {
        let configuration = tempfile::tempdir().unwrap();
        let encoded = base64_of(account);
        let text = format!("{{\"auths\":{{\"{}\":{{\"auth\":\"{encoded}\"}}}}}}", registry.address);
        fs::write(configuration.path().join("config.json"), text).unwrap();
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "registry::with_the_credentials_of_dockers_configuration", "--nocapture"])
            .env("DOCKER_CONFIG", configuration.path())
            .env(PLACE, format!("{}/a/b", registry.address))
            .env(EXPECTED, expected)
            .output()
            .unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{said}");
        assert!(!said.contains("guess") && !said.contains(&encoded), "{said}");
    }
}

const PLACE: &str = "FAASBENCH_TEST_PLACE";
const EXPECTED: &str = "FAASBENCH_TEST_EXPECTED";

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// The part of the test above that has credentials; by itself there is nothing to do.
#[tokio::test]
async fn with_the_credentials_of_dockers_configuration() {
    let (Ok(place), Ok(expected)) = (std::env::var(PLACE), std::env::var(EXPECTED)) else { return };
    let image = image("function1", ImageKind::Oci);
    let result = push(&image, &place, &PushOptions::default()).await;
    match expected.as_str() {
        "pushed" => assert_eq!(result.unwrap().digest, image.digest),
        _ => {
            let error = result.unwrap_err();
            assert!(matches!(error, PushError::Denied { anonymous: false, .. }), "{error:?}");
            eprintln!("{error} {error:?}");
        }
    }
}

#[tokio::test]
async fn a_registry_that_is_not_there_and_an_image_that_is_damaged_are_told() {
    let image = image("function1", ImageKind::Oci);
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = push(&image, &format!("{address}/a/b"), &PushOptions::default()).await.unwrap_err();
    assert!(matches!(error, PushError::Unreachable { .. }), "{error:?}");

    let folder = tempfile::tempdir().unwrap();
    let copy = Command::new("cp").arg("-r").arg(&image.path).arg(folder.path().join("copy")).status().unwrap();
    assert!(copy.success());
    let mut damaged = image.clone();
    damaged.path = folder.path().join("copy");
    let blob = damaged.path.join("blobs").join(image.digest.replace(':', "/"));
    let mut content = fs::read(&blob).unwrap();
    content[10] ^= 1;
    fs::write(&blob, content).unwrap();
    let error = push(&damaged, &format!("{address}/a/b"), &PushOptions::default()).await.unwrap_err();
    assert!(matches!(error, PushError::Image(_)), "{error:?}");
    let binary = crate::shared::image("function1", ImageKind::Binary);
    let error = push(&binary, &format!("{address}/a/b"), &PushOptions::default()).await.unwrap_err();
    assert!(matches!(error, PushError::NotForRegistries { .. }), "{error:?}");
}

/// The tags of a repository.
async fn tags(registry: &Registry, repository: &str) -> Vec<String> {
    let address = format!("http://{}/v2/{repository}/tags/list", registry.address);
    let answer: serde_json::Value = serde_json::from_slice(&get(&address).await).unwrap();
    let tags = answer["tags"].as_array().cloned().unwrap_or_default();
    tags.iter().map(|tag| tag.as_str().unwrap().to_owned()).collect()
}

async fn get(address: &str) -> Vec<u8> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::get(address).await.unwrap().bytes().await.unwrap().to_vec()
}

#[tokio::test]
async fn a_tag_is_removed_and_another_one_of_the_same_image_stays() {
    let Some(registry) = Registry::start("") else { return };
    // Without leave to delete, that is said.
    let image = image("function1", ImageKind::Oci);
    let place = format!("{}/faasbench/function1", registry.address);
    push(&image, &format!("{place}:mine"), &PushOptions::default()).await.unwrap();
    let refused = remove_tag(&format!("{place}:mine"), &PushOptions::default()).await.unwrap_err().to_string();
    assert!(refused.contains("mine") && refused.contains("REGISTRY_STORAGE_DELETE_ENABLED"), "{refused}");

    let Some(registry) = Registry::start_with_deletion() else { return };
    let place = format!("{}/faasbench/function1", registry.address);
    for tag in ["mine", "others"] {
        push(&image, &format!("{place}:{tag}"), &PushOptions::default()).await.unwrap();
    }
    remove_tag(&format!("{place}:mine"), &PushOptions::default()).await.unwrap();
    assert_eq!(tags(&registry, "faasbench/function1").await, ["others"]);
    // What is gone is gone, and the other one's image is whole.
    remove_tag(&format!("{place}:mine"), &PushOptions::default()).await.unwrap();
    let again = push(&image, &format!("{place}:others"), &PushOptions::default()).await.unwrap();
    assert!(again.sent_bytes < 4096, "{again:?}");
}

/// A registry whose removals want a token with a scope of their own; what was asked of it.
fn registry_with_tokens() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
            let line = head.lines().next().unwrap_or_default().to_owned();
            let (status, headers, body) = if line.starts_with("GET /token") {
                ("200 OK", String::new(), r#"{"token":"leave-to-delete"}"#)
            } else if line.starts_with("DELETE") && !head.contains("leave-to-delete") {
                let challenge = format!(
                    "www-authenticate: Bearer realm=\"http://{address}/token\",service=\"here\",scope=\"repository:a/f:delete\"\r\n"
                );
                ("401 Unauthorized", challenge, "")
            } else if line.starts_with("DELETE") {
                ("202 Accepted", String::new(), "")
            } else {
                ("200 OK", String::new(), "")
            };
            noted.lock().unwrap().push(line);
            let length = body.len();
            write!(stream, "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
                .unwrap();
        }
    });
    (address, asked)
}

#[tokio::test]
async fn a_removal_asks_for_the_leave_that_the_registry_wants() {
    let (address, asked) = registry_with_tokens();
    remove_tag(&format!("{address}/a/f:mine"), &PushOptions::default()).await.unwrap();
    let asked = asked.lock().unwrap().clone();
    let tokens: Vec<&String> = asked.iter().filter(|line| line.starts_with("GET /token")).collect();
    assert_eq!(tokens.len(), 1, "{asked:?}");
    assert!(tokens[0].contains("scope=repository%3Aa%2Ff%3Adelete") && tokens[0].contains("service=here"), "{asked:?}");
    assert_eq!(asked.iter().filter(|line| line.starts_with("DELETE /v2/a/f/manifests/mine")).count(), 2);
}
