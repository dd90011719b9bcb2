//! The protocols of Riff's invokers: request and reply over HTTP ([`InvokerService`]), and streams over gRPC
//! ([`serve_streams`]).

mod invoker;
mod media;
mod messages;
mod stream_server;
mod streams;

pub use invoker::InvokerService;
pub use stream_server::serve_streams;
