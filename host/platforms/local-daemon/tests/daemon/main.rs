//! Images in a real daemon: the one that runs here, or one of the test's own; and what is refused without any.

#![allow(clippy::unwrap_used, reason = "tests")]

mod engine;
mod images;
mod layout;
