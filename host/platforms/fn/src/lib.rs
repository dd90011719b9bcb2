//! The platform Fn.
