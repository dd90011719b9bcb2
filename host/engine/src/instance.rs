//! The interface of a running instance, whatever its engine.

use lab::Error;

use super::wasm::FileCounts;

/// Linear memory grew: when, and to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct GrowthEvent {
    /// Monotonic time, ns.
    pub monotonic_ns: u64,
    /// Size of all linear memories of the instance after it, bytes.
    pub linear_memory_bytes: u64,
}

/// One sandbox with one function in it.
pub trait Instance: Send {
    /// Serves one invocation.
    ///
    /// # Errors
    /// The function's own error, or the limit that it hit.
    fn invoke(&mut self, event: &str) -> Result<String, Error>;

    /// Stable for the life of this instance.
    fn identifier(&self) -> &str;

    /// False once a trap or a limit has ended it: a new instance must take its place.
    fn is_usable(&self) -> bool;

    /// Most linear memory that it ever had, bytes; `None` for native code, which has none.
    fn linear_memory_peak_bytes(&self) -> Option<u64>;

    /// Growths of linear memory since this was asked last.
    fn take_growth_events(&mut self) -> Vec<GrowthEvent>;

    /// Files used at the WASI boundary since this was asked last; `None` for native code, which makes system calls itself.
    fn take_file_counts(&mut self) -> Option<FileCounts>;
}
