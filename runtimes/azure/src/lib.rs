//! The protocol of Azure Functions custom handlers.
//!
//! The host starts this process and sends HTTP to `FUNCTIONS_CUSTOMHANDLER_PORT`. With `enableForwardingHttpRequest` requests
//! come as the client sent them; otherwise as `POST /<FunctionName>` with an envelope of bindings, which is told by its
//! `Data` and `Metadata`. It is ready with the first answer to `GET /`.

mod envelope;
mod handler;

pub use handler::CustomHandler;
