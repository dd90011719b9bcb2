//! Platforms of this machine behind HTTP, and a client of it.
