//! A server of the fake platform with one function, `echo`.

use std::net::SocketAddr;
use std::sync::Arc;

use gateway::{Listen, Running, ServeOptions, serve};
use platform::{Ledger, MemoryLedger};

use crate::fake::{Fake, spec};

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) running: Running,
    pub(crate) fake: Arc<Fake>,
    pub(crate) ledger: Arc<MemoryLedger>,
}

pub(crate) async fn start(change: impl FnOnce(&mut ServeOptions)) -> Server {
    let fake = Arc::new(Fake::default());
    let ledger = Arc::new(MemoryLedger::new());
    let mut options = ServeOptions::new();
    options.ledger = ledger.clone() as Arc<dyn Ledger>;
    options.deployments = vec![spec("echo")];
    change(&mut options);
    let running = serve(fake.clone(), options).await.unwrap();
    let address = match running.addresses.first() {
        Some(Listen::Tcp(address)) => *address,
        _ => SocketAddr::from(([127, 0, 0, 1], 0)),
    };
    Server { address, running, fake, ledger }
}

pub(crate) async fn usual() -> Server {
    start(|_| {}).await
}

/// Waits until something is so.
pub(crate) async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..2000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("it was not so after 10 s");
}
