//! A function that misbehaves as its event says, to test what holds it.
//!
//! Its event is `{"do": DEED, ...}`; [`handle`] lists the deeds. It is one code for all engines: where a deed does not exist
//! on one, the standard library says so and the answer is a plain error.

mod disk;
mod handle;
mod memory;
mod output;
mod processes;
mod sockets;

pub use handle::handle;

lab::export!(handle);
