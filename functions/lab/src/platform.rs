//! The trait that stands between a function and its platform, and the types in it.

use std::io::{Read, Write};
use std::path::Path;

use crate::Error;

/// Size of the pieces in which objects are streamed, bytes.
pub const STREAM_CHUNK_BYTES: usize = 256 * 1024;

/// A lab function: an event in, a response out, both UTF-8 JSON.
pub type Handler = fn(&dyn Lab, &str) -> Result<String, Error>;

/// One object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its key, whole.
    pub key: String,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// One page of a listing, in the order of the keys' bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The objects of this page.
    pub objects: Vec<Object>,
    /// The key to go on after; `None` on the last page.
    pub next: Option<String>,
}

/// An object being written: visible once finished, nothing if dropped before.
pub trait ObjectWriter: Write {
    /// Makes the object visible and returns its size in bytes.
    fn finish(self: Box<Self>) -> Result<u64, Error>;
}

/// A nested call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The function's bare name.
    pub name: String,
    /// The event, UTF-8 JSON.
    pub payload: String,
}

/// What came of a nested call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The callee's answer.
    pub response: Result<String, Error>,
    /// Unix time, ns.
    pub start_ns: u64,
    /// Unix time, ns.
    pub end_ns: u64,
    /// From a monotonic clock.
    pub elapsed_us: u64,
}

/// The sandbox that serves an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Stable for the life of one sandbox.
    pub identifier: String,
    /// 1 for the first invocation that this sandbox serves.
    pub invocation_index: u64,
    /// How long the sandbox had existed when this invocation began.
    pub age_us: u64,
    /// Name of the platform.
    pub platform: String,
    /// `native` or `wasm`.
    pub engine: String,
    /// The processor's architecture.
    pub arch: String,
    /// Processors that this instance may use.
    pub cores: u32,
    /// `None` where the platform sets no limit.
    pub memory_limit_bytes: Option<u64>,
}

/// What a platform gives a function during one invocation.
pub trait Lab {
    /// Opens an object for reading from its beginning.
    fn open(&self, bucket: &str, key: &str) -> Result<Box<dyn Read + '_>, Error>;

    /// Creates or replaces an object.
    fn create(&self, bucket: &str, key: &str) -> Result<Box<dyn ObjectWriter + '_>, Error>;

    /// The objects whose keys start with `prefix`, from the first key greater than `after`: one page of them.
    fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Page, Error>;

    /// A whole small object.
    fn get(&self, bucket: &str, key: &str) -> Result<Vec<u8>, Error>;

    /// Creates or replaces a whole small object.
    fn put(&self, bucket: &str, key: &str, bytes: &[u8]) -> Result<(), Error>;

    /// Calls one function and waits for its answer.
    fn invoke(&self, call: &Call) -> Outcome;

    /// Calls all of them at once; the answers come in the order of the calls.
    fn invoke_all(&self, calls: &[Call]) -> Vec<Outcome>;

    /// The sandbox that serves this invocation.
    fn instance(&self) -> Instance;

    /// Processor time used by this invocation so far, us; `None` where it can't be read.
    fn cpu_time_us(&self) -> Option<u64>;

    /// An empty folder of this instance's own, the only one that it sees.
    fn scratch(&self) -> &Path;
}
