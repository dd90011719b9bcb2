//! The program that carries nested calls where an image can't by itself: where they need TLS or a signature.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use lab::{Error, ErrorKind};

/// Started at the first call, as most invocations make none.
#[derive(Debug)]
pub(crate) struct Helper {
    program: PathBuf,
    socket: PathBuf,
    started: OnceLock<Result<(), String>>,
}

impl Helper {
    pub(crate) fn new(program: PathBuf, socket: PathBuf) -> Helper {
        Helper { program, socket, started: OnceLock::new() }
    }

    /// Starts it unless it was started. It can be called as soon as this returns: its socket is listening already.
    ///
    /// # Errors
    /// When it could not be started, now or before.
    pub(crate) fn start(&self) -> Result<(), Error> {
        let started = self.started.get_or_init(|| self.launch().map_err(|error| error.to_string()));
        started.clone().map_err(|reason| {
            let message = format!("{}, which carries nested calls, can't be started: {reason}", self.program.display());
            Error::new(ErrorKind::Unavailable, message)
        })
    }

    fn launch(&self) -> io::Result<()> {
        // What a former process left behind.
        let _ = std::fs::remove_file(&self.socket);
        let listener = UnixListener::bind(&self.socket)?;
        // It ends with this process by itself.
        Command::new(&self.program).stdin(Stdio::from(OwnedFd::from(listener))).spawn().map(|_| ())
    }
}
