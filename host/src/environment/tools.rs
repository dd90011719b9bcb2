//! Programs beside faasbench that some of it needs.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::fact::Fact;
use super::types::ToolFacts;

/// A daemon on this machine answers at once or is in trouble.
const DAEMON_PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn collect() -> ToolFacts {
    ToolFacts { container_engine: container_engine(), rust_targets: rust_targets(), valgrind: valgrind() }
}

/// What is known of tools when nobody looked.
pub(super) fn unknown() -> ToolFacts {
    let reason = "nobody looked";
    ToolFacts {
        container_engine: Fact::absent(reason),
        rust_targets: Fact::absent(reason),
        valgrind: Fact::absent(reason),
    }
}

/// The first line of what a program prints; the reason where it can't be started or fails.
fn first_line(program: &str, arguments: &[&str]) -> Fact<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    match output {
        Err(error) => Fact::absent(format!("`{program}` can't be started: {error}")),
        Ok(output) if !output.status.success() => Fact::absent(format!("`{program}` ended with {}", output.status)),
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            Fact::or_absent(text.lines().next().map(|line| line.trim().to_owned()), "it printed nothing")
        }
    }
}

fn valgrind() -> Fact<String> {
    first_line("valgrind", &["--version"])
}

fn rust_targets() -> Fact<Vec<String>> {
    let root = first_line("rustc", &["--print", "sysroot"]);
    let Some(root) = root.value else { return Fact::absent(root.absent_reason.unwrap_or_default()) };
    match std::fs::read_dir(Path::new(&root).join("lib/rustlib")) {
        Err(error) => Fact::absent(format!("{root}/lib/rustlib: {error}")),
        Ok(entries) => {
            let names = entries.flatten().filter(|entry| entry.path().join("lib").is_dir());
            let mut names: Vec<String> = names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            Fact::known(names)
        }
    }
}

/// Where container engines listen: Docker's, Podman's for the system, and Podman's and Docker's for the user.
fn sockets() -> Vec<PathBuf> {
    let mut sockets = Vec::new();
    if let Some(path) = std::env::var("DOCKER_HOST").ok().as_deref().and_then(|host| host.strip_prefix("unix://")) {
        sockets.push(PathBuf::from(path));
    }
    sockets.extend(["/var/run/docker.sock", "/run/podman/podman.sock"].map(PathBuf::from));
    if let Some(runtime) = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from) {
        sockets.extend([runtime.join("docker.sock"), runtime.join("podman/podman.sock")]);
    }
    sockets
}

fn container_engine() -> Fact<String> {
    let mut reasons = Vec::new();
    for socket in sockets() {
        match version(&socket) {
            Ok(version) => return Fact::known(version),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => reasons.push(format!("{}: {error}", socket.display())),
        }
    }
    if reasons.is_empty() {
        return Fact::absent("no socket of Docker or Podman is there");
    }
    Fact::absent(reasons.join("; "))
}

/// Asks an engine's socket for its version, by the Docker API that both speak.
fn version(socket: &Path) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(DAEMON_PATIENCE))?;
    stream.set_write_timeout(Some(DAEMON_PATIENCE))?;
    stream.write_all(b"GET /version HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(1 << 20).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let json: serde_json::Value = serde_json::from_str(body.trim())
        .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))?;
    let name = json["Components"][0]["Name"].as_str().unwrap_or("Engine");
    let version = json["Version"].as_str().unwrap_or("of unknown version");
    Ok(format!("{} {version}", if name == "Engine" { "Docker Engine" } else { name }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn an_engine_is_asked_for_its_version() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("engine.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 256];
            let read = stream.read(&mut request).unwrap();
            assert!(request[..read].starts_with(b"GET /version "));
            let body = r#"{"Version":"5.4.2","Components":[{"Name":"Podman Engine"}]}"#;
            stream.write_all(format!("HTTP/1.0 200 OK\r\n\r\n{body}").as_bytes()).unwrap();
        });
        assert_eq!(version(&socket).unwrap(), "Podman Engine 5.4.2");
        server.join().unwrap();
    }

    #[test]
    fn what_is_no_engine_is_an_error_and_no_panic() {
        let folder = tempfile::tempdir().unwrap();
        assert!(version(&folder.path().join("nothing")).is_err());
        let program = folder.path().join("no-such-program");
        let missing = first_line(program.to_str().unwrap(), &[]);
        assert!(missing.absent_reason.unwrap().contains("can't be started"));
    }
}
