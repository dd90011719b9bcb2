//! The platform OpenWhisk.
