//! A competitor in Python: started once, then timed by its own clock, call by call.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running Python program that answers each line with seconds and bytes.
pub(crate) struct Python {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    version: String,
}

impl Python {
    /// Starts `program` on `argument`; its first line is its version.
    pub(crate) fn start(program: &str, argument: &Path) -> Result<Python, String> {
        let mut child = Command::new("python3")
            .args(["-c", program])
            .arg(argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("python3 can't be started: {error}"))?;
        let input = child.stdin.take().ok_or("no standard input")?;
        let mut output = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let mut version = String::new();
        match output.read_line(&mut version) {
            Ok(length) if length > 0 => Ok(Python { child, input, output, version: version.trim().to_owned() }),
            _ => Err("the Python program did not start; is its module installed (`pip install pillow`)?".to_owned()),
        }
    }

    /// What it is.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Has it do its work once: seconds by its own clock, and bytes written.
    pub(crate) fn run(&mut self) -> (f64, u64) {
        self.input.write_all(b"\n").expect("the program is running");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the program answers");
        let mut words = line.split_whitespace();
        let seconds = words.next().and_then(|word| word.parse().ok()).expect("seconds come first");
        (seconds, words.next().and_then(|word| word.parse().ok()).unwrap_or(0))
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // It is only killed to be sure: it ends by itself with its input.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
