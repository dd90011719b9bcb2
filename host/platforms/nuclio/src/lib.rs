//! The platform Nuclio.
