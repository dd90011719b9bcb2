//! Spans to an OpenTelemetry receiver: OTLP over HTTP, protobuf, `POST /v1/traces`.

mod convert;
mod export;

pub(crate) use convert::{CLOCK_OFFSET, KIND};
pub use export::{OtlpError, endpoint, export};
