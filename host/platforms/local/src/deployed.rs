//! One deployment on a platform of this machine, over all its updates.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use platform::{DeploymentId, DeploymentSpec};

use crate::book::Book;
use crate::later::Later;
use crate::pool::Pool;

/// One deployment.
pub(crate) struct Deployed {
    pub(crate) id: DeploymentId,
    pub(crate) book: Arc<Book>,
    pub(crate) later: Later,
    /// Held by whoever changes the deployment.
    pub(crate) change: tokio::sync::Mutex<()>,
    current: RwLock<Current>,
    /// Pools that were replaced and may not be over yet.
    former: Mutex<Vec<Weak<Pool>>>,
    is_gone: AtomicBool,
}

struct Current {
    pool: Arc<Pool>,
    spec: DeploymentSpec,
}

impl Deployed {
    pub(crate) fn new(book: Arc<Book>, pool: Arc<Pool>) -> Deployed {
        let spec = pool.spec.clone();
        Deployed {
            id: spec.id.clone(),
            book,
            later: Later::new(),
            change: tokio::sync::Mutex::new(()),
            current: RwLock::new(Current { pool, spec }),
            former: Mutex::default(),
            is_gone: AtomicBool::new(false),
        }
    }

    /// The pool that serves.
    pub(crate) fn pool(&self) -> Arc<Pool> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).pool.clone()
    }

    /// What is deployed, with the scale that was set since.
    pub(crate) fn spec(&self) -> DeploymentSpec {
        self.current.read().unwrap_or_else(PoisonError::into_inner).spec.clone()
    }

    /// Another pool takes over. The former one serves who waits there, and ends.
    pub(crate) fn replace(&self, pool: Arc<Pool>) {
        let spec = pool.spec.clone();
        let former = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, Current { pool, spec })
        };
        former.pool.close();
        let mut pools = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        pools.retain(|pool| pool.strong_count() > 0);
        pools.push(Arc::downgrade(&former.pool));
    }

    /// The pool that serves and those before it that are not over yet.
    pub(crate) fn pools(&self) -> Vec<Arc<Pool>> {
        let former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        former.iter().filter_map(Weak::upgrade).chain([self.pool()]).collect()
    }

    /// Returns when it was left and nothing is left of it.
    pub(crate) async fn is_over(&self) {
        for pool in self.pools() {
            pool.is_over().await;
        }
    }

    /// The same pool with another scale.
    pub(crate) fn scale(&self, spec: DeploymentSpec) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.pool.scale(&spec.scale);
        current.spec = spec;
    }

    /// Nobody is to look for another pool any more.
    pub(crate) fn leave(&self) {
        self.is_gone.store(true, Ordering::Release);
        self.pool().close();
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Acquire)
    }
}
