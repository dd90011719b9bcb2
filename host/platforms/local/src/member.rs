//! One instance of a pool.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::driver::Instance;

/// One instance of a pool, with what is known of it.
pub(crate) struct Member {
    pub(crate) id: Arc<str>,
    pub(crate) instance: Arc<dyn Instance>,
    pub(crate) started: Instant,
    /// Told when it leaves the pool, so that nobody watches it any longer.
    pub(crate) left: Notify,
}
