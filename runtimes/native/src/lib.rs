//! The native implementation of a lab function's imports.
