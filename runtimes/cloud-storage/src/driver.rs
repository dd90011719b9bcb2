//! The thread that talks to a service. Functions block; what waits for the network is here.

use std::io;
use std::thread;

use lab::Error;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A thread that runs futures. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Driver {
    handle: Handle,
    _running: oneshot::Sender<()>,
}

impl Driver {
    pub(crate) fn start() -> io::Result<Driver> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (running, dropped) = oneshot::channel();
        thread::Builder::new().name("objects".to_owned()).spawn(move || {
            // An error is what the sender's end is told by.
            let _ = runtime.block_on(dropped);
        })?;
        Ok(Driver { handle, _running: running })
    }

    /// Where tasks can be started that nobody waits for at once.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Runs a future and blocks until it is done. Also from inside another runtime, whose thread it blocks.
    pub(crate) fn run<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> Result<T, Error> {
        pollster::block_on(self.handle.spawn(future))
            .map_err(|error| Error::internal(format!("the client of the object storage failed: {error}")))
    }
}
