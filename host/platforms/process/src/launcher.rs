//! The launcher's binary, which is part of this program.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;

const BINARY: &[u8] = include_bytes!(env!("LAUNCHER"));

/// The launcher as a file in memory: nothing of it is left on a disk, and nobody can change it.
#[derive(Debug)]
pub(crate) struct Launcher {
    file: OwnedFd,
}

impl Launcher {
    /// Writes it.
    pub(crate) fn new() -> io::Result<Launcher> {
        // Kernels before 6.3 don't know that a file may be executed, as all may be there.
        let file = match memfd_create("faasbench-launcher", MemfdFlags::CLOEXEC | MemfdFlags::EXEC) {
            Err(Errno::INVAL) => memfd_create("faasbench-launcher", MemfdFlags::CLOEXEC),
            made => made,
        }?;
        let mut file = File::from(file);
        file.write_all(BINARY)?;
        Ok(Launcher { file: file.into() })
    }

    /// Its path, as a child of this process sees it until it executes it.
    pub(crate) fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.file.as_raw_fd()).into()
    }

    /// Tries what `words` say, as in `landlock`, and returns what it told.
    pub(crate) fn probe(&self, words: &[&str]) -> Result<String, String> {
        let output = Command::new(self.path()).arg("probe").args(words).env_clear().stdin(Stdio::null()).output();
        let output = output.map_err(|error| format!("the launcher could not be started: {error}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        let said = text(&output.stderr);
        Err(said.strip_prefix("launcher: ").unwrap_or(&said).to_owned())
    }
}
