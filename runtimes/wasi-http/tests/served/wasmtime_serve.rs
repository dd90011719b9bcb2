//! The program `wasmtime serve`, as somebody else's host.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use crate::host::Host;

/// The version that its command line is taken from.
const VERSION: &str = "wasmtime 48.";

/// A process that serves.
pub(crate) struct WasmtimeServe {
    process: Child,
    address: SocketAddr,
    stderr: Arc<Mutex<String>>,
    _folder: TempDir,
}

impl WasmtimeServe {
    /// The program that the variable `WASMTIME` names, or on the `PATH`; `None`, said on standard error, where there is none.
    pub(crate) fn program() -> Option<PathBuf> {
        let program = std::env::var_os("WASMTIME").map_or_else(|| PathBuf::from("wasmtime"), PathBuf::from);
        let output = Command::new(&program).arg("--version").output();
        let version = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        if version.starts_with(VERSION) {
            return Some(program);
        }
        eprintln!(
            "SKIPPED with `wasmtime serve`: {} is not there, or not {VERSION}x ({version:?}); set WASMTIME to its path",
            program.display()
        );
        None
    }

    /// Serves an image with no option that would give it more than a proxy; with variables, with `-S cli` and these.
    pub(crate) fn start(image: &[u8], variables: Option<&[(&str, &str)]>) -> WasmtimeServe {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("image.wasm");
        std::fs::write(&file, image).unwrap();
        let mut command = Command::new(WasmtimeServe::program().unwrap());
        // Compiling takes longer than what the tests run.
        command.args(["serve", "--addr", "127.0.0.1:0", "-O", "opt-level=0"]);
        if let Some(variables) = variables {
            command.args(["-S", "cli"]);
            for (name, value) in variables {
                // Not on the command line, where others could read it.
                command.args(["--env", name]).env(name, value);
            }
        }
        let mut process =
            command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let address = first.strip_prefix("Serving HTTP on http://").unwrap_or_else(|| panic!("{first}"));
        let address = address.trim_end_matches('/').parse().unwrap();
        let stderr = Arc::new(Mutex::new(String::new()));
        let written = stderr.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                written.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        WasmtimeServe { process, address, stderr, _folder: folder }
    }
}

impl Host for WasmtimeServe {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }
}

impl Drop for WasmtimeServe {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
