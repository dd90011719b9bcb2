//! `wasmtime serve` with our image of function1 for `wasi:http`.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// `$WASMTIME`, or `wasmtime` on the path.
pub(crate) fn find() -> Option<PathBuf> {
    let program = std::env::var_os("WASMTIME").map_or_else(|| PathBuf::from("wasmtime"), PathBuf::from);
    let there = Command::new(&program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    there.is_ok_and(|status| status.success()).then_some(program)
}

pub(crate) fn version(wasmtime: &Path) -> String {
    let output = Command::new(wasmtime).arg("--version").output().expect("it was there before");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The image that `faasbench build --platform wasmtime-serve function1` makes: `$FAASBENCH_HTTP_IMAGE`.
pub(crate) fn image() -> Option<PathBuf> {
    std::env::var_os("FAASBENCH_HTTP_IMAGE").map(PathBuf::from).filter(|path| path.is_file())
}

/// A running `wasmtime serve`, ended when this is dropped.
pub(crate) struct Theirs {
    pub(crate) url: String,
    child: Child,
}

impl Theirs {
    pub(crate) fn start(wasmtime: &Path, image: &Path, options: &[&str]) -> Theirs {
        // A port that was free a moment ago.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port is free");
        let mut child = Command::new(wasmtime)
            .args(["serve", "--addr", &free.to_string(), "-O", "pooling-allocator=y"])
            .args(options)
            .arg(image)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("wasmtime was there before");
        let mut lines = BufReader::new(child.stderr.take().expect("it is a pipe")).lines();
        let serving = lines.by_ref().map_while(Result::ok).find(|line| line.contains("Serving HTTP on"));
        assert!(serving.is_some(), "wasmtime serve ended at its start: {:?}", child.wait());
        // What it prints must go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        // Not `/`: that is a health check, which needs no function.
        Theirs { url: format!("http://{free}/function1"), child }
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        // It is this program's own child, and nothing of it is to be kept.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
