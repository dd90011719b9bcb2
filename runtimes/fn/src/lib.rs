//! The protocol of the Fn project, `http-stream`: HTTP/1.1 on a unix socket, one call at a time.
//!
//! The agent waits for the socket's name to appear and connects at once, so the socket listens under another name before
//! that. A call's status tells the agent what to do with the container: 200 and 502 (the function failed) and 504 (it took too
//! long) keep it; anything else would end it.

mod calls;
mod socket;

pub use calls::FnService;
pub use socket::{SocketError, listen};
