//! The protocol between Nuclio's processor and its wrapper: JSON lines on a unix socket that the processor made.
//!
//! This process takes the place of the wrapper of the `nodejs` runtime (`NUCLIO_NODEJS_EXE`, `NUCLIO_NODEJS_WRAPPER_PATH`). It
//! says `s` once, then answers each event with a metric (`m`) and exactly one response (`r`), one event at a time.

mod event;
mod wrapper;

pub use wrapper::wrap;
