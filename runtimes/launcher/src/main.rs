//! Starts a native image inside its limits.

fn main() {}
