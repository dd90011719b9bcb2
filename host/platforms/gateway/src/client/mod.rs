//! A running server as a platform.

mod connection;
mod endpoint;
mod pool;
mod read;
mod served;

pub(crate) use connection::{Connection, Exchanged};
pub use endpoint::{Endpoint, EndpointError};
pub use served::{SERVED_FUNCTION, ServedPlatform};
