//! When an instance can be called.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;

use crate::body::SOCKET;

/// Watches the folder in which an instance's socket will appear.
pub(crate) struct SocketWatch {
    events: AsyncFd<OwnedFd>,
    socket: PathBuf,
}

impl SocketWatch {
    /// Begins before the instance is started.
    pub(crate) fn new(folder: &Path) -> io::Result<SocketWatch> {
        let events = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        add_watch(&events, folder, WatchFlags::CREATE | WatchFlags::ATTRIB)?;
        // SAFETY: an `OwnedFd` is open and the same as long as the `AsyncFd` that owns it.
        let events = unsafe { AsyncFd::register(events) }?;
        Ok(SocketWatch { events, socket: folder.join(SOCKET) })
    }

    /// Returns the first connection that stands.
    pub(crate) async fn connected(&self) -> io::Result<UnixStream> {
        loop {
            match UnixStream::connect(&self.socket).await {
                Ok(stream) => return Ok(stream),
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.event().await?,
                // It is there and does not listen yet: two system calls apart.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => tokio::task::yield_now().await,
                Err(error) => return Err(error),
            }
        }
    }

    async fn event(&self) -> io::Result<()> {
        let mut ready = self.events.readable().await?;
        let mut buffer = [0_u8; 1024];
        // What happened does not matter: the socket is tried again.
        if rustix::io::read(self.events.get_ref(), &mut buffer).is_err() {
            ready.clear_ready();
        }
        Ok(())
    }
}
