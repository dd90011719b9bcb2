//! The end of this process, when its platform asks for it.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Whether this process was asked to end. Clones share one state.
#[derive(Debug, Clone)]
pub struct Shutdown {
    requested: watch::Sender<bool>,
    grace: Duration,
}

impl Shutdown {
    /// One that only [`Shutdown::request`] sets off; what was taken is given `grace` to finish.
    pub fn new(grace: Duration) -> Shutdown {
        Shutdown { requested: watch::Sender::new(false), grace }
    }

    /// One that SIGTERM and SIGINT set off too. A second signal ends the process at once. As the first process of a
    /// container it would otherwise ignore them.
    ///
    /// # Errors
    /// When the handlers can't be installed.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn on_signals(grace: Duration) -> io::Result<Shutdown> {
        let shutdown = Shutdown::new(grace);
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::spawn(watch_signals(terminate, interrupt, shutdown.clone()));
        Ok(shutdown)
    }

    /// Asks for the end.
    pub fn request(&self) {
        self.requested.send_replace(true);
    }

    /// Whether the end was asked for.
    pub fn is_requested(&self) -> bool {
        *self.requested.borrow()
    }

    /// Waits until the end is asked for.
    pub async fn requested(&self) {
        let mut requested = self.requested.subscribe();
        // The sender can't go before `self` does.
        let _ = requested.wait_for(|requested| *requested).await;
    }

    /// Waits until the end was asked for and the grace is over.
    pub async fn grace_over(&self) {
        self.requested().await;
        tokio::time::sleep(self.grace).await;
    }

    /// Time for what was taken to finish.
    pub fn grace(&self) -> Duration {
        self.grace
    }
}

async fn watch_signals(mut terminate: Signal, mut interrupt: Signal, shutdown: Shutdown) {
    loop {
        let code = tokio::select! {
            _ = terminate.recv() => 128 + libc::SIGTERM,
            _ = interrupt.recv() => 128 + libc::SIGINT,
        };
        if shutdown.is_requested() {
            std::process::exit(code);
        }
        shutdown.request();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_clones_learn_of_it_also_those_that_ask_late() {
        let shutdown = Shutdown::new(Duration::ZERO);
        let waiting = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.requested().await }
        });
        assert!(!shutdown.is_requested());
        shutdown.clone().request();
        assert!(waiting.await.is_ok());
        shutdown.requested().await;
        assert!(shutdown.is_requested());
    }
}
