//! The unpacked layer as a root: read-only, as a user that nobody knows, with nothing else in it.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use image_build::ImageKind;

use crate::shared::{has, image};

/// Ends what a test started.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn unpack(target: &Path) {
    let image = image("function1", ImageKind::Oci);
    let manifest = fs::read(image.path.join("blobs").join(image.digest.replace(':', "/"))).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let layer = manifest["layers"][0]["digest"].as_str().unwrap().replace(':', "/");
    let layer = fs::File::open(image.path.join("blobs").join(layer)).unwrap();
    tar::Archive::new(GzDecoder::new(layer)).unpack(target).unwrap();
}

/// The shell's part: a private mount of the folder, read-only; then the program as its only content sees the world.
const SANDBOX: &str =
    "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && exec chroot --userspec=65534:65534 \"$@\"";

fn sandbox(root: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--", "/bin/sh", "-c", SANDBOX, "sandbox"]).arg(root).env_clear();
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

/// Whether such a sandbox can be made; says that the test is skipped when not.
fn can_be_made(root: &Path) -> bool {
    if !has("unshare") || !has("chroot") {
        return false;
    }
    let output = sandbox(root).args(["/fn", "--hc", "127.0.0.1:1/"]).output().unwrap();
    // The health check of nothing fails, by itself.
    if output.status.code() == Some(1) && !String::from_utf8_lossy(&output.stderr).contains("unshare") {
        return true;
    }
    eprintln!("skipped: no mount namespace can be made here: {}", String::from_utf8_lossy(&output.stderr));
    false
}

fn call(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn the_packaged_binary_serves_read_only_as_anybody_and_ends_at_sigterm() {
    let root = tempfile::tempdir().unwrap();
    unpack(root.path());
    if !can_be_made(root.path()) {
        return;
    }
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let child = sandbox(root.path())
        .arg("/fn")
        .env("FAASBENCH_LISTEN", address.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    let begin = Instant::now();
    let answer = loop {
        match call(address) {
            Ok(answer) if !answer.is_empty() => break answer,
            other => assert!(begin.elapsed() < Duration::from_secs(10), "{other:?} {:?}", running.0.try_wait()),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let status = fs::read_to_string(format!("/proc/{}/status", running.0.id())).unwrap();
    assert!(status.contains("Uid:\t65534\t65534"), "{status}");

    let begin = Instant::now();
    let process = rustix::process::Pid::from_raw(running.0.id().cast_signed()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
}

#[test]
fn its_cat_prints_a_file() {
    let root = tempfile::tempdir().unwrap();
    unpack(root.path());
    fs::write(root.path().join("tmp/.lock"), "here").unwrap();
    if !can_be_made(root.path()) {
        return;
    }
    let output = sandbox(root.path()).args(["/bin/cat", "/tmp/.lock"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "here");
}
