//! Reading a request's body: within a size, a time and the memory that all bodies share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::timeout;

/// Memory that is reserved for a body beforehand, at most, bytes: a declared length is only a claim.
const RESERVED_BYTES: u64 = 64 << 10;

/// Why a body was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is larger than one body may be.
    TooLarge,
    /// It did not arrive in time.
    TooSlow,
    /// All bodies together would take more memory than they may.
    NoMemory,
    /// The connection broke, or what came is not HTTP.
    Broken,
}

/// The memory that all bodies share.
#[derive(Debug)]
pub(crate) struct Budget {
    used: AtomicUsize,
    most: usize,
}

impl Budget {
    pub(crate) fn new(most: usize) -> Budget {
        Budget { used: AtomicUsize::new(0), most }
    }

    fn share(&self) -> Share<'_> {
        Share { budget: self, bytes: 0 }
    }
}

/// One body's part of the budget, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share<'a> {
    budget: &'a Budget,
    bytes: usize,
}

impl Share<'_> {
    fn grow(&mut self, bytes: usize) -> Result<(), BodyError> {
        let used = self.budget.used.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        if used.saturating_add(bytes) > self.budget.most { Err(BodyError::NoMemory) } else { Ok(()) }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Reads a whole body of at most `most` bytes within `time`.
pub(crate) async fn read_body(
    body: Incoming,
    most: usize,
    time: Duration,
    budget: &Budget,
) -> Result<(Bytes, Share<'_>), BodyError> {
    let declared = body.size_hint().exact();
    if declared.is_some_and(|bytes| bytes > most as u64) {
        return Err(BodyError::TooLarge);
    }
    if declared == Some(0) {
        return Ok((Bytes::new(), budget.share()));
    }
    timeout(time, collect(body, most, budget)).await.unwrap_or(Err(BodyError::TooSlow))
}

async fn collect(mut body: Incoming, most: usize, budget: &Budget) -> Result<(Bytes, Share<'_>), BodyError> {
    let mut share = budget.share();
    let declared = body.size_hint().exact();
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        // Trailers say nothing here.
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        if data.len() > most - whole.len() {
            return Err(BodyError::TooLarge);
        }
        share.grow(data.len())?;
        if whole.is_empty() {
            // A body that came in one piece needs no copy.
            if declared == Some(data.len() as u64) {
                return Ok((data, share));
            }
            whole.reserve(declared.unwrap_or(0).min(RESERVED_BYTES) as usize);
        }
        whole.extend_from_slice(&data);
    }
    Ok((whole.into(), share))
}
