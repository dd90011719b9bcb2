//! The server's own side of being in the background.

use process_identity::ProcessIdentity;
use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::MARK;
use super::error::DaemonError;
use super::record::{Folder, Record};
use crate::{Endpoint, Listen, ServeOptions, Token};

/// How long a server in the background stays with nothing deployed.
const EMPTY: Duration = Duration::from_secs(2);

/// How long a former server with the same folder may take to be gone.
const ENDING: Duration = Duration::from_secs(3);
/// How often its lock is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// A process that is a server in the background, for as long as it holds this.
pub struct Background {
    folder: Folder,
    name: String,
    token: Token,
    _alive: File,
}

impl Background {
    /// Makes this process one, in a session of its own: the end of the terminal that it was started from is not its end. To be
    /// called first of all.
    ///
    /// # Errors
    /// When there is one with this folder already, or the folder can't be used.
    pub fn begin(folder: impl Into<PathBuf>) -> Result<Background, DaemonError> {
        // It fails where this process leads a group already, started by hand from a shell: then it stays in that session.
        let _ = rustix::process::setsid();
        let folder = Folder::new(folder);
        folder.create()?;
        let begin = Instant::now();
        // A server that was killed, or is ending, has its lock until the last of its threads is gone.
        let alive = loop {
            if let Some(alive) = folder.lock("alive")? {
                break alive;
            }
            if begin.elapsed() > ENDING {
                return Err(DaemonError::Taken { folder: folder.path().to_owned() });
            }
            std::thread::sleep(LOOK);
        };
        let name = std::env::var(MARK).unwrap_or_default();
        Ok(Background { folder, name, token: Token::random(), _alive: alive })
    }

    /// What such a server does otherwise than one in the foreground: it listens on a free port of 127.0.0.1 with a token of
    /// its own, ends on signals, and ends when nothing is deployed any more.
    pub fn adapt(&self, options: &mut ServeOptions) {
        options.listen = ServeOptions::new().listen;
        options.token = Some(self.token.clone());
        options.end_when_empty = Some(EMPTY);
        options.signals = true;
    }

    /// Writes down where it serves, for the command that started it and for later ones.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn ready(&self, addresses: &[Listen]) -> Result<(), DaemonError> {
        let own = |reason| DaemonError::Folder { path: self.folder.path().to_owned(), reason };
        let address = addresses.first().map(|listen| Endpoint::from(listen).to_string()).unwrap_or_default();
        self.folder.write(&Record {
            name: self.name.clone(),
            address,
            token: self.token.reveal().to_owned(),
            process: ProcessIdentity::of(std::process::id()).map_err(own)?,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.folder.forget(&self.name);
    }
}
