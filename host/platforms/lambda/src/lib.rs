//! The platform AWS Lambda.
