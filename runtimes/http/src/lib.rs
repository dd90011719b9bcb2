//! The HTTP server of a native image, and the plain protocol over it: an event in a request's body.
//!
//! [`Server`] is what every platform that speaks HTTP needs: whole bodies, answers with a `Content-Length`, limits on time
//! and memory, and an orderly end. A [`Service`] is one protocol's paths and envelopes; [`EventService`] is that of OpenFaaS,
//! Knative, Cloud Run, Fission, kubeless, Nuclio without its processor and a plain container.

mod body;
mod connections;
mod event;
mod headers;
mod server;
mod service;
mod stream;

pub use event::{EventService, HealthService, event_text};
pub use headers::{add_identity, context};
pub use server::{Limits, Listener, Server};
pub use service::{BoxFuture, Request, Response, Service, answer, json, text};
